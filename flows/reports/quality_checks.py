"""Quality checks of a slide: sentences that say why a person should review it.

The part of a sentence before a colon is the same for all slides, so that they can be counted by it.
"""

from collections.abc import Iterable, Iterator, Mapping

from schemas.columns import OverlayColumns


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
    overlays: Iterable[OverlayColumns], only_zero: Mapping[str, bool], means: Mapping[str, float | None]
) -> Iterator[str]:
    """Check that each overlay contains something, and one of its classes; a class may consist of the value 0.

    Args:
        overlays: The overlays of the configuration that hold values on the slide: a slide without the file of one is
            left to `missing`.
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
