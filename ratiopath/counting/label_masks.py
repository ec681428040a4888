"""From a chunk's labels to a mask of bits for each: integers that are near need no check, others are verified."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ratiopath.counting.bitmask import Mask, Words, pack, padded, padded_width, popcount
from ratiopath.counting.labels import distinct

MAX_LABELS = 16
"""A chunk with more labels is not split: a mask for each costs more than counting its runs."""
_MAX_SPREAD = 2
"""Integers as near as this are all counted; of others it is verified that none is left out."""
_SAMPLED = 16
"""One pixel in so many along each axis tells which labels to try, and whether they are too many."""

Labels = npt.NDArray[Any]
"""One scalar per pixel of a chunk, shape (height, width)."""


@dataclass(frozen=True, slots=True)
class Split:
    """A chunk taken apart."""

    masks: list[tuple[Any, Words]]
    """Where each label is; masks share no pixel."""
    rest: Any
    """The label of the pixels in no mask."""


class LabelMasks:
    """Takes chunks of one type apart."""

    def __init__(self, label: np.dtype[Any]) -> None:
        """Prepare.

        Args:
            label: The type of labels.
        """
        self.background = label.type(0)
        self._label = label
        self._signed = np.dtype(f"i{label.itemsize}") if label.kind in "iu" else None  # there 255 is -1, next to 0
        self._integers: dict[int, Any] = {}
        self._recent: list[Any] = []
        self._buffer = padded((1, 1))
        self._width = -1

    def split(self, labels: Labels) -> Split | None:
        """Find a chunk's labels and their masks; None if they are too many or raw bytes, or NaN is among them.

        Integers between the least and the greatest are few in most chunks: then there is nothing to verify. Else masks
        are made until their pixels are all that is not background.
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
            return Split([(value, self._where(labels, value)) for value in values[1:]], values[0])
        values.remove(self.background)
        masks = [(value, self._where(labels, value)) for value in values[1:]]
        if values:  # what is neither background nor another label
            words = self._where_not_background(labels)
            for _, others in masks:
                words ^= others
            masks.append((values[0], words))
        return Split(masks, self.background)

    def _integer(self, ordered: int) -> Any:
        """The label that a signed integer of the same bits stands for."""
        label = self._integers.get(ordered)
        if label is None:
            label = self._integers[ordered] = np.array(ordered, self._signed).view(self._label)[()]
        return label

    def _split_verified(self, labels: Labels, surest: object) -> Split | None:
        remaining, masks = int(np.count_nonzero(labels)), []
        for label in self._candidates(labels, surest):
            words = self._where(labels, label)
            pixels = popcount(words)
            if pixels:
                masks.append((label, words))
                remaining -= pixels
            if not remaining or len(masks) > MAX_LABELS:
                break
        self._recent = [label for label, _ in masks]
        return None if remaining or len(masks) > MAX_LABELS else Split(masks, self.background)

    def _candidates(self, labels: Labels, surest: object) -> Iterator[Any]:
        """Labels the chunk may hold, each once: the surest first, so that the last ones need not be tried."""
        sample, _ = distinct(labels[::_SAMPLED, ::_SAMPLED])
        if len(sample) > MAX_LABELS:
            return
        tried = {self.background}
        for label in (surest, *self._recent, *sample):  # recent: of the chunk before, masks are smooth
            if label not in tried:
                tried.add(label)
                yield label
        others, _ = distinct(labels)
        if len(others) <= MAX_LABELS + 1:
            yield from (label for label in others if label not in tried)

    def _where_not_background(self, labels: Labels) -> Words:
        if labels.itemsize == 1 and labels.shape[1] == padded_width(labels.shape[1]):
            return pack(labels)  # packing takes all but 0 for true
        return self.pack(labels != self.background)

    def _where(self, labels: Labels, label: Any) -> Words:
        inside = self._written(labels.shape)
        np.equal(labels, label, out=inside)
        return pack(self._buffer)

    def pack(self, mask: Mask) -> Words:
        """The bits of a mask of any width."""
        self._written(mask.shape)[:] = mask
        return pack(self._buffer)

    def _written(self, shape: tuple[int, ...]) -> Mask:
        """The part of the buffer that a chunk fills; what pads it stays False."""
        height, width = shape
        if len(self._buffer) != height or self._width != width:  # one of another width would keep old pixels
            self._buffer, self._width = padded((height, width)), width
        return self._buffer[:, :width]
