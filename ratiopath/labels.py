"""One scalar per pixel, and the name of what it stands for."""

from dataclasses import dataclass

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
            stored = np.ascontiguousarray(pixels)
            return stored.view(np.uint8) if self.dtype == np.bool_ else stored
        height, width, channels = pixels.shape
        if self._packed is None:
            return np.ascontiguousarray(pixels).view(np.dtype((np.void, self.dtype.itemsize * channels)))[..., 0]
        padded = np.zeros((height, width, self._packed.itemsize // self.dtype.itemsize), dtype=self.dtype)
        padded[..., :channels] = pixels
        return padded.view(self._packed)[..., 0]

    @property
    def _packed(self) -> np.dtype[np.generic] | None:
        size = self.dtype.itemsize * self.channels
        return next((np.dtype(f"u{word}") for word in (2, 4, 8) if size <= word), None)

    def names(self, labels: npt.NDArray[np.generic]) -> tuple[str, ...]:
        """The names of some labels: the number, also of a pixel whose channels are equal; else all channels.

        Args:
            labels: Shape (n,), as `labels` makes them.
        """
        if self.channels == 1:
            return tuple("0.0" if str(label) == "-0.0" else str(label) for label in labels)
        width = labels.dtype.itemsize // self.dtype.itemsize
        pixels = np.frombuffer(labels.tobytes(), dtype=self.dtype).reshape(len(labels), width)[:, : self.channels]
        values = pixels.view(np.uint8) if self.dtype == np.bool_ else pixels
        return tuple(str(p[0]) if (p == p[0]).all() else ",".join(str(value) for value in p) for p in values)


def distinct(labels: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.int64]]:
    """The distinct labels of any shape, ascending, and how often each occurs."""
    if labels.dtype == np.uint8 or (labels.dtype == np.uint16 and labels.size > 1 << 12):
        counts = np.bincount(labels.ravel())  # ten times np.unique
        present = np.flatnonzero(counts)
        return present.astype(labels.dtype), counts[present]
    return np.unique(labels, return_counts=True)
