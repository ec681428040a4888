"""Raster overlays: tiles become windows, and every chunk that they touch is decoded once and counted or copied."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from ratiopath.counting.area.area_counter import AreaCounter
from ratiopath.counting.area.fractional import FractionalWindows
from ratiopath.counting.area.pixel_areas import PixelAreas
from ratiopath.counting.area.polygon_counter import PolygonCounter
from ratiopath.counting.counter import WindowCounter
from ratiopath.counting.labels import Labelling
from ratiopath.counting.shares import Shares
from ratiopath.counting.value_counts import MAX_VALUES, ValueAccumulator, ValueCounts
from ratiopath.errors import InvalidMppError, MissingMppError, TooManyValuesError, UnsupportedImageError
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Float64s
from ratiopath.overlays.alignment import Alignment
from ratiopath.overlays.overlay import Counting, Overlay, TileWindows
from ratiopath.overlays.uncertainty import raster_uncertainty
from ratiopath.plan import OverlayTransform, Windows, reaching_beyond
from ratiopath.pyramid import Pyramid
from ratiopath.slides import SlideReader
from ratiopath.slides.reader import NO_MPP
from ratiopath.slides.windows import chunk_windows, read_chunks, read_shared_chunks
from ratiopath.statistics.measure import WindowMeasure
from ratiopath.statistics.results import Statistics
from ratiopath.statistics.statistic import Statistic

Counter = WindowCounter | AreaCounter | PolygonCounter
MAX_PATCH = 1 << 28
"""Overlay pixels under one ROI: a wrong unit in an overlay's metadata would ask for a million times more."""


