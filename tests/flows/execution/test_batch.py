"""A batch computes slides alone, validates them together, and a failed slide leaves the others alone."""

import errno

import pyarrow as pa
import pytest

from flows.execution import batch as module
from flows.execution.batch import Done, Draft, run_batch
from ratiopath.errors import MissingMppError, TruncatedError
from schemas.table import Column, SchemaError, TableSchema

NUMBERS = TableSchema.of("numbers", (Column("slide", pa.string()), Column("n", pa.int64())), key=("slide", "n"))


def table(slide, n):
    return pa.table({"slide": [slide] * len(n), "n": pa.array(n, pa.int64())})


def draft(row, groups, written=None):
    """A draft of some row groups that notes what it writes."""

    def write(tables, _):
        numbers = [one["n"].to_pylist() for one in tables]
        if written is not None:
            written.append((row["slide"], numbers))
        return {"slide": row["slide"]}

    return Draft(NUMBERS, groups, write)


def results(rows, compute):
    return [result.row if isinstance(result, Done) else result for result in run_batch(rows, compute)]


@pytest.fixture
def checks(monkeypatch):
    """Rows of each table that is validated, in order."""
    seen = []

    def checked(table, schema):
        seen.append(table.num_rows)
        return check(table, schema)

    check = module.checked
    monkeypatch.setattr(module, "checked", checked)
    return seen


ROWS = [{"slide": "a", "n": [1]}, {"slide": "b", "n": []}, {"slide": "c", "n": [2, 3]}]


def one_group(row):
    return draft(row, [table(row["slide"], row["n"])] if row["n"] else [])


def test_the_tables_of_a_batch_are_validated_at_once(checks):
    assert results(ROWS, one_group) == [{"slide": "a"}, {"slide": "b"}, {"slide": "c"}]
    assert checks == [3]


def test_nothing_is_written_before_all_is_valid():
    written = []
    rows = [{"slide": "a", "n": [1]}, {"slide": "b", "n": [2, 2]}]
    with pytest.raises(SchemaError, match=r"table numbers, column slide, n: names each row once.*\'b\'"):
        run_batch(rows, lambda row: draft(row, [table(row["slide"], row["n"])], written))
    assert written == []


def test_a_slide_of_several_row_groups_is_validated_and_written_group_by_group(checks):
    asked, written = [], []

    def groups(row):
        for number in range(4):
            asked.append((number, len(checks)))
            yield table(row["slide"], [number])

    assert results([{"slide": "a"}], lambda row: draft(row, groups(row), written)) == [{"slide": "a"}]
    assert written == [("a", [[0], [1], [2], [3]])]
    assert checks == [1, 1, 1, 1]
    assert asked[3] == (3, 3)  # the fourth is computed when three are valid


def test_a_row_needs_no_table():
    assert results([{"n": 1}, {"n": 2}], lambda row: {"n": -row["n"]}) == [{"n": -1}, {"n": -2}]


@pytest.mark.parametrize("phase", ["compute", "read", "write"])
def test_a_slides_error_in_any_phase_leaves_the_others_alone(phase):
    error = MissingMppError("'b' has no resolution", path="b", hint="set slide_mpp")

    def groups(row):
        if row["slide"] == "b" and phase == "read":
            raise error
        yield table(row["slide"], [1])

    def write(*_):
        raise error

    def compute(row):
        if row["slide"] == "b" and phase == "compute":
            raise error
        if row["slide"] == "b" and phase == "write":
            return Draft(NUMBERS, groups(row), write)
        return draft(row, groups(row))

    assert results([{"slide": "a"}, {"slide": "b"}, {"slide": "c"}], compute) == [{"slide": "a"}, error, {"slide": "c"}]


def test_a_slide_is_timed_without_the_others(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

    def compute(row):
        now[0] += row["seconds"]

        def write(*_):
            now[0] += 10 * row["seconds"]
            return {}

        return Draft(NUMBERS, [table(str(row["seconds"]), [1])], write)

    done = run_batch([{"seconds": 1}, {"seconds": 2}], compute)
    assert [one.seconds for one in done] == [11, 22]


@pytest.fixture
def pauses(monkeypatch):
    """Seconds of each pause, without waiting."""
    seconds = []
    monkeypatch.setattr("tenacity.nap.time.sleep", seconds.append)
    return seconds


def storage_error(number=errno.ESTALE):
    return OSError(number, "Stale file handle", "x")


def test_an_error_of_the_storage_is_retried_alone(pauses):
    tries = []

    def compute(row):
        slide = row.pop("slide")  # a retry gets the row as it was
        tries.append(slide)
        if slide == "b" and tries.count("b") < 3:
            raise TruncatedError("cannot read 'b'", path="b", hint="check the file") from storage_error(errno.EIO)
        return {"slide": slide}

    assert results([{"slide": "a"}, {"slide": "b"}, {"slide": "c"}], compute)[1] == {"slide": "b"}
    assert tries == ["a", "b", "c", "b", "b"]
    assert len(pauses) == 1


def test_a_storage_that_stays_away_fails_the_slide(pauses):
    def compute(row):
        raise storage_error()

    [found] = run_batch([{"slide": "a"}], compute)
    assert (type(found), found.errno) == (OSError, errno.ESTALE)
    assert len(pauses) == 2
    assert 0 < pauses[0] < pauses[1]


def test_an_error_that_is_its_own_cause_ends_the_search(pauses):
    def compute(row):
        error = MissingMppError("'b' has no resolution", path="b", hint="set slide_mpp")
        raise error from error

    assert [type(error) for error in run_batch([{"slide": "a"}], compute)] == [MissingMppError]


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "No such file", "x"), MemoryError("too much")])
def test_an_error_that_will_not_pass_is_not_retried(pauses, error):
    tries = []

    def compute(row):
        tries.append(row)
        raise error

    assert run_batch([{"slide": "a"}], compute) == [error]
    assert (len(tries), pauses) == (1, [])


def test_a_fault_of_the_program_ends_the_batch():
    def compute(row):
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        run_batch([{"slide": "a"}], compute)
