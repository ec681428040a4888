"""One scalar per pixel, and the name of what it stands for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Labelling:
    """How the pixels of one file become labels, and labels become names."""

    dtype: np.dtype[np.generic]
    """The stored type of a channel."""
    channels: int
    """Values per pixel, without alpha."""

    def labels(self, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """The labels of a chunk.

        Args:
            pixels: Shape (height, width) for one channel, (height, width, channels) otherwise.

        Returns:
            Shape (height, width), contiguous: the stored number; or the bytes of all channels, as an unsigned integer
            where they fit into one and as raw bytes otherwise.
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
        """The type of labels, of kind "V" where they are raw bytes; where they are not, 0 is 0 in all channels."""
        if self.channels == 1:
            return np.dtype(np.uint8) if self.dtype == np.bool_ else self.dtype
        size = self.dtype.itemsize * self.channels
        return np.dtype(next((f"u{word}" for word in (2, 4, 8) if size <= word), (np.void, size)))

    def names(self, labels: npt.NDArray[np.generic]) -> tuple[str, ...]:
        """The names of some labels: the number, also of a pixel whose channels are equal; else all channels.

        Args:
            labels: Shape (n,), as `labels` makes them.
        """
        if self.channels == 1:
            return tuple(str(label) for label in labels + 0)  # -0.0 + 0 is 0.0
        width = labels.dtype.itemsize // self.dtype.itemsize
        pixels = np.frombuffer(labels.tobytes(), dtype=self.dtype).reshape(len(labels), width)[:, : self.channels]
        values = (pixels.view(np.uint8) if self.dtype == np.bool_ else pixels) + 0
        return tuple(str(p[0]) if (p == p[0]).all() else ",".join(str(value) for value in p) for p in values)


def distinct(labels: npt.NDArray[Any]) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.int64]]:
    """The distinct labels of any shape, ascending, and how often each occurs."""
    if labels.dtype == np.uint8 or (labels.dtype == np.uint16 and labels.size > 1 << 12):
        counts = np.bincount(labels.ravel())  # ten times np.unique
        present = np.flatnonzero(counts)
        return present.astype(labels.dtype), counts[present]
    return np.unique(labels, return_counts=True)


def distinct_sums(
    keys: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The distinct keys, ascending, and the sum of what was counted for each."""
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
    return keys[starts], np.add.reduceat(counts, starts) if len(starts) else counts
