"""Values of an image at a coarse level: counts of labels, or the range of a continuous image."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ratiopath.counting.labels import Labelling, distinct
from ratiopath.counting.values import sort_key
from ratiopath.slides import Chunk, SlideReader

ENOUGH_PIXELS = 1000
"""Longer side in px of the coarsest level that is looked at; of a smaller image, level 0 is."""
MAX_PIXELS = 1 << 25
"""Pixels that are read, in chunks all over a larger level."""
MAX_LABELS = 256
"""Distinct values of a label image, above which only the range is told."""


@dataclass(slots=True)
class PixelValues:
    """Values found in the pixels of a level."""

    level: int
    """Index of the level."""
    pixels: int = 0
    """Pixels that were read and exist."""
    absent: int = 0
    """Pixels that were read and do not exist: not scanned, or masked out."""
    share: float = 1.0
    """Share of the level's chunks that were read."""
    counts: Counter[str] | None = field(default_factory=Counter)
    """Pixels of each value by name; None if there are more than MAX_LABELS values."""
    low: float | None = None
    """Smallest number of an image of one channel, without NaN; None if there is none."""
    high: float | None = None
    """Largest number, likewise."""

    @property
    def most_common(self) -> list[tuple[str, int]]:
        """Pixels of each value, in the order of values."""
        return sorted((self.counts or {}).items(), key=lambda one: sort_key(one[0]))

    def add(self, chunk: Chunk, labelling: Labelling) -> None:
        """Count the pixels of a chunk."""
        labels = labelling.labels(chunk.pixels)
        found = labels.ravel() if chunk.exists is None else labels[chunk.exists]
        self.pixels += found.size
        self.absent += labels.size - found.size
        if not found.size:
            return
        if labelling.channels == 1:
            self._widen(found)
        if self.counts is None:
            return
        values, counts = distinct(found)
        if len(values) <= MAX_LABELS:
            for name, count in zip(labelling.names(values), counts.tolist(), strict=True):
                self.counts[name] += count
        if len(values) > MAX_LABELS or len(self.counts) > MAX_LABELS:
            self.counts = None

    def _widen(self, numbers: npt.NDArray[np.generic]) -> None:
        known = numbers[~np.isnan(numbers)] if numbers.dtype.kind == "f" else numbers
        if known.size:
            low, high = float(known.min()), float(known.max())
            self.low = low if self.low is None else min(low, self.low)
            self.high = high if self.high is None else max(high, self.high)


def coarse_level(reader: SlideReader) -> int:
    """Return the coarsest level whose longer side has ENOUGH_PIXELS, or 0."""
    levels = reader.pyramid.levels
    large = [one.index for one in levels if max(one.extent.width, one.extent.height) >= ENOUGH_PIXELS]
    return max(large, default=0)


def count_values(reader: SlideReader, max_pixels: int = MAX_PIXELS) -> PixelValues:
    """Count the values of a coarse level.

    A coarse level of a mask may have been averaged when it was made: values may occur there that level 0 does not have.

    Args:
        reader: Open image.
        max_pixels: Pixels to read at most, give or take a chunk.

    Raises:
        SlideError: A chunk is missing or damaged.
    """
    level = coarse_level(reader)
    values, labelling = PixelValues(level), Labelling(reader.dtype, reader.channels)
    chunks = list(_places(reader, level))
    extent = reader.pyramid.levels[level].extent
    share = min(1.0, max_pixels / (extent.width * extent.height))
    # at random, since equal steps would walk down a column; the same ones each time
    some = sorted(np.random.default_rng(0).permutation(len(chunks))[: max(1, int(share * len(chunks)))].tolist())
    for column, row in (chunks[number] for number in some):
        values.add(reader.read_chunk(level, column, row), labelling)
    values.share = len(some) / len(chunks)
    return values


def _places(reader: SlideReader, level: int) -> Iterator[tuple[int, int]]:
    """Iterate over the columns and rows of a level's chunks, row-major."""
    extent, chunk = reader.pyramid.levels[level].extent, reader.chunk_extent(level)
    columns, rows = -(-extent.width // chunk.width), -(-extent.height // chunk.height)
    yield from ((column, row) for row in range(rows) for column in range(columns))
