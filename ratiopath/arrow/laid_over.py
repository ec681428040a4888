"""What is done with each overlay of a block, for the tiles that are laid over it."""

from collections.abc import Callable
from typing import TypeVar

from ratiopath.arrow.rows import Rows
from ratiopath.errors import InvalidMppError, ParameterError
from ratiopath.geometry import Float64s, Int64s, Mpp
from ratiopath.slides import SlideReader, open_slide

Result = TypeVar("Result")


def map_overlays(
    rows: Rows, overlay_mpp: Mpp | None, work: Callable[[SlideReader, Float64s, Float64s, Mpp], Result]
) -> list[tuple[Int64s, Result]]:
    """Do some work for each group of tiles of one resolution under one overlay; each file is opened once.

    Args:
        rows: The overlay files, with columns tile_x, tile_y, mpp_x and mpp_y.
        overlay_mpp: Resolution of every overlay's level 0 instead of what its file says.
        work: Takes the overlay, the left and top edges of the tiles and their resolution.

    Returns:
        The rows of each group, ascending, and what the work gave. The groups share no row and together are all rows.

    Raises:
        SlideError: An overlay cannot be opened, or the tiles have no resolution.
    """
    results = []
    for path, of_file in rows.by_file():
        with open_slide(path, overlay_mpp) as overlay:
            for mpp, group in rows.by_value(of_file, "mpp_x", "mpp_y"):
                x, y = rows.columns["tile_x"][group], rows.columns["tile_y"][group]
                results.append((group, work(overlay, x, y, _tile_mpp(mpp, path))))
    return results


def _tile_mpp(found: tuple[float, ...], path: str) -> Mpp:
    """The resolution of a group of tiles.

    Args:
        found: Values of the columns mpp_x and mpp_y.
        path: The overlay they are to be laid over, for the error.

    Raises:
        InvalidMppError: One is not finite or <= 0.
    """
    try:
        return Mpp(*found)
    except ParameterError as error:
        text = f"tiles with mpp_x={found[0]}, mpp_y={found[1]}"
        remedy = "correct the columns mpp_x and mpp_y, or give the slide's resolution when it is read"
        raise InvalidMppError("the tiles' mpp is finite and > 0", path=path, found=text, remedy=remedy) from error
