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
    ("weights", "sizes"),
    [
        ([100] * 5, [5]),  # little work is one block
        ([10_000] * 5, [2, 2, 1]),  # a block is worth a task
        ([30_000] * 16, [2] * 8),  # enough blocks for a few workers
        ([100_000] * 20, [2] * 10),  # a worker holds no more
        ([0] * 130, [64, 64, 2]),  # nor more files
        ([5_000_000], [1]),
        ([], []),
    ],
)
def test_batches_are_consecutive_and_heavy_enough(weights: list[int], sizes: list[int]) -> None:
    batches = batches_of(weights)
    assert [batch.stop - batch.start for batch in batches] == sizes
    assert [number for batch in batches for number in range(batch.start, batch.stop)] == list(range(len(weights)))


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
