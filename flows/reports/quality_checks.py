"""TODO."""

from collections.abc import Iterator, Mapping

from flows.config.model import CoverageConfig
from flows.records.slides import Slide
from ratiopath.errors import SlideError
from ratiopath.geometry import Mpp
from ratiopath.slides import open_slide
from schemas.columns import OverlayColumns

RELATIVE_TOLERANCE = 0.02
"""By which part of the slide's length an overlay's may differ."""
PIXEL_TOLERANCE = 2
"""By how many of its own pixels it may differ: lengths of overlays are rounded."""


def count_suspicions(tiles: int, kept: int) -> Iterator[str]:
    if not tiles:
        yield "no tiles"
    elif not kept:
        yield "nothing kept"
    elif kept == tiles:
        yield "everything kept"


def class_suspicions(
    overlays: tuple[OverlayColumns, ...], only_zero: Mapping[str, bool], means: Mapping[str, float | None]
) -> Iterator[str]:
    """Overlays that hold nothing, or nothing that has a name; a class of the value 0 is something."""
    for overlay in overlays:
        found = [mean for name in overlay.classes if (mean := means[name]) is not None]
        if only_zero[overlay.name]:
            yield f"overlay {overlay.name} is empty: only the value 0"
        elif found and not any(found):
            yield f"overlay {overlay.name} holds none of its classes"


def extent_suspicions(slide: Slide, overlays: Mapping[str, str | None], config: CoverageConfig) -> Iterator[str]:
    """Overlays that are larger or smaller than the slide, by their headers.

    Args:
        slide: The slide.
        overlays: The file of each overlay; None where the slide has none.
        config: Of the run.
    """
    for name, path in overlays.items():
        if path is None or slide.mpp is None:
            continue
        given = config.overlays[name].mpp
        try:
            with open_slide(path, None if given is None else Mpp.of(given)) as reader:
                level = reader.pyramid.levels[0]
        except (SlideError, OSError) as error:
            yield f"overlay {name} cannot be opened any more: {error}"
            continue
        if level.mpp is None:
            continue
        wanted = (slide.extent.width * slide.mpp.x, slide.extent.height * slide.mpp.y)
        found = (level.extent.width * level.mpp.x, level.extent.height * level.mpp.y)
        for axis, slide_um, overlay_um, pixel in zip("xy", wanted, found, (level.mpp.x, level.mpp.y), strict=True):
            if abs(overlay_um - slide_um) > max(RELATIVE_TOLERANCE * slide_um, PIXEL_TOLERANCE * pixel):
                yield f"overlay {name} spans {overlay_um:,.0f} µm along {axis}, the slide {slide_um:,.0f} µm"
