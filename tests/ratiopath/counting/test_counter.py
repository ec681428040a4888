"""The counting engine against counting every window by itself."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratiopath.counting import counter as counting
from ratiopath.counting.labels import Labelling
from ratiopath.counting.roi_stamp import RoiStamp, disjoint_layers
from ratiopath.counting.value_counts import ValueAccumulator
from ratiopath.geometry import Extent
from ratiopath.plan import Windows, plan_chunks

IMAGES = {
    "uniform": lambda rng, shape: np.full(shape, 7, np.uint8),
    "binary": lambda rng, shape: rng.choice(np.array([0, 255], np.uint8), shape),
    "few": lambda rng, shape: rng.integers(0, 5, shape).astype(np.int16) - 2,
    "many": lambda rng, shape: rng.integers(0, 256, shape).astype(np.uint8),
    "half many": lambda rng, shape: np.where(np.arange(shape[1]) < 9, 3, rng.integers(0, 999, shape)).astype(np.uint16),
    "nothing": lambda rng, shape: np.full(shape, np.nan, np.float32),
    "floats": lambda rng, shape: rng.choice(np.array([0.5, np.nan, -1], np.float32), shape),
    "long": lambda rng, shape: rng.choice(np.array([0, 1, (1 << 64) - 1], np.uint64), shape),
    "long and many": lambda rng, shape: rng.integers(0, 1 << 64, shape, np.uint64),
}


@st.composite
def windows_on_a_level(draw):
    extent = Extent(draw(st.integers(1, 9)), draw(st.integers(1, 300)))
    level = Extent(draw(st.integers(1, 40)), draw(st.integers(1, 600)))
    if draw(st.booleans()):  # a grid, rows shuffled, some missing
        xs = np.arange(-2, level.width + 2, draw(st.integers(1, 12)))
        ys = np.arange(-2, level.height + 2, draw(st.integers(40, 300)))
        grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        corners = draw(st.permutations(grid.tolist()))[: draw(st.integers(0, 60))]
    else:
        corner = st.tuples(st.integers(-10, 50), st.integers(-310, 610))
        corners = draw(st.lists(corner, max_size=20))
    x, y = np.array(corners, dtype=np.int64).reshape(-1, 2).T
    return Windows(0, x, y, extent), level


@settings(deadline=None, max_examples=150)
@given(
    windows_on_a_level(),
    st.tuples(st.integers(1, 45), st.integers(1, 400)),
    st.sampled_from(sorted(IMAGES)),
    st.sampled_from(["box", "roi"]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_every_path_counts_what_slicing_each_window_counts(placed, chunk, kind, roi_kind, sparse, seed):
    windows, level = placed
    rng = np.random.default_rng(seed)
    image = IMAGES[kind](rng, (level.height, level.width))
    exists = rng.random(image.shape) < 0.7 if sparse else None
    roi = rng.random((windows.extent.height, windows.extent.width)) < 0.6 if roi_kind == "roi" else None
    expected = [window_counts(image, exists, roi, windows, index) for index in range(len(windows))]

    found = counted(image, exists, roi, windows, Extent(*chunk))

    assert found == expected


@pytest.mark.parametrize("limit", ["_MAX_TABLE_BYTES", "_MAX_TABLES", "_MIN_CELL_LIMIT"])
def test_windows_beyond_a_limit_of_the_cells_are_counted_one_by_one(monkeypatch, limit):
    monkeypatch.setattr(counting, limit, 0)
    monkeypatch.setattr(
        counting, "_MAX_CELLS_PER_WINDOW", 0 if limit == "_MIN_CELL_LIMIT" else counting._MAX_CELLS_PER_WINDOW
    )
    rng = np.random.default_rng(1)
    image = IMAGES["few"](rng, (40, 30))
    x, y = np.mgrid[0:30:5, 0:40:5].reshape(2, -1)
    windows = Windows(0, x, y, Extent(8, 8))
    roi = rng.random((8, 8)) < 0.5

    found = counted(image, None, roi, windows, Extent(16, 16))

    assert found == [window_counts(image, None, roi, windows, index) for index in range(len(windows))]


def test_tiles_that_overlap_eightfold_are_counted_in_layers():
    image = IMAGES["few"](np.random.default_rng(1), (40, 30))
    x, y = np.mgrid[-8:30, -8:40].reshape(2, -1)
    windows = Windows(0, x, y, Extent(8, 8))
    roi = np.tri(8, dtype=np.bool_)
    assert len(counting.WindowCounter(windows, Extent(30, 40), roi, accumulator_of(image))._layers) == 8 * 8

    found = counted(image, None, roi, windows, Extent(16, 16))

    assert found == [window_counts(image, None, roi, windows, index) for index in range(len(windows))]


def test_a_roi_stamp_that_was_dropped_is_made_again(monkeypatch):
    monkeypatch.setattr(RoiStamp, "_MAX_CACHED_BYTES", 1)
    image = IMAGES["few"](np.random.default_rng(1), (64, 100))
    x, y = np.mgrid[0:100:7, 0:64:9].reshape(2, -1)
    windows = Windows(0, x, y, Extent(8, 8))
    roi = np.tri(8, dtype=np.bool_)

    found = counted(image, None, roi, windows, Extent(16, 16))

    assert found == [window_counts(image, None, roi, windows, index) for index in range(len(windows))]


def test_windows_of_a_layer_do_not_overlap():
    x, y = np.mgrid[0:100:7, 0:100:9].reshape(2, -1)
    windows = Windows(0, x, y, Extent(20, 20))

    split = disjoint_layers(windows)

    assert sorted(np.concatenate(split).tolist()) == list(range(len(windows)))
    assert len(split) == 3 * 3
    for layer in split:
        painted = np.zeros((130, 130), dtype=int)
        for index in layer:
            painted[y[index] : y[index] + 20, x[index] : x[index] + 20] += 1
        assert painted.max() == 1


def accumulator_of(image):
    return ValueAccumulator(Labelling(image.dtype, 1))


def counted(image, exists, roi, windows, chunk):
    level = Extent(image.shape[1], image.shape[0])
    accumulator = accumulator_of(image)
    counter = counting.WindowCounter(windows, level, roi, accumulator)
    for visit in plan_chunks(windows, level, chunk):
        rows, columns = slice(visit.y, visit.y + visit.extent.height), slice(visit.x, visit.x + visit.extent.width)
        piece = image[rows, columns]
        if exists is None and ((piece == piece[0, 0]).all() or np.isnan(piece.astype(np.float64)).all()):
            counter.add_uniform(visit, piece[:1, :1])
        else:
            counter.add(visit, accumulator.labelling.labels(piece), None if exists is None else exists[rows, columns])
    found = counter.value_counts()
    starts = found.offsets.tolist()
    return [
        {found.keys[found.key_index[entry]]: int(found.counts[entry]) for entry in range(*ends)}
        for ends in itertools.pairwise(starts)
    ]


def window_counts(image, exists, roi, windows, index):
    counts = {}
    for i in range(windows.extent.height):
        for j in range(windows.extent.width):
            row, column = int(windows.y[index]) + i, int(windows.x[index]) + j
            on_image = 0 <= row < image.shape[0] and 0 <= column < image.shape[1]
            if on_image and (roi is None or roi[i, j]) and (exists is None or exists[row, column]):
                key = str(image[row, column])
                counts[key] = counts.get(key, 0) + 1
    return counts
