"""The progress bar: drawn on a terminal only."""

import os
import pty
import subprocess
import sys

CODE = """
import sys
from flows.reports.progress import progress
from flows.storage.workspace import Workspace
with progress("tile slides", 2, Workspace.at(sys.argv[1])) as advance:
    advance("/s/a.tiff")
    advance("/s/[b].tiff")
"""


def test_a_terminal_sees_task_slides_and_the_last_one(tmp_path) -> None:
    here, there = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    subprocess.run([sys.executable, "-c", CODE, str(tmp_path)], stderr=there, env=environment, check=True)
    os.close(there)
    shown = os.read(here, 1_000_000).decode()
    os.close(here)
    assert "tile slides" in shown
    assert "2/2" in shown


def test_a_log_sees_nothing(tmp_path) -> None:
    environment = {**os.environ, "FORCE_COLOR": "1"}
    run = subprocess.run([sys.executable, "-c", CODE, str(tmp_path)], env=environment, capture_output=True, check=True)
    assert (run.stdout, run.stderr) == (b"", b"")
