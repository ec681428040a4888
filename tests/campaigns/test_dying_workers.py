"""Workers that are killed, by chance or by the row they process."""

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flows.execution.map_rows import MAX_DEATHS, Outcome, map_rows

GIVES = pa.schema([("name", pa.string())])
NAMES = list("abcdefghij")

pytestmark = pytest.mark.usefixtures("local_ray")


def run(killers: dict[str, int], tmp_path: Path, size: int = 4) -> list[Outcome]:
    """Map rows, some of which kill their worker a number of times; each try leaves a file."""

    def work(row: dict[str, Any]) -> dict[str, Any]:
        name = row["name"]
        tries = len(list(tmp_path.glob(f"{name}.*")))
        (tmp_path / f"{name}.{tries}").touch()
        if tries < killers.get(name, 0):
            os.kill(os.getpid(), signal.SIGKILL)
        return {"name": name.upper()}

    rows = pa.table({"name": NAMES})
    blocks = [slice(start, min(start + size, len(NAMES))) for start in range(0, len(NAMES), size)]
    return sorted(map_rows(rows, work, GIVES, blocks), key=lambda outcome: outcome.number)


def tries(tmp_path: Path) -> Counter[str]:
    return Counter(path.stem for path in tmp_path.iterdir())


def test_a_worker_killed_by_chance_is_replaced(tmp_path) -> None:
    outcomes = run({"f": 1}, tmp_path)
    assert [outcome.result for outcome in outcomes] == [{"name": name.upper()} for name in NAMES]
    assert tries(tmp_path) == {**dict.fromkeys("abcdghij", 1), "e": 2, "f": 2}


def test_a_row_that_always_kills_fails_and_its_neighbours_are_done(tmp_path) -> None:
    outcomes = run({"b": 1000, "j": 1000}, tmp_path)
    assert [outcome.number for outcome in outcomes] == list(range(len(NAMES)))
    assert [outcome.result for outcome in outcomes if outcome.result] == [{"name": name} for name in "ACDEFGHI"]
    for killer in (outcomes[1], outcomes[9]):
        assert (killer.result, killer.error) == (None, "WorkerDiedError")
        assert killer.message.startswith(
            "every worker that opened it died (6 of 6, the last 2 with nothing beside them)"
        )
    assert tries(tmp_path)["b"] == tries(tmp_path)["j"] == 3 * MAX_DEATHS


def test_a_row_that_kills_its_worker_only_in_a_batch_is_done(tmp_path) -> None:
    outcomes = run({"b": 2 * MAX_DEATHS}, tmp_path)
    assert [outcome.result for outcome in outcomes] == [{"name": name.upper()} for name in NAMES]
