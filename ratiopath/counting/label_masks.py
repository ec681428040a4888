"""Bit masks of the labels in a chunk: adjacent integers are all tried, other labels are guessed and verified."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ratiopath.counting.bitmask import Mask, Words, pack, padded, padded_width, popcount
from ratiopath.counting.labels import distinct

MAX_LABELS = 16
"""Labels up to which a chunk is split: with more, a mask for each costs more than run-length counting."""
_MAX_SPREAD = 2
"""Difference of the largest and smallest integer up to which all values between are tried without verification."""
_SAMPLED = 16
"""Distance in pixels, along each axis, of the samples that suggest labels and reveal too many of them."""

Labels = npt.NDArray[Any]
"""One scalar per pixel of a chunk, shape (height, width)."""


@dataclass(frozen=True, slots=True)
class LabelSplit:
    """A chunk as one mask per label."""

    masks: list[tuple[Any, Words]]
    """Labels and their packed masks, which share no pixel."""
    rest: Any
    """Label of the pixels in no mask."""


class LabelMasks:
    """Splitter of chunks of one label type; keeps a buffer and the labels of the chunk before."""

    def __init__(self, label: np.dtype[Any]) -> None:
        """Prepare for a type of labels.

        Args:
            label: Type of the labels.
        """
        self.background = label.type(0)
        self._label = label
        self._signed = np.dtype(f"i{label.itemsize}") if label.kind in "iu" else None  # there 255 is -1, next to 0
        self._integers: dict[int, Any] = {}
        self._recent: list[Any] = []
        self._buffer = padded((1, 1))
        self._width = -1

    def split(self, labels: Labels) -> LabelSplit | None:
        """Find the labels of a chunk and their masks.

        If the smallest and largest integer are close, all values between are tried and nothing needs verification.
        Else masks are made until their pixels account for everything but background.

        Returns:
            None if the labels are too many or raw bytes, or NaN is among them.
        """
        if self._label.kind == "V":
            return None
        if self._signed is None:
            return self._split_verified(labels, labels.max())
        ordered = labels.view(self._signed)
        least, greatest = int(ordered.min()), int(ordered.max())
        if greatest - least > _MAX_SPREAD:
            return self._split_verified(labels, self._integer(greatest))
        values = [self._integer(value) for value in range(least, greatest + 1)]
        if least > 0 or greatest < 0:
            return LabelSplit([(value, self._where(labels, value)) for value in values[1:]], values[0])
        values.remove(self.background)
        masks = [(value, self._where(labels, value)) for value in values[1:]]
        if values:  # the pixels that are neither background nor another label
            words = self._where_not_background(labels)
            for _, others in masks:
                words ^= others
            masks.append((values[0], words))
        return LabelSplit(masks, self.background)

    def _integer(self, ordered: int) -> Any:
        """Convert a signed integer to the label of the same bits."""
        label = self._integers.get(ordered)
        if label is None:
            label = self._integers[ordered] = np.array(ordered, self._signed).view(self._label)[()]
        return label

    def _split_verified(self, labels: Labels, likeliest: object) -> LabelSplit | None:
        remaining, masks = int(np.count_nonzero(labels)), []
        for label in self._candidates(labels, likeliest):
            words = self._where(labels, label)
            pixels = popcount(words)
            if pixels:
                masks.append((label, words))
                remaining -= pixels
            if not remaining or len(masks) > MAX_LABELS:
                break
        self._recent = [label for label, _ in masks]
        return None if remaining or len(masks) > MAX_LABELS else LabelSplit(masks, self.background)

    def _candidates(self, labels: Labels, likeliest: object) -> Iterator[Any]:
        """Iterate over labels the chunk may hold, each once, likely ones first so that the rest need not be tried."""
        sample, _ = distinct(labels[::_SAMPLED, ::_SAMPLED])
        if len(sample) > MAX_LABELS:
            return
        tried = {self.background}
        for label in (likeliest, *self._recent, *sample):  # neighbouring chunks share labels
            if label not in tried:
                tried.add(label)
                yield label
        others, _ = distinct(labels)
        if len(others) <= MAX_LABELS + 1:
            yield from (label for label in others if label not in tried)

    def _where_not_background(self, labels: Labels) -> Words:
        if labels.itemsize == 1 and labels.shape[1] == padded_width(labels.shape[1]):
            return pack(labels)  # packing takes everything but 0 for true
        return self.pack(labels != self.background)

    def _where(self, labels: Labels, label: Any) -> Words:
        mask = self._view(labels.shape)
        np.equal(labels, label, out=mask)
        return pack(self._buffer)

    def pack(self, mask: Mask) -> Words:
        """Pack a mask of any width."""
        self._view(mask.shape)[:] = mask
        return pack(self._buffer)

    def _view(self, shape: tuple[int, ...]) -> Mask:
        """Return the part of the buffer that a chunk fills; its padding stays False."""
        height, width = shape
        if len(self._buffer) != height or self._width != width:  # one of another width would keep old pixels
            self._buffer, self._width = padded((height, width)), width
        return self._buffer[:, :width]
