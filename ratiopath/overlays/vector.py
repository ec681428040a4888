"""Vector overlays: annotations measured by exact area, in the frame of the slide that they were drawn on."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from itertools import combinations, islice
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from ratiopath.annotations import Annotations
from ratiopath.counting.shares import LabelShares, Shares
from ratiopath.counting.wanted import UNCLASSIFIED, Wanted, chosen
from ratiopath.errors import MissingMppError, UnsupportedImageError
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Float64s, Int64s, Mpp, round_half_up
from ratiopath.overlays.overlay import Overlay, TileWindows
from ratiopath.overlays.polygons.areas import Areas, RoiWindows
from ratiopath.overlays.polygons.clipped import count_centroids, pieces_per_tile
from ratiopath.overlays.polygons.painting import Painter, on_slide
from ratiopath.overlays.polygons.partition import Partition
from ratiopath.overlays.polygons.regions import RegionOptions, Regions, Roles
from ratiopath.overlays.scores import outline_numbers, score_statistics
from ratiopath.statistics.results import Statistics
from ratiopath.statistics.statistic import Statistic

MAX_KINDS, MAX_KIND = 10, 40
"""Kinds of objects that a remark names, and characters of each: they are texts of the file."""
MAX_OVERLAP = 0.001
"""Largest overlap of two classes without a remark, as a share of the smaller one."""
MAX_PIXELS = 1 << 23
"""Pixels that are painted at once, which bounds memory."""


class VectorOverlay:
    """An overlay of polygons with labels, an `Overlay`."""

    def __init__(self, annotations: Annotations, frame: SlideFrame, options: RegionOptions | None = None) -> None:
        """Take polygons in pixels of level 0.

        Args:
            annotations: The polygons.
            frame: Level 0 of the slide, with its resolution; beyond its extent nothing exists.
            options: Meaning of the labels.
        """
        self._annotations = annotations
        self._frame = frame
        self._options = options or RegionOptions()
        self.path = annotations.path
        self.mpp = frame.mpp

    def patch_size(self, windows: TileWindows) -> tuple[float, float]:
        """Return the width and height of a patch in pixels of the tile, not rounded."""
        self._scale(windows.mpp)
        minx, miny, maxx, maxy = windows.roi.bounds
        return maxx - minx, maxy - miny

    def shares(self, windows: TileWindows) -> LabelShares:
        """Measure the labels inside the ROI of every tile, without rounding the ROI to pixels."""
        placed = RoiWindows.of(windows.x, windows.y, windows.roi, self._scale(windows.mpp))
        areas, keys = self._partition.areas(placed), self._partition.keys
        if self._options.on_top:
            tops = sorted({self._top(key) for key in keys}, key=sorted)
            top_of = np.array([tops.index(self._top(key)) for key in keys], dtype=np.int64)
            areas, keys = Areas.summed(areas.window, top_of[areas.group], areas.area), tuple(tops)
        return LabelShares.of(keys, (areas.window, areas.group, areas.area), len(windows), placed.area)

    def with_options(self, options: RegionOptions) -> Self:
        """Return the same outlines with another meaning of their labels; the file is not read again."""
        return self if options == self._options else type(self)(self._annotations, self._frame, options)

    def statistics(self, windows: TileWindows, statistics: Sequence[Statistic]) -> Statistics:
        """Measure the numbers that are the labels, weighted by area; see `ratiopath.overlays.scores`."""
        placed = RoiWindows.of(windows.x, windows.y, windows.roi, self._scale(windows.mpp))
        return score_statistics(self._annotations, self._frame.extent, placed, statistics)

    def uncertainty(self, windows: TileWindows, shares: Shares) -> Float64s:
        """Return 0: outlines have no pixels; NaN if nothing exists."""
        self._scale(windows.mpp)
        return np.where(shares.existing > 0, 0.0, np.nan)

    def patches(self, windows: TileWindows) -> npt.NDArray[np.generic]:
        """Paint the labels at the resolution of the tiles, by the centre of each pixel.

        Returns:
            Shape (tiles, 2, height, width): [:, 0] is 0 where no label is, 1 for the first label of the file in
            alphabetical order, and so on; [:, 1] is 1 outside the ROI or what exists.

        Raises:
            UnsupportedImageError: Labels overlap and none is said to be on top.
        """
        self._refuse_overlaps()
        regions, scale = self._regions, self._scale(windows.mpp)
        x, y, extent = self._pixels(windows)
        names = list(regions.labels)
        patches = np.zeros((len(x), 2, extent.height, extent.width), dtype=np.min_scalar_type(len(names)))
        inside = windows.roi.mask(extent)
        patches[:, 1] = 0 if inside is None else ~inside
        painters = [(names.index(name) + 1, Painter.of(regions.labels[name], scale)) for name in self._order(names)]
        within = None if regions.within is None else Painter.of(regions.within, scale)
        ignored = Painter.of(regions.ignored, scale)
        step = max(1, MAX_PIXELS // (extent.width * extent.height))
        for first in range(0, len(x), step):
            some = slice(first, first + step)
            place = x[some], y[some], extent
            exists = self._on_slide(*place, scale) & ~ignored.covers(*place)
            if within is not None:
                exists &= within.covers(*place)
            for value, painter in painters:
                patches[some, 0][painter.covers(*place) & exists] = value
            patches[some, 1] |= ~exists
        return patches

    def covered(self, windows: TileWindows, labels: Sequence[Wanted] = ()) -> npt.NDArray[np.bool_]:
        """Paint the area of some labels, or of all, at the resolution of the tiles, by the centre of each pixel.

        Returns:
            Shape (tiles, height, width), of the bounding box of the ROI.
        """
        scale, place = self._scale(windows.mpp), self._pixels(windows)
        extent = place[-1]
        painted = np.zeros((len(windows), extent.height, extent.width), dtype=np.bool_)
        for name in self._chosen(labels):
            painted |= Painter.of(self._regions.labels[name], scale).covers(*place)
        return painted

    def count_centroids(self, windows: TileWindows) -> Mapping[str, Int64s]:
        """Count the outlines of each label whose centroid lies in the bounding box of a tile's ROI, half-open.

        Ignored labels have no count, nor those that only say what exists; centroids where nothing exists do not count.
        """
        roles = Roles.of([label or UNCLASSIFIED for label in self._annotations.labels], self._options)
        is_limited = bool(roles.ignored or self._options.within)
        nothing = np.empty(0, dtype=np.object_)
        regions = self._regions if is_limited else Regions({}, self._frame.extent, None, nothing)
        counts = count_centroids(self._annotations, windows, self._scale(windows.mpp), regions.exist_at)
        return {label: count for label, count in counts.items() if label in roles.values}

    def pieces(self, windows: TileWindows, labels: Sequence[Wanted] = ()) -> npt.NDArray[np.object_]:
        """Cut the outlines of some labels, or of all, to the ROI of every tile.

        Returns:
            WKB of a MultiPolygon in pixels of the tile per tile, bytes.
        """
        polygons = [self._regions.labels[label] for label in self._chosen(labels)]
        together = np.concatenate([np.empty(0, dtype=np.object_), *polygons])
        return pieces_per_tile(together, windows, self._scale(windows.mpp))

    def notes(self, classes: Mapping[str, Sequence[Wanted]], *, has_statistics: bool = False) -> list[str]:
        """Describe what was repaired, left out, without effect or counted twice.

        Args:
            classes: Labels of each class.
            has_statistics: True if the labels are numbers of which statistics are measured.
        """
        found, notes = self._annotations, []
        if found.repaired:
            notes.append(f"{found.repaired:,} outlines repaired, area changed by {found.area_changed:,.0f} px²")
        if found.ignored:
            kinds = [f"{_printable(kind)} {count:,}" for kind, count in islice(found.ignored.items(), MAX_KINDS)]
            more = ["..."] if len(found.ignored) > MAX_KINDS else []
            notes.append(f"left out: {', '.join(kinds + more)}")
        is_alone = found.is_negative & ~np.isin(found.layer, found.layer[~found.is_negative])
        if alone := len(np.unique(found.outline[is_alone])):
            notes.append(f"{alone:,} negative regions subtract nothing: their layers have no other regions")
        without = int(np.count_nonzero([not found.labels[index] for index in found.label_index.tolist()]))
        named = {label for labels in classes.values() for label in chosen(labels, [UNCLASSIFIED])}
        if without and not named and (classes or not has_statistics):
            notes.append(f"{without:,} outlines without a label count in no class")
        if has_statistics and (unknown := int(np.count_nonzero(np.isnan(outline_numbers(found))))):
            notes.append(f"{unknown:,} outlines without a number are in no statistic")
        return notes + ([] if self._options.on_top or not classes else self._overlaps(classes))

    def _overlaps(self, classes: Mapping[str, Sequence[Wanted]]) -> list[str]:
        """Describe classes that overlap by more than MAX_OVERLAP of the smaller one."""
        totals = self._partition.totals()
        members = {name: {key for key in totals if chosen(labels, key)} for name, labels in classes.items()}
        notes = []
        for one, other in combinations(members, 2):
            common = sum(totals[key] for key in members[one] & members[other])
            smaller = min(sum(totals[key] for key in members[name]) for name in (one, other))
            if common > MAX_OVERLAP * smaller:
                mpp = self._frame.mpp
                area = f"{common:,.0f} px²" if mpp is None else f"{common * mpp.x * mpp.y / 1e6:,.4g} mm²"
                notes.append(
                    f"classes {one} and {other} overlap by {area}, which counts in both; on_top makes them disjoint"
                )
        return notes

    def close(self) -> None:
        """Release nothing: the file was read whole."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _scale(self, mpp: Mpp) -> tuple[float, float]:
        """Compute the pixels of level 0 per pixel of tile space, along x and y."""
        if self._frame.mpp is None:
            problem = f"{self.path!r} is an annotation in pixels of level 0 of a slide whose resolution is unknown"
            hint = "pass slide_path=, or overlay_mpp=, the resolution of level 0"
            raise MissingMppError(problem, path=self.path, hint=hint)
        return self._frame.downsample_of(mpp)

    @cached_property
    def _regions(self) -> Regions:
        return Regions.of(self._annotations, self._frame.extent, self._options)

    @cached_property
    def _partition(self) -> Partition:
        return Partition.of(self._regions)

    def _pixels(self, windows: TileWindows) -> tuple[Int64s, Int64s, Extent]:
        """Return the left and top edge of each patch in pixels of the tiles, and the size of the patches."""
        minx, miny, _, _ = windows.roi.bounds
        width, height = round_half_up(self.patch_size(windows)).tolist()
        x, y = round_half_up(windows.x + minx), round_half_up(windows.y + miny)
        return x, y, Extent(max(1, width), max(1, height))

    def _chosen(self, labels: Sequence[Wanted]) -> Collection[str]:
        """Return the labels of the file that are wanted, all if none is named."""
        return chosen(labels, self._regions.labels) if labels else self._regions.labels

    def _order(self, labels: list[str]) -> list[str]:
        """Sort labels as they are painted: those that `on_top` does not name below the others, alphabetically."""
        on_top = self._options.on_top
        places = {label: [n for n, wanted in enumerate(on_top) if chosen([wanted], [label])] for label in labels}
        return sorted(labels, key=lambda label: (max(places[label], default=-1), label))

    def _top(self, labels: frozenset[str]) -> frozenset[str]:
        return frozenset(self._order(sorted(labels))[-1:])

    def _on_slide(self, x: Int64s, y: Int64s, extent: Extent, scale: tuple[float, float]) -> npt.NDArray[np.bool_]:
        limits = (None, None) if self._frame.extent is None else (self._frame.extent.width, self._frame.extent.height)
        columns = on_slide(x, extent.width, scale[0], limits[0])
        rows = on_slide(y, extent.height, scale[1], limits[1])
        return rows[:, :, None] & columns[:, None, :]

    def _refuse_overlaps(self) -> None:
        overlaps = [] if self._options.on_top else [key for key in self._partition.totals() if len(key) > 1]
        if overlaps:
            names = " and ".join(repr(label) for label in sorted(min(overlaps, key=sorted))[:2])
            problem = f"{self.path!r} has labels that overlap, such as {names}: a pixel has one value"
            hint = "set on_top: [...], the labels in the order they are painted, the last on top"
            raise UnsupportedImageError(problem, path=self.path, hint=hint)


def _printable(kind: str) -> str:
    """Return a text of a file as it can be shown, at most MAX_KIND characters of it."""
    shown = kind[:MAX_KIND]
    return shown if shown.isprintable() else repr(shown)


if TYPE_CHECKING:
    _conforms: type[Overlay] = VectorOverlay
