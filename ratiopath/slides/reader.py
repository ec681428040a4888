"""The seam between planning and I/O: what every image file looks like to the rest of the library."""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from ratiopath.geometry import Extent
from ratiopath.pyramid import Pyramid


@dataclass(frozen=True, slots=True)
class Chunk:
    """One decoded piece of a level: the unit that is read, and read once."""

    pixels: npt.NDArray[np.generic]
    """Shape (height, width) for one channel, (height, width, channels) otherwise; the file's own dtype, no alpha. At
    the right and bottom edge as small as the level leaves it. Do not write to it."""
    exists: npt.NDArray[np.bool_] | None
    """Shape (height, width): where something was scanned. None where that is everywhere."""
    is_stored: bool = True
    """False for a sparse piece: the file left it out and every pixel is its fill value."""
    is_uniform: bool = False
    """True where all pixels are known to exist and to be equal, without a look at them."""


class SlideReader(Protocol):
    """An open image: a slide or an overlay."""

    @property
    def path(self) -> str:
        """The file."""

    @property
    def pyramid(self) -> Pyramid:
        """Its levels, with mpp where known."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The stored type of a channel."""

    @property
    def channels(self) -> int:
        """Channels without alpha, at least 1."""

    @property
    def palette(self) -> npt.NDArray[np.uint8] | None:
        """Colours of the class indices of a palette image, shape (indices, 3); None for any other."""

    def chunk_extent(self, level: int) -> Extent:
        """Size of the pieces a level is read in; chunk (c, r) begins at (c * width, r * height)."""

    def read_chunk(self, level: int, column: int, row: int) -> Chunk:
        """Decode one piece.

        Raises:
            TruncatedError: It is not there or does not decode.
        """

    def close(self) -> None:
        """Release the file."""

    def __enter__(self) -> Self:
        """Keep the file open for a block."""

    def __exit__(self, *exception: object) -> None:
        """Close the file."""
