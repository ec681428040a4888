"""A Ray on this machine starts no process that a run does not need."""

import subprocess
import sys
from pathlib import Path

STARTED = """
import psutil
from flows.execution.ray_runtime import ensure_ray
ensure_ray()
for process in psutil.Process().children(recursive=True):
    print(*process.cmdline())
"""


def test_a_ray_on_this_machine_has_no_autoscaler_no_dashboard_and_no_copier_of_logs() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", STARTED], cwd=root, capture_output=True, text=True, check=True)
    assert "raylet" in done.stdout
    assert not [name for name in ("monitor.py", "dashboard.py") if name in done.stdout]
