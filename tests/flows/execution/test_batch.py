"""Slides of a block go step by step together: one check for all, and what fails one leaves the others alone."""

import errno

import pyarrow as pa
import pytest

from flows.execution import batch as module
from flows.execution.batch import run_batch
from ratiopath.errors import MissingMppError, TruncatedError
from schemas.table import Column, SchemaError, TableSchema

NUMBERS = TableSchema.of("numbers", (Column("slide", pa.string()), Column("n", pa.int64())), key=("slide", "n"))
TWICE = TableSchema.of("twice", (Column("slide", pa.string()), Column("n", pa.int64())), key=("slide", "n"))


def numbers_of(slide, n):
    return pa.table({"slide": [slide] * len(n), "n": pa.array(n, pa.int64())})


@pytest.fixture
def checks(monkeypatch):
    """The tables that are checked, in order."""
    seen = []

    def checked(table, schema):
        seen.append((schema.name, table.num_rows))
        return check(table, schema)

    check = module.checked
    monkeypatch.setattr(module, "checked", checked)
    return seen


def test_a_step_of_all_slides_is_checked_at_once(checks):
    def work(row):
        for number in range(row["groups"]):
            yield NUMBERS, numbers_of(row["slide"], [number])
            yield TWICE, numbers_of(row["slide"], [number, number + 1])
        return {"slide": row["slide"]}

    rows = [{"slide": "a", "groups": 2}, {"slide": "b", "groups": 0}, {"slide": "c", "groups": 1}]

    assert run_batch(rows, work) == [{"slide": "a"}, {"slide": "b"}, {"slide": "c"}]
    assert checks == [("numbers", 2), ("twice", 4), ("numbers", 1), ("twice", 2)]


def test_a_slides_error_at_any_step_leaves_the_others_alone(checks):
    error = MissingMppError("has mpp", path="b", found="none", remedy="give one")

    def work(row):
        if row["slide"] == "at once":
            raise error
        yield NUMBERS, numbers_of(row["slide"], [1])
        if row["slide"] == "later":
            raise FileNotFoundError(2, "No such file", "x")
        return row

    found = run_batch([{"slide": "at once"}, {"slide": "fine"}, {"slide": "later"}], work)

    assert found[:2] == [error, {"slide": "fine"}]
    assert isinstance(found[2], FileNotFoundError)
    assert checks == [("numbers", 2)]


def test_plain_functions_work_too():
    assert run_batch([{"n": 1}, {"n": 2}], lambda row: {"n": -row["n"]}) == [{"n": -1}, {"n": -2}]


def test_a_broken_schema_ends_all_and_what_was_being_written_is_closed(checks):
    closed = []

    def work(row):
        try:
            yield NUMBERS, numbers_of(row["slide"], row["n"])
        finally:
            closed.append(row["slide"])

    with pytest.raises(SchemaError, match=r"table numbers, column slide, n: names each row once.*\'b\'"):
        run_batch([{"slide": "a", "n": [1]}, {"slide": "b", "n": [2, 2]}], work)
    assert closed == ["a", "b"]


@pytest.fixture
def pauses(monkeypatch):
    """How long was waited, without waiting."""
    seconds = []
    monkeypatch.setattr("tenacity.nap.time.sleep", seconds.append)
    return seconds


def storage_error(number=errno.ESTALE):
    return OSError(number, "Stale file handle", "x")


def test_an_error_of_the_storage_is_tried_again_alone(pauses):
    tries = []

    def work(row):
        slide = row.pop("slide")  # a row that was tried is not tried again as it was left
        tries.append(slide)
        yield NUMBERS, numbers_of(slide, [len(tries)])
        if slide == "b" and tries.count("b") < 3:
            raise TruncatedError("a file can be read", path="b", found="EIO", remedy="try") from storage_error(
                errno.EIO
            )
        return {"slide": slide}

    rows = [{"slide": "a"}, {"slide": "b"}, {"slide": "c"}]

    assert run_batch(rows, work)[1] == {"slide": "b"}
    assert tries == ["a", "b", "c", "b", "b"]
    assert len(pauses) == 1


def test_a_storage_that_stays_away_puts_the_slide_aside(pauses):
    def work(row):
        raise storage_error()

    [found] = run_batch([{"slide": "a"}], work)

    assert (type(found), found.errno) == (OSError, errno.ESTALE)
    assert len(pauses) == 2
    assert 0 < pauses[0] < pauses[1]


def test_an_error_that_is_its_own_cause_ends_the_search(pauses):
    def work(row):
        error = MissingMppError("has mpp", path="b", found="none", remedy="give one")
        raise error from error

    assert [type(error) for error in run_batch([{"slide": "a"}], work)] == [MissingMppError]


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "No such file", "x"), MemoryError("too much")])
def test_what_will_not_pass_is_not_tried_again(pauses, error):
    tries = []

    def work(row):
        tries.append(row)
        raise error

    assert run_batch([{"slide": "a"}], work) == [error]
    assert (len(tries), pauses) == (1, [])
