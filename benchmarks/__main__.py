"""Benchmarks against named competitors in one run: `uv run python -m benchmarks`.

Inputs are made from fixed seeds and kept in a cache folder. Subjects take turns, A B C A B C ...; medians. Before
anything is timed, 200 random tiles of every mask are compared with np.unique; a difference ends the run with exit code
1. Peers are measured where they are installed (`uv sync --group bench`), the seed's library where `--seed-python` names
the interpreter of an environment that has it.
"""

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.job import ROIS, TILE
from benchmarks.libraries import SEED_INSTALL
from benchmarks.masks import MASKS
from benchmarks.options import DifferenceError, Options
from benchmarks.suites import SUITES
from benchmarks.timing import burn


def main(arguments: Sequence[str] | None = None) -> int:
    """Run suites and print their tables as Markdown."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__, epilog=f"The seed's: {SEED_INSTALL}")
    parser.add_argument("--suites", nargs="+", choices=SUITES, default=list(SUITES))
    parser.add_argument("--masks", nargs="+", choices=MASKS, default=list(MASKS))
    parser.add_argument("--rois", nargs="+", choices=ROIS, default=list(ROIS))
    parser.add_argument("--strides", nargs="+", type=int, default=[TILE, TILE // 2], help="pixels between tiles")
    parser.add_argument("--slides", nargs="+", type=int, help="slides of cohorts (3000) and of index (100000)")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each subject")
    parser.add_argument("--shrink", type=int, default=1, help="factor by which everything is smaller, for a smoke test")
    parser.add_argument("--seed-python", help="interpreter of an environment with the seed's library")
    parser.add_argument("--seed-tiles", type=int, help="limit of tiles for the seed's library, which is slow")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "ratiopath-benchmarks")
    given = vars(parser.parse_args(arguments))
    suites = given.pop("suites")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine}; two processes do {burn():.2f} times the work of one", flush=True)
    try:
        for suite in suites:
            SUITES[suite](Options(**given))
    except DifferenceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
