"""The overlay protocol: what is measured of an overlay is asked in tile space, so that no caller depends on pixels."""

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Protocol, Self, get_args

import numpy as np
import numpy.typing as npt

from ratiopath.annotations import ReadOptions
from ratiopath.annotations.placement import FrameOptions
from ratiopath.counting.shares import Shares
from ratiopath.errors import ParameterError
from ratiopath.geometry import Float64s, Mpp
from ratiopath.overlays.alignment import Align
from ratiopath.overlays.polygons.regions import RegionOptions
from ratiopath.roi import Roi
from ratiopath.statistics.results import Statistics
from ratiopath.statistics.statistic import Statistic

Counting = Literal["centre", "area"]
"""centre: the pixels whose centre lies in the ROI, rounded to whole pixels; area: the part of each pixel in the ROI."""


@dataclass(frozen=True, slots=True)
class TileWindows:
    """Tiles of one resolution, with the region of interest to measure in each."""

    x: Float64s
    """Left edge of each tile in pixels of tile space."""
    y: Float64s
    """Top edge of each tile in pixels of tile space."""
    mpp: Mpp
    """Resolution of tile space, µm/px."""
    roi: Roi
    """Region of interest in pixels of tile space, relative to a tile."""

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, slots=True)
class AnnotationOptions:
    """Options of annotations."""

    reading: ReadOptions = field(default_factory=ReadOptions)
    """Options of reading the file."""
    frame: FrameOptions = field(default_factory=FrameOptions)
    """Frame in which they were drawn."""
    regions: RegionOptions = field(default_factory=RegionOptions)
    """Meaning of the labels."""

    @classmethod
    def of(cls, **options: Any) -> Self:
        """Build options from the fields of `ReadOptions`, `FrameOptions` and `RegionOptions` by name.

        Raises:
            ParameterError: No field has that name.

        Examples:
            >>> AnnotationOptions.of(origin="bounds", ignore=("Artefact",)).frame.origin
            'bounds'
        """
        parts: list[Any] = []
        for kind in (ReadOptions, FrameOptions, RegionOptions):
            names = [one.name for one in fields(kind)]
            parts.append(kind(**{name: options.pop(name) for name in names if name in options}))
        if options:
            raise ParameterError(f"unknown option of annotations: {', '.join(options)}; see AnnotationOptions")
        return cls(*parts)


@dataclass(frozen=True, slots=True)
class OverlaySettings:
    """Options of an overlay."""

    mpp: Mpp | None = None
    """Resolution of level 0 in µm/px, replacing that of the file; for annotations, of level 0 of the slide."""
    annotation: AnnotationOptions | None = None
    """Options of an annotation; None for the defaults."""
    counting: Counting = "centre"
    """Rule for the pixels of an image that the edge of the ROI cuts; an annotation is always measured by area."""
    align: Align = "auto"
    """Rule by which an image is laid over its slide; without a slide, always its corner by the resolution."""

    def __post_init__(self) -> None:
        if self.counting not in get_args(Counting):
            raise ParameterError(f"unknown weights {reprlib.repr(self.counting)}; pass 'centre' or 'area'")
        if self.align not in get_args(Align):
            raise ParameterError(f"unknown align {self.align!r}; pass one of {', '.join(get_args(Align))}")


class Overlay(Protocol):
    """An open overlay. Threads, pickling and use after `close` are as for `SlideReader`."""

    @property
    def path(self) -> str:
        """Path of the file."""

    @property
    def mpp(self) -> Mpp | None:
        """Resolution of level 0 in µm/px; None if unknown."""

    def patch_size(self, windows: TileWindows) -> tuple[float, float]:
        """Return the width and height in pixels, not rounded, of the patches that `patches` would read.

        Raises:
            MissingMppError: The overlay has no resolution.
        """

    def shares(self, windows: TileWindows) -> Shares:
        """Measure the values or labels inside the ROI of every tile.

        Returns:
            A row per tile, in order.

        Raises:
            MissingMppError: The overlay has no resolution.
            InvalidMppError: The resolutions of tiles and overlay cannot both be true.
            TooManyValuesError: More than 65,536 distinct values lie inside the ROIs, or an annotation has more than 256
                labels.
            TruncatedError: A part of the file is missing or damaged.
        """

    def statistics(self, windows: TileWindows, statistics: Sequence[Statistic]) -> Statistics:
        """Measure the numbers inside the ROI of every tile: those of pixels, or of outlines that have a number.

        NaN and what does not exist are left out.

        Returns:
            A row per tile, in order.

        Raises:
            MissingMppError: The overlay has no resolution.
            InvalidMppError: The resolutions of tiles and overlay cannot both be true.
            UnsupportedImageError: The image has channels that differ.
            UnsupportedFormatError: The outlines of an annotation have no numbers.
            TruncatedError: A part of the file is missing or damaged.
        """

    def uncertainty(self, windows: TileWindows, shares: Shares) -> Float64s:
        """Bound the error that the overlay's pixels put into the shares of every tile (docs/accuracy.md).

        Args:
            windows: The tiles.
            shares: Their shares, as `shares` returned them.

        Returns:
            Bound per tile, 0 to 1; NaN if nothing exists.

        Raises:
            MissingMppError: The overlay has no resolution.
        """

    def patches(self, windows: TileWindows) -> npt.NDArray[np.generic]:
        """Read the pixels under the ROI of every tile.

        Returns:
            Shape (tiles, 2, height, width) for one channel and (tiles, 2, height, width, channels) otherwise, in the
            overlay's dtype: [:, 0] the pixels, 0 where none exist; [:, 1] the mask, true (1) outside the ROI or the
            overlay.

        Raises:
            MissingMppError: The overlay has no resolution.
            InvalidMppError: The resolutions of tiles and overlay cannot both be true.
            TruncatedError: A part of the file is missing or damaged.
        """

    def close(self) -> None:
        """Release the file."""

    def __enter__(self) -> Self:
        """Return the overlay itself."""

    def __exit__(self, *exception: object) -> None:
        """Close the file."""
