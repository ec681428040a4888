"""A Ray on this machine starts no process that a run does not need, and its datasets none of their actors."""

import subprocess
import sys
from pathlib import Path

STARTED = """
import psutil  # Ray brings it along
import ray.data
from flows.execution.ray_runtime import ensure_ray
ensure_ray()
print(ray.data.range(3).map_batches(lambda rows: rows).take_all())
for process in psutil.Process().children(recursive=True):
    print(*process.cmdline())
"""
UNUSED = ("monitor.py", "dashboard.py", "_StatsActor", "_AutoscalingCoordinatorActor")


def test_a_ray_on_this_machine_has_no_process_for_scaling_or_watching() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", STARTED], cwd=root, capture_output=True, text=True, check=True)
    assert "[{'id': 0}, {'id': 1}, {'id': 2}]\n" in done.stdout
    assert "raylet" in done.stdout
    assert not [name for name in UNUSED if name in done.stdout]
