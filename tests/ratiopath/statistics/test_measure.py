"""The engine: the numbers of every window from chunks of any size, each window by itself."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ratiopath.geometry import Extent, Mpp
from ratiopath.overlays.overlay import TileWindows
from ratiopath.overlays.raster import RasterOverlay
from ratiopath.roi import Roi
from ratiopath.slides.array import ArrayReader
from ratiopath.slides.reader import Chunk
from ratiopath.statistics import measure
from ratiopath.statistics.statistic import parse_statistics
from tests.ratiopath.statistics.test_numbers import in_numpy
from tests.support import oracles
from tests.support.strategies import rois

ALL = parse_statistics(["mean", "min", "max", "std", "q33", "q95", "share>=0.5", "share<7"])
ONE = Mpp(1.0, 1.0)


class UniformReader(ArrayReader):
    """An array whose chunks of one value say so."""

    def read_chunk(self, level: int, column: int, row: int) -> Chunk:
        chunk = super().read_chunk(level, column, row)
        is_uniform = chunk.exists is None and bool((chunk.pixels == chunk.pixels[0, 0]).all())
        return Chunk(chunk.pixels, chunk.exists, is_uniform=is_uniform)


def measured(pixels, exists, tiles, roi, chunk=(4, 3), reader=UniformReader):
    """Measure tiles of a map of 1 µm/px at its own resolution."""
    masks = None if exists is None else [exists]
    x, y = np.array(tiles, dtype=np.float64).T
    with RasterOverlay(reader([pixels], ONE, chunk=Extent(*chunk), exists=masks)) as overlay:
        return overlay.statistics(TileWindows(x, y, ONE, Roi(roi)), ALL)


def expected_row(pixels, exists, tile, roi) -> list[float]:
    alpha = None if exists is None else [exists]
    patch, outside = oracles.overlay_patch([pixels], (1.0, 1.0), *tile, (1.0, 1.0), roi, alpha)
    numbers = patch[~outside]
    numbers = numbers[~np.isnan(numbers)]
    return [in_numpy(numbers, one) for one in ALL] if len(numbers) else [np.nan] * len(ALL)


@st.composite
def maps(draw):
    """A map with areas of one number, in places NaN or without existence."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    dtype = draw(st.sampled_from(["bool", "uint8", "uint16", "int16", "float32", "float64"]))
    pixels = (random.random((height, width)) * draw(st.sampled_from([1, 9, 300]))).astype(dtype)
    pixels[: draw(st.integers(0, height)), : draw(st.integers(0, width))] = 1
    if pixels.dtype.kind == "f" and draw(st.booleans()):
        pixels[random.random((height, width)) < draw(st.sampled_from([0.05, 0.5, 1.0]))] = np.nan
    exists = random.random((height, width)) < 0.7 if draw(st.booleans()) else None
    return pixels, exists


TILES = st.lists(st.tuples(st.integers(-30, 24), st.integers(-30, 24)), min_size=1, max_size=12)
CHUNKS = st.tuples(st.integers(1, 25), st.integers(1, 25))


@given(maps(), TILES, rois(), CHUNKS)
@settings(max_examples=60, deadline=None)
def test_statistics_are_those_of_the_numbers_in_the_patch(image, tiles, roi, chunk):
    found = measured(*image, tiles, roi, chunk)

    expected = [expected_row(*image, tile, roi) for tile in tiles]
    np.testing.assert_allclose(found.values, expected, rtol=1e-12, atol=1e-12)


@given(maps(), TILES, rois(), CHUNKS, CHUNKS)
@settings(max_examples=60, deadline=None)
def test_a_tile_has_the_same_bytes_whatever_the_chunks_and_the_other_tiles(image, tiles, roi, chunk, other):
    together = measured(*image, tiles, roi, chunk, ArrayReader)

    for row, tile in enumerate(tiles):
        alone = measured(*image, [tile], roi, other)
        assert alone.values.tobytes() == together.values[row : row + 1].tobytes()
        assert alone.existing.tolist() == together.existing[row : row + 1].tolist()


def test_what_is_nan_does_not_exist_or_lies_beyond_the_map_is_left_out():
    pixels = np.array([[1, 2, np.nan], [3, 4, 5]], dtype=np.float32)
    exists = np.array([[True, True, True], [True, False, True]])

    found = measured(pixels, exists, [(0, 0), (1, 0), (2, 0), (2, -1), (9, 9)], shapely.box(0, 0, 2, 2))

    assert found.values[:, 0].tolist()[:3] == [2, 3.5, 5]  # (1, 2, 3), (2, 5), (5)
    assert np.isnan(found.values[3:]).all()
    assert found.existing.tolist() == [3, 2, 1, 0, 0]
    assert found.inside.tolist() == [4] * 5


def test_windows_beyond_the_bytes_at_a_time_are_measured_alike(monkeypatch):
    pixels = np.random.default_rng(0).random((40, 50))
    tiles = [(x, y) for y in range(0, 40, 3) for x in range(0, 50, 3)]
    whole = measured(pixels, None, tiles, shapely.Point(4, 4).buffer(4), (50, 40))
    monkeypatch.setattr(measure, "MAX_BYTES", 1)

    few = measured(pixels, None, tiles, shapely.Point(4, 4).buffer(4), (50, 40))

    assert few.values.tobytes() == whole.values.tobytes()


@pytest.mark.parametrize("chunk", [(8, 8), (5, 40)])
def test_every_chunk_is_decoded_once(chunk):
    class Counting(ArrayReader):
        reads: list = []  # noqa: RUF012 - shared by design

        def read_chunk(self, level, column, row):
            self.reads.append((column, row))
            return super().read_chunk(level, column, row)

    Counting.reads.clear()
    tiles = [(x, y) for y in range(0, 40, 4) for x in range(0, 40, 4)]

    measured(np.ones((40, 40), np.float32), None, tiles, shapely.box(0, 0, 8, 8), chunk, Counting)

    assert len(Counting.reads) == len(set(Counting.reads)) == -(-40 // chunk[0]) * -(-40 // chunk[1])


def test_channels_that_are_equal_are_one_number():
    pixels = np.repeat(np.array([[[1], [3]]], dtype=np.uint8), 3, axis=2)

    assert measured(pixels, None, [(0, 0)], shapely.box(0, 0, 2, 1)).values[0, :3].tolist() == [2, 1, 3]