class RasterOverlay:
    """An overlay of pixels, an `Overlay`."""

    def __init__(
        self,
        reader: SlideReader,
        alignment: Alignment | None = None,
        frame: SlideFrame | None = None,
        counting: Counting = "centre",
    ) -> None:
        """Take over an open reader, which `close` closes.

        Args:
            reader: The image.
            alignment: Place of the image on the slide; None for its corner, by the resolution of the file.
            frame: Level 0 of the slide, in which the alignment counts.
            counting: Rule for the pixels that the edge of the ROI cuts.
        """
        self._reader = reader
        self._counting = counting
        self._frame = frame or SlideFrame()
        self.path = reader.path
        self.alignment = alignment
        self.mpp = reader.pyramid.mpp if alignment is None else alignment.mpp
        self._pyramid = Pyramid.of([level.extent for level in reader.pyramid.levels], self.mpp)

    def patch_size(self, windows: TileWindows) -> tuple[float, float]:
        """Return the width and height of a patch in pixels of the level that is read, not rounded."""
        return self._transform(windows).patch

    def shares(self, windows: TileWindows) -> ValueCounts:
        """Count the values inside the ROI of every tile, in pixels or in equal parts of a pixel."""
        return self.measure([windows], [])[0][0]

    def statistics(self, windows: TileWindows, statistics: Sequence[Statistic]) -> Statistics:
        """Measure the numbers inside the ROI of every tile."""
        return self.measure([], [(windows, statistics)])[1][0]

    def measure(
        self, counted: Sequence[TileWindows], measured: Sequence[tuple[TileWindows, Sequence[Statistic]]]
    ) -> tuple[list[ValueCounts], list[Statistics]]:
        """Count values and measure numbers, for several sets of tiles or ROIs; each chunk is decoded once.

        Args:
            counted: Tiles whose values are counted, as `shares` does.
            measured: Tiles whose numbers are measured, and their statistics, as `statistics` does.

        Returns:
            The counts of each set, and the statistics of each set, in order.

        Raises:
            SlideError: See `Overlay.shares` and `Overlay.statistics`.
        """
        labelling = Labelling(self._reader.dtype, self._reader.channels)
        accumulators = [ValueAccumulator(labelling) for _ in counted]
        counters = [self._counter(windows, values) for windows, values in zip(counted, accumulators, strict=True)]
        measures = [self._measure(windows, statistics) for windows, statistics in measured]
        placed = [windows for windows, _ in counters] + [windows for windows, _ in measures]
        for visits, chunk in read_shared_chunks(self._reader, placed):
            counting = [visit for visit in visits if visit[0] < len(counters)]
            measuring = visits[len(counting) :]
            if counting:
                labels = labelling.labels(chunk.pixels[:1, :1] if chunk.is_uniform else chunk.pixels)
            for number, visit in counting:
                if chunk.is_uniform:
                    counters[number][1].add_uniform(visit, labels)
                else:
                    counters[number][1].add(visit, labels, chunk.exists)
                if accumulators[number].overflows():
                    raise self._too_many_values()
            numbers = self._numbers(chunk.pixels) if measuring else chunk.pixels
            for number, visit in measuring:
                measure = measures[number - len(counters)][1]
                measure.add(visit, numbers, chunk.exists, is_uniform=chunk.is_uniform)
        counts = [counter.value_counts() for _, counter in counters]
        if any(len(one.keys) > MAX_VALUES for one in counts):
            raise self._too_many_values()
        return counts, [measure.statistics() for _, measure in measures]

    def uncertainty(self, windows: TileWindows, shares: Shares) -> Float64s:
        """Bound the error that the overlay's pixels put into the shares of every tile."""
        return raster_uncertainty(self._corners(windows), self._transform(windows), shares, self._counting)

    def patches(self, windows: TileWindows) -> npt.NDArray[np.generic]:
        """Read the pixels under the ROI of every tile."""
        reader, placed = self._reader, self._place(windows)
        channels = (reader.channels,) if reader.channels > 1 else ()
        patches = np.zeros((len(placed), 2, placed.extent.height, placed.extent.width, *channels), dtype=reader.dtype)
        level = reader.pyramid.levels[placed.level].extent
        _mask_outside(patches[:, 1], placed, level, windows.roi.mask(placed.extent))
        for visit, chunk in read_chunks(reader, placed):
            if chunk.is_uniform and not chunk.pixels[0, 0].any():
                continue  # patches are 0 already
            for window, common in chunk_windows(placed, visit):
                patches[window, 0][common.in_window] = chunk.pixels[common.in_chunk]
                if chunk.exists is not None:
                    absent = ~chunk.exists[common.in_chunk]
                    patches[window, 0][common.in_window][absent] = 0
                    patches[window, 1][common.in_window][absent] = 1
        return patches

    def close(self) -> None:
        """Release the file."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _transform(self, windows: TileWindows) -> OverlayTransform:
        if self.mpp is None:
            hint = "set overlays.NAME.mpp (overlay_mpp=) or write the tags"
            raise MissingMppError(f"{self.path!r} has no resolution ({NO_MPP})", path=self.path, hint=hint)
        return OverlayTransform.of(self._pyramid, windows.mpp, windows.roi)

    def _counter(self, windows: TileWindows, values: ValueAccumulator) -> tuple[Windows, Counter]:
        """Return the pixels to read under every tile, and their counter."""
        transform = self._possible_transform(windows)
        level = transform.level.extent
        if self._counting == "centre":
            placed = transform.windows(*self._corners(windows))
            return placed, WindowCounter(placed, level, windows.roi.mask(placed.extent), values)
        exact = FractionalWindows.of(transform, *self._corners(windows))
        if windows.roi.is_box:
            return exact.touched, AreaCounter(exact, level, values)
        return exact.touched, PolygonCounter(exact, level, PixelAreas(exact, transform), values)

    def _measure(self, windows: TileWindows, statistics: Sequence[Statistic]) -> tuple[Windows, WindowMeasure]:
        """Return the pixels to read under every tile, and their measure."""
        placed = self._place(windows)
        level = self._reader.pyramid.levels[placed.level].extent
        return placed, WindowMeasure(placed, level, windows.roi.mask(placed.extent), self._reader.dtype, statistics)

    def _place(self, windows: TileWindows) -> Windows:
        """Locate the ROIs in the overlay, rounded to whole pixels."""
        return self._possible_transform(windows).windows(*self._corners(windows))

    def _corners(self, windows: TileWindows) -> tuple[Float64s, Float64s]:
        """Return the corners of the tiles in px of tile space, relative to the place of the overlay on the slide."""
        if self.alignment is None or self.alignment.origin == (0.0, 0.0):
            return windows.x, windows.y
        (left, top), (x, y) = self.alignment.origin, self._frame.downsample_of(windows.mpp)
        return windows.x - left / x, windows.y - top / y

    def _possible_transform(self, windows: TileWindows) -> OverlayTransform:
        """Compute the transform, provided that both resolutions can be true."""
        transform = self._transform(windows)
        width, height = transform.patch
        if not width * height <= MAX_PATCH:
            mpp, level = windows.mpp, f"level {transform.level.index} of {self.path!r}"
            level_mpp = f"{mpp.x / transform.x} x {mpp.y / transform.y} µm/px"
            problem = (
                f"the ROI of a tile at {mpp.x} x {mpp.y} µm/px spans {width:.3g} x {height:.3g} px "
                f"of {level} at {level_mpp}, more than {MAX_PATCH:,} px"
            )
            hint = "correct the wrong resolution (slide_mpp, overlays.NAME.mpp, overlay_mpp=), or use a smaller ROI"
            raise InvalidMppError(problem, path=self.path, hint=hint)
        return transform

    def _numbers(self, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Return the number of each pixel: the first channel, where all channels are equal."""
        if self._reader.channels == 1:
            return pixels
        if not (pixels == pixels[..., :1]).all():
            problem = f"{self.path!r} is in colour ({self._reader.channels} channels that differ), not a map of numbers"
            hint = "write it as one channel, or give classes in place of stats to count its colours"
            raise UnsupportedImageError(problem, path=self.path, hint=hint)
        return pixels[..., 0]

    def _too_many_values(self) -> TooManyValuesError:
        kind = f"{self._reader.channels} channel(s) of {self._reader.dtype}"
        problem = f"{self.path!r} is a continuous image with more than {MAX_VALUES:,} distinct values ({kind})"
        hint = "give stats, such as [mean, q95], in place of classes (tile_overlay_statistics in the library)"
        return TooManyValuesError(problem, path=self.path, hint=hint)


def _mask_outside(
    masks: npt.NDArray[np.generic], windows: Windows, level: Extent, inside: npt.NDArray[np.bool_] | None
) -> None:
    """Set 1 outside the ROI, which is the same in all windows, and in window pixels beyond the level."""
    if inside is not None:
        masks[:] = ~inside if masks.ndim == inside.ndim + 1 else ~inside[..., None]
    height, width = masks.shape[1:3]
    for window in reaching_beyond(windows, level).tolist():
        x = windows.x[window] + np.arange(width)
        y = windows.y[window] + np.arange(height)
        beyond = ((y < 0) | (y >= level.height))[:, None] | ((x < 0) | (x >= level.width))
        masks[window][beyond] = 1


if TYPE_CHECKING:
    _conforms: type[Overlay] = RasterOverlay
