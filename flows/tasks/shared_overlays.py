"""Overlays of one slide that name the same file: it is opened once, and each chunk of an image is decoded once.

Overlays share an image if they read it in the same way; their classes, statistics and regions of interest may differ.
They share the outlines of an annotation if these are read and placed in the same way.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Self

from flows.config.model import CoverageConfig
from flows.tasks.statistics_columns import statistics_in_file
from ratiopath.counting.shares import Shares
from ratiopath.frame import SlideFrame
from ratiopath.overlays import AnnotationOptions, OverlaySettings, TileWindows, open_annotation
from ratiopath.overlays.open import open_raster
from ratiopath.overlays.raster import RasterOverlay
from ratiopath.overlays.vector import VectorOverlay
from ratiopath.statistics.results import Statistics


class SharedOverlays:
    """Open overlays of one slide; use it in a `with` block."""

    def __init__(self, paths: Mapping[str, str | None], config: CoverageConfig, mpps: Mapping[str, float]) -> None:
        """Start with none.

        Args:
            paths: File of each overlay; None where the slide has none.
            config: Configuration of the run.
            mpps: Resolution of each overlay for which the manifest gives one, µm/px.
        """
        self._files = ExitStack()
        self._key_of = {
            name: (path, replace(config.overlays[name].settings(mpps.get(name)), annotation=None))
            for name, path in paths.items()
            if path is not None
        }
        self._images: dict[tuple[str, OverlaySettings], RasterOverlay] = {}
        self._counted = {one.name for one in config.overlay_columns if one.has_overlap}
        self._statistics = {name: statistics_in_file(one) for name, one in config.overlays.items()}
        self._measured: dict[str, tuple[Shares | None, Statistics | None]] = {}
        self._annotations: dict[tuple[object, ...], VectorOverlay] = {}

    def image(self, name: str, frame: SlideFrame) -> RasterOverlay:
        """Return the image of an overlay, which is opened where no other one has.

        Args:
            name: Name of the overlay.
            frame: Frame of the slide.

        Raises:
            SlideError: See `open_raster`.
        """
        key = self._key_of[name]
        if key not in self._images:
            self._images[key] = self._files.enter_context(open_raster(*key, frame))
        return self._images[key]

    def measure(
        self, name: str, image: RasterOverlay, windows_of: Mapping[str, TileWindows]
    ) -> tuple[Shares | None, Statistics | None]:
        """Measure the image of an overlay, in one pass for all overlays that share it.

        Args:
            name: Name of the overlay.
            image: Its image.
            windows_of: Tiles with the region of interest of each overlay.

        Returns:
            Shares, None if the overlay has none; and statistics in the numbers of the file, None if it has none.

        Raises:
            SlideError: See `RasterOverlay.measure`.
        """
        if name not in self._measured:
            sharing = [other for other in windows_of if self._key_of.get(other) == self._key_of[name]]
            counted = [other for other in sharing if other in self._counted]
            several = {windows_of[other].roi: windows_of[other] for other in counted}  # equal ROIs are measured once
            numeric = [other for other in sharing if self._statistics[other]]
            shares, statistics = image.measure(
                list(several.values()), [(windows_of[other], self._statistics[other]) for other in numeric]
            )
            shares_of = dict(zip(several, shares, strict=True))
            statistics_of = dict(zip(numeric, statistics, strict=True))
            for other in sharing:
                found = shares_of[windows_of[other].roi] if other in counted else None
                self._measured[other] = found, statistics_of.get(other)
        return self._measured[name]

    def annotation(self, path: str, frame: SlideFrame, options: AnnotationOptions) -> VectorOverlay:
        """Return an annotation, which is read where no overlay has read it in this way.

        Args:
            path: The file.
            frame: Frame of the slide; the tiles' resolution is in px of level 0 per px if it has none.
            options: Options of the annotation.

        Raises:
            SlideError: See `open_annotation`.
        """
        key = path, options.reading, options.frame
        if key not in self._annotations:
            opened = open_annotation(path, frame, options, in_pixels=frame.mpp is None)
            self._annotations[key] = self._files.enter_context(opened)
        return self._annotations[key].with_options(options.regions)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._files.close()
