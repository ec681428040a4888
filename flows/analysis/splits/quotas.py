"""Whole numbers of groups for each part of each stratum, as close to the parts asked for as whole numbers can be."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

Cell = tuple[int, int]
"""Row and column of a table of quotas: the stratum and the part."""


def whole_quotas(sizes: Sequence[int], parts: Sequence[Fraction], chances: Iterator[Fraction]) -> list[list[int]]:
    """Round the size of each part of each stratum to a whole number.

    Every quota is its exact size rounded up or down, and so is the sum of each part over all strata; the quotas of a
    stratum sum to its size. The mean over all chances is the exact size, so that the only group of a small stratum is
    in a part as often as the part is large. The method is the unbiased controlled rounding of Cox (1987), J. Am. Stat.
    Assoc. 82: along a cycle of cells that are not whole yet, alternately add and subtract until one of them is.

    Args:
        sizes: Number of groups in each stratum.
        parts: Size of each part; they sum to 1.
        chances: Numbers in [0, 1), one for each step.

    Returns:
        A row per stratum with the number of groups of each part.
    """
    exact = [[size * part for part in parts] for size in sizes]
    rests = [[cell % 1 for cell in row] for row in exact]
    rests.append([-sum(column) % 1 for column in zip(*rests, strict=True)])  # makes the sums of the parts whole too
    for stratum in range(len(rests)):
        while any(0 < rest < 1 for rest in rests[stratum]):
            _shift(rests, _cycle(rests, stratum), next(chances))
    return [
        [int(cell // 1 + rest) for cell, rest in zip(row, kept, strict=True)]
        for row, kept in zip(exact, rests[:-1], strict=True)
    ]


def _cycle(rests: Sequence[Sequence[Fraction]], start: int) -> list[Cell]:
    """Walk along a row and a column in turn over fractions until a row or column comes again; return that cycle.

    Rows and columns have whole sums, so where one cell is a fraction another one is too.
    """
    passed: list[tuple[bool, int]] = [(True, start)]
    cells: list[Cell] = []
    while True:
        is_row, number = passed[-1]
        line = ((number, part) for part in range(len(rests[0]))) if is_row else ((n, number) for n in range(len(rests)))
        row, column = next(cell for cell in line if 0 < rests[cell[0]][cell[1]] < 1 and cell not in cells[-1:])
        cells.append((row, column))
        after = (False, column) if is_row else (True, row)
        if after in passed:
            return cells[passed.index(after) :]
        passed.append(after)


def _shift(rests: list[list[Fraction]], cycle: Sequence[Cell], chance: Fraction) -> None:
    """Add to every other cell and subtract from those between, as far as one cell allows, up or down by chance."""
    raised = [rests[row][column] for row, column in cycle[::2]]
    lowered = [rests[row][column] for row, column in cycle[1::2]]
    up = min(*(1 - rest for rest in raised), *lowered)
    down = min(*raised, *(1 - rest for rest in lowered))
    step = up if chance < down / (up + down) else -down
    for number, (row, column) in enumerate(cycle):
        rests[row][column] += -step if number % 2 else step
