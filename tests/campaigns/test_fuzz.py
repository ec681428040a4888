"""A short run of the TIFF fuzzer, with the same inputs each time; see `fuzz_tiff.py` for long runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INPUTS = 4000
SAME = ("-seed=1", "-entropic=0")
"""A schedule that, with a fixed hash seed, gives the same inputs in each run."""


def test_no_input_crashes_the_reader_or_reads_differently_from_tifffile(tmp_path) -> None:
    pytest.importorskip("atheris", reason="atheris, which has no build for this Python or system, is not installed")
    command = [sys.executable, "-m", "tests.campaigns.fuzz_tiff", f"-runs={INPUTS}", *SAME, "-verbosity=1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert f"Done {INPUTS} runs" in run.stderr
