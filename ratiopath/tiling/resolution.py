"""The resolution that a table's columns claim."""

from ratiopath.errors import InvalidMppError, ParameterError
from ratiopath.geometry import Mpp


def tile_mpp(found: tuple[float, ...], path: str) -> Mpp:
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
