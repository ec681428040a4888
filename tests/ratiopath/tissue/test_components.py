"""Components are those that a flood fill finds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ratiopath.tissue.components import fill_small_holes, remove_small_objects

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=14))
SIDES = ((0, 1), (1, 0), (0, -1), (-1, 0))
CORNERS = ((1, 1), (1, -1), (-1, 1), (-1, -1))


def flooded(mask, steps):
    """Yield the pixels of each component."""
    left = set(zip(*map(np.ndarray.tolist, np.nonzero(mask)), strict=True))
    while left:
        front = [left.pop()]
        found = list(front)
        while front:
            row, column = front.pop()
            near = {(row + y, column + x) for y, x in steps} & left
            left -= near
            front += near
            found += near
        yield found


@given(MASKS, st.integers(0, 12))
def test_objects_are_joined_by_sides_and_corners(mask, pixels) -> None:
    expected = mask.copy()
    for found in flooded(mask, SIDES + CORNERS):
        if len(found) < pixels:
            expected[tuple(zip(*found, strict=True))] = False
    assert np.array_equal(remove_small_objects(mask, pixels), expected)


@given(MASKS, st.integers(0, 12))
def test_holes_are_joined_by_sides_and_do_not_reach_the_border(mask, pixels) -> None:
    expected = mask.copy()
    for found in flooded(~mask, SIDES):
        inside = all(0 < row < mask.shape[0] - 1 and 0 < column < mask.shape[1] - 1 for row, column in found)
        if inside and len(found) < pixels:
            expected[tuple(zip(*found, strict=True))] = True
    assert np.array_equal(fill_small_holes(mask, pixels), expected)


def test_a_spiral_and_a_comb_are_one_object_each() -> None:
    comb = np.zeros((40, 41), dtype=np.bool_)
    comb[:, ::2] = True
    comb[-1] = True
    assert np.array_equal(remove_small_objects(comb, comb.sum()), comb)
    assert not remove_small_objects(comb, comb.sum() + 1).any()
    spiral = np.zeros((33, 33), dtype=np.bool_)
    row, column, length, heading = 16, 16, 2, 0
    while 0 <= row < 33 and 0 <= column < 33 and length < 32:
        for _ in range(length):
            spiral[row, column] = True
            row, column = row + (0, 1, 0, -1)[heading % 4], column + (1, 0, -1, 0)[heading % 4]
        heading += 1
        length += 2 * (heading % 2 == 0)
    assert np.array_equal(remove_small_objects(spiral, spiral.sum()), spiral)
    assert not remove_small_objects(spiral, spiral.sum() + 1).any()


def test_a_mask_without_a_pixel_or_without_a_gap_stays() -> None:
    for mask in (np.zeros((3, 4), np.bool_), np.ones((3, 4), np.bool_)):
        assert np.array_equal(remove_small_objects(mask, 5), mask)
        assert np.array_equal(fill_small_holes(mask, 5), mask)
