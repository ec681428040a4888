"""Labels, one scalar per pixel, and the names of the values they stand for (docs/decisions/0005-values.md)."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", np.int64, np.float64)


@dataclass(frozen=True, slots=True)
class Labelling:
    """Conversion of the pixels of one image to labels, and of labels to names."""

    dtype: np.dtype[np.generic]
    """Stored type of a channel."""
    channels: int
    """Channels per pixel, without alpha."""

    def labels(self, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Convert the pixels of a chunk.

        Args:
            pixels: Shape (height, width) for one channel, (height, width, channels) otherwise.

        Returns:
            Shape (height, width), contiguous: the stored number, or the bytes of all channels as an unsigned integer
            if they fit into one and as raw bytes otherwise.
        """
        if self.channels == 1:
            return np.ascontiguousarray(pixels).view(self.label)
        if self.label.kind == "V":
            return np.ascontiguousarray(pixels).view(self.label)[..., 0]
        height, width, channels = pixels.shape
        padded = np.zeros((height, width, self.label.itemsize // self.dtype.itemsize), dtype=self.dtype)
        padded[..., :channels] = pixels
        return padded.view(self.label)[..., 0]

    @property
    def label(self) -> np.dtype[Any]:
        """Type of the labels: kind "V" if they are raw bytes, else 0 stands for 0 in all channels."""
        if self.channels == 1:
            return np.dtype(np.uint8) if self.dtype == np.bool_ else self.dtype
        size = self.dtype.itemsize * self.channels
        return np.dtype(next((f"u{word}" for word in (2, 4, 8) if size <= word), (np.void, size)))

    def names(self, labels: npt.NDArray[np.generic]) -> tuple[str, ...]:
        """Name labels: the number, also of a pixel whose channels are equal, else all channels as "r,g,b".

        Args:
            labels: Shape (n,), as `labels` returns them.
        """
        if self.channels == 1:
            with np.errstate(invalid="ignore"):  # NaN of float16
                return tuple(str(label) for label in labels + 0)  # -0.0 + 0 is 0.0
        width = labels.dtype.itemsize // self.dtype.itemsize
        pixels = np.frombuffer(labels.tobytes(), dtype=self.dtype).reshape(len(labels), width)[:, : self.channels]
        with np.errstate(invalid="ignore"):
            values = (pixels.view(np.uint8) if self.dtype == np.bool_ else pixels) + 0
        return tuple(str(p[0]) if (p == p[0]).all() else ",".join(str(value) for value in p) for p in values)


def distinct(labels: npt.NDArray[Any]) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.int64]]:
    """Find the distinct labels of an array of any shape, ascending, and the number of each."""
    if labels.dtype == np.uint8 or (labels.dtype == np.uint16 and labels.size > 1 << 12):
        counts = np.bincount(labels.ravel())  # ten times np.unique
        present = np.flatnonzero(counts)
        return present.astype(labels.dtype), counts[present]
    return np.unique(labels, return_counts=True)


def distinct_sums(
    keys: npt.NDArray[np.int64], counts: npt.NDArray[Number]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Number]]:
    """Find the distinct keys, ascending, and sum the counts or sizes of each."""
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
    return keys[starts], np.add.reduceat(counts, starts) if len(starts) else counts
