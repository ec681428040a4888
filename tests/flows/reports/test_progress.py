"""The progress bar: drawn on a terminal only."""

import os
import pty
import subprocess
import sys

CODE = """
from flows.reports.progress import progress
with progress("tile slides", 2) as advance:
    advance("/s/a.tiff")
    advance("/s/[b].tiff")
"""


def test_a_terminal_sees_task_slides_and_the_last_one() -> None:
    here, there = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    subprocess.run([sys.executable, "-c", CODE], stderr=there, env=environment, check=True)
    os.close(there)
    shown = os.read(here, 1_000_000).decode()
    os.close(here)
    assert "tile slides" in shown
    assert "2/2" in shown


def test_a_log_sees_nothing() -> None:
    environment = {**os.environ, "FORCE_COLOR": "1"}
    run = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, check=True)
    assert (run.stdout, run.stderr) == (b"", b"")
