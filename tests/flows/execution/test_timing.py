"""Timed work gives what the work gives, and the seconds it took itself."""

import pyarrow as pa
import pytest

from flows.execution.batch import SECONDS, run_batch, timed
from schemas.table import Column, TableSchema

NUMBERS = TableSchema.of("numbers", (Column("n", pa.int64()),), key=("n",))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_function_is_timed() -> None:
    clock = Clock()

    def work(row):
        clock.now += 5
        return {"n": -row["n"]}

    assert run_batch([{"n": 1}], timed(work, clock)) == [{"n": -1, SECONDS: 5}]


def test_steps_are_timed_without_the_work_of_others() -> None:
    clock = Clock()

    def work(row):
        clock.now += row["n"]
        yield NUMBERS, pa.table({"n": [row["n"]]})
        clock.now += 10 * row["n"]
        yield NUMBERS, pa.table({"n": [row["n"] + 10]})
        clock.now += 100 * row["n"]
        return {"n": row["n"]}

    results = run_batch([{"n": 1}, {"n": 2}], timed(work, clock))
    assert results == [{"n": 1, SECONDS: 111}, {"n": 2, SECONDS: 222}]


def test_an_error_and_an_end_reach_the_work() -> None:
    ended = []

    def work(row):
        try:
            if row["n"] == 2:
                raise ValueError("a bug")
            yield NUMBERS, pa.table({"n": [row["n"]]})
            return {}
        finally:
            ended.append(row["n"])

    with pytest.raises(ValueError, match="a bug"):
        run_batch([{"n": 1}, {"n": 2}], timed(work))
    assert ended == [2, 1]


def test_a_slide_put_aside_is_put_aside() -> None:
    def work(row):
        raise OSError("gone")

    [result] = run_batch([{"n": 1}], timed(work))
    assert isinstance(result, OSError)
