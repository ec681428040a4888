"""One run of the command in a process of its own: seconds, peak memory of the driver, files opened."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from benchmarks.cohort import Cohort
from benchmarks.opens import counted
from benchmarks.timing import peak_kb

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Run:
    """Cost of a run."""

    seconds: float
    """Duration of the flow, without the start of the process, of Ray and of Prefect."""
    driver_mb: float
    """Peak resident memory of the driver in MB, with Ray's and Prefect's clients."""
    opened: int
    """Files of slides opened by any process, in `Cohort.watched`."""
    counts: dict[str, int]
    """Counts of run.json."""


def run(cohort: Cohort, config: Path, *arguments: str) -> Run:
    """Run the command and measure it.

    Raises:
        CalledProcessError: It failed.
    """
    command = [sys.executable, "-m", "benchmarks.driver", "--config", str(config), "-q", *arguments]
    with counted(cohort.watched) as opens:
        process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
        while process.poll() is None:
            opens.read(seconds=0.1)
        opens.read(seconds=0)
    answer, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, answer)
    record = json.loads((cohort.output / "run.json").read_text(encoding="utf-8"))
    return Run(record["times"]["seconds"], json.loads(answer)["peak_mb"], opens.count, record["counts"])


def environment() -> dict[str, str]:
    """Return the environment of a process that finds these modules."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path}


def main(arguments: Sequence[str]) -> NoReturn:
    """Run the command in this process, print the peak of its memory and end."""
    from flows.cli.main import run as command  # noqa: PLC0415 - not needed by the process that measures

    try:
        command(arguments)
    finally:
        print(json.dumps({"peak_mb": peak_kb() / 1000}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
