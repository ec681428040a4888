"""Rows mapped through Ray: an error of a slide is an outcome, any other error ends the run."""

from typing import Any

import pyarrow as pa
import pytest
import ray.exceptions

from flows.execution.map_rows import batches_of, map_rows
from ratiopath.errors import MissingMppError

ROWS = pa.table({"name": ["a", "b", "c", "d"]})
GIVES = pa.schema([("name", pa.string()), ("length", pa.int64())])


@pytest.mark.parametrize(
    ("tiles", "processors", "sizes"),
    [
        ([100] * 6, 2, [3, 3]),  # little work is one batch for each processor
        ([2_000] * 20, 2, [4] * 5),  # a batch is worth a task
        ([130] * 400, 2, [50] * 8),  # enough and equal ones for all processors, also of small slides
        ([130] * 400, 10, [20] * 20),  # of a few more processors, those that are worth a task
        ([0] * 400, 2, [50] * 8),
        ([100_000] * 20, 2, [2] * 10),  # a worker holds no more
        ([0] * 3000, 1, [128] * 23 + [56]),  # nor more slides
        ([1, 100_000, 100_000], 2, [2, 1]),
        ([5_000_000], 2, [1]),
        ([], 2, []),
    ],
)
def test_batches_are_consecutive_equal_and_heavy_enough(tiles: list[int], processors: int, sizes: list[int]) -> None:
    batches = batches_of(tiles, processors=processors)
    assert [batch.stop - batch.start for batch in batches] == sizes
    assert [number for batch in batches for number in range(batch.start, batch.stop)] == list(range(len(tiles)))


def test_a_batch_has_no_more_rows_than_asked_for() -> None:
    assert batches_of([0] * 5, max_rows=2, processors=2) == [slice(0, 2), slice(2, 4), slice(4, 5)]


@pytest.mark.usefixtures("local_ray")
def test_a_slides_error_is_an_outcome_and_the_others_go_on() -> None:
    def measure(row: dict[str, Any]) -> dict[str, Any]:  # a local function, which Ray pickles by value
        if row["name"] == "b":
            raise MissingMppError("'b' has no resolution", path="b", hint="set slide_mpp")
        if row["name"] == "c":
            raise PermissionError(13, "Permission denied", "c")
        return {"name": row["name"], "length": 1}

    outcomes = sorted(
        map_rows(ROWS, measure, GIVES, batches_of([0] * 4, max_rows=2)), key=lambda outcome: outcome.number
    )
    assert [outcome.number for outcome in outcomes] == [0, 1, 2, 3]
    assert [outcome.result for outcome in outcomes] == [
        {"name": "a", "length": 1},
        None,
        None,
        {"name": "d", "length": 1},
    ]
    assert (outcomes[1].error, outcomes[1].message) == ("MissingMppError", "'b' has no resolution; hint: set slide_mpp")
    assert (outcomes[2].error, outcomes[2].message) == ("PermissionError", "[Errno 13] Permission denied: 'c'")


@pytest.mark.usefixtures("local_ray")
def test_a_programming_error_ends_the_run() -> None:
    def wrong(row: dict[str, Any]) -> dict[str, Any]:
        return {"name": row["nme"]}

    with pytest.raises(ray.exceptions.RayTaskError, match="KeyError"):
        list(map_rows(ROWS, wrong, GIVES, batches_of([0] * 4, max_rows=2)))


def test_no_rows_need_no_ray() -> None:
    assert list(map_rows(ROWS.slice(0, 0), dict, GIVES, [])) == []
