"""Run-length counting against counting pixel by pixel."""

from collections import Counter

import numpy as np
import pytest

from ratiopath.counting.cells import CellAxis
from ratiopath.counting.counter import WindowCounter
from ratiopath.counting.labels import Labelling
from ratiopath.counting.run_length import count_runs
from ratiopath.counting.value_counts import ValueAccumulator
from ratiopath.geometry import Extent
from ratiopath.plan import Windows, plan_chunks

KINDS = {
    "uint8": lambda rng, shape: rng.integers(0, 200, shape).astype(np.uint8),
    "uint16 in squares": lambda rng, shape: np.kron(rng.integers(0, 9999, (6, 9)), np.ones((8, 8))).astype(np.uint16),
    "negative": lambda rng, shape: rng.integers(-99, 0, shape).astype(np.int16),
    "words that do not fit beside cell and length": lambda rng, shape: rng.integers(0, 1 << 64, shape, np.uint64),
    "floats and NaN": lambda rng, shape: rng.choice(np.array([0.5, np.nan, -0.0, 1e30]), shape),
    "raw bytes": lambda rng, shape: rng.integers(0, 3, (*shape, 3)).astype(np.float32).view("V12")[..., 0],
    "longer than a word": lambda rng, shape: rng.integers(0, 3, shape).astype(np.complex128),
    "uniform": lambda rng, shape: np.broadcast_to(np.uint32(1 << 31), shape),
}


@pytest.mark.parametrize("inside", ["all", "some", "none"])
@pytest.mark.parametrize("kind", KINDS)
def test_runs_count_what_every_pixel_counts(kind, inside):
    rng = np.random.default_rng(1)
    shape = (48, 72)
    labels = KINDS[kind](rng, shape)
    mask = {"all": None, "some": rng.random(shape) < 0.5, "none": np.zeros(shape, bool)}[inside]
    x, y = CellAxis.of(np.array([3, 20, 31]), 17, 90).span(0, 72), CellAxis.of(np.array([0, 7]), 20, 48).span(0, 48)
    expected = Counter()
    for row, column in np.ndindex(shape):
        if mask is None or mask[row, column]:
            cell = (np.searchsorted(y.starts, row, "right") - 1, np.searchsorted(x.starts, column, "right") - 1)
            expected[(*cell, labels[row, column].tobytes())] += 1

    found = count_runs(labels, x, y, mask)

    keys = zip(found.row, found.column, (label.tobytes() for label in found.labels), strict=True)
    counted = list(zip(keys, found.counts.tolist(), strict=True))
    assert len(dict(counted)) == len(counted)
    assert dict(counted) == expected


def test_only_labels_under_a_window_are_seen():
    """A limit on distinct values must not depend on what lies between windows."""
    image = np.arange(400 * 400, dtype=np.float32).reshape(400, 400)
    windows = Windows(0, np.array([0, 390, 0]), np.array([0, 0, 390]), Extent(10, 10))  # but none at (390, 390)
    accumulator = ValueAccumulator(Labelling(image.dtype, 1))
    counter = WindowCounter(windows, Extent(400, 400), None, accumulator)
    for visit in plan_chunks(windows, Extent(400, 400), Extent(400, 400)):
        counter.add(visit, accumulator.labelling.labels(image), None)

    assert not accumulator.overflows()
    assert len(counter.value_counts().keys) == 300
