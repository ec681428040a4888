"""Quality checks of a slide: sentences that say why a person should review it.

The part of a sentence before a colon is the same for all slides, so that they can be counted by it.
"""

from collections.abc import Iterable, Iterator, Mapping

from flows.config.model import CoverageConfig
from flows.records.slides import Slide
from ratiopath.annotations import is_annotation
from ratiopath.errors import SlideError
from ratiopath.overlays import open_overlay
from schemas.columns import OverlayColumns

RELATIVE_TOLERANCE = 0.02
"""Largest difference between the lengths of an overlay and its slide, as a share of the slide's."""
PIXEL_TOLERANCE = 2
"""Largest difference in px of the overlay, whose size is rounded; the larger of both tolerances counts."""


def check_counts(tiles: int, kept: int, *, is_filtered: bool) -> Iterator[str]:
    """Check that `keep` separates the tiles of a slide.

    Args:
        tiles: Number of tiles of the slide.
        kept: Number of kept tiles.
        is_filtered: True if the configuration has a `keep`.
    """
    if not tiles:
        yield "no tiles"
    elif not is_filtered:
        return
    elif not kept:
        yield "nothing kept"
    elif kept == tiles:
        yield "everything kept"


def check_classes(
    overlays: tuple[OverlayColumns, ...], only_zero: Mapping[str, bool], means: Mapping[str, float | None]
) -> Iterator[str]:
    """Check that each overlay contains something, and one of its classes; a class may consist of the value 0.

    Args:
        overlays: The overlays of the configuration.
        only_zero: True for each overlay without any value but 0, by overlay.
        means: Mean coverage of the slide's tiles by class; None where it is unknown.
    """
    for overlay in overlays:
        found = [mean for name in overlay.classes if (mean := means[name]) is not None]
        if only_zero[overlay.name]:
            yield f"overlay {overlay.name} is empty: only the value 0"
        elif found and not any(found):
            yield f"overlay {overlay.name} holds none of its classes"


def check_heat_maps(empty: Iterable[str]) -> Iterator[str]:
    """Check that each heat map has a number in some tile.

    Args:
        empty: Heat maps without any.
    """
    for name in empty:
        yield f"overlay {name} is empty: no number in any tile"


def check_extents(slide: Slide, overlays: Mapping[str, str | None], config: CoverageConfig) -> Iterator[str]:
    """Check that each overlay has the physical size of the slide; this reads headers only.

    Args:
        slide: The slide.
        overlays: The file of each overlay; None if the slide has none.
        config: The configuration.
    """
    for name, path in overlays.items():
        if path is None or slide.mpp is None:
            continue
        try:
            if is_annotation(path):  # has no edges of its own; its place was checked when it was measured
                continue
            with open_overlay(path, config.overlays[name].settings()) as overlay:
                mpp, found = overlay.mpp, overlay.extent_um
        except (SlideError, OSError) as error:
            yield f"overlay {name} cannot be opened any more: {error}"
            continue
        if mpp is None or found is None:
            continue
        wanted = (slide.extent.width * slide.mpp.x, slide.extent.height * slide.mpp.y)
        for axis, slide_um, overlay_um, pixel in zip("xy", wanted, found, (mpp.x, mpp.y), strict=True):
            if abs(overlay_um - slide_um) > max(RELATIVE_TOLERANCE * slide_um, PIXEL_TOLERANCE * pixel):
                yield f"overlay {name} differs in size: {overlay_um:,.0f} µm along {axis}, the slide {slide_um:,.0f} µm"
