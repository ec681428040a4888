"""A study with the tables of an undisturbed run, and the means to disturb other runs."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import ray
import yaml
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL

from tests.support.study import contents, run, settings, truncate, write_slide_without_mpp, write_study

SECONDS = 300
"""Seconds after which a run that takes seconds counts as hanging, even on a busy machine."""
ASIDE = 3
"""Exit code of a run over the study, since some of its slides are broken."""


@dataclass(frozen=True, slots=True)
class Study:
    """Slides, some of them broken, and the tables of an undisturbed run."""

    folder: Path
    """Folder of the slides."""
    expected: dict[str, bytes]
    """Bytes of each table of an undisturbed run, by name."""
    seconds: float
    """Seconds of an undisturbed run in its own process, without the start."""

    def run(self, output: Path, **changes: object) -> State:
        """Run the flow in this process."""
        return run(self.folder, output=str(output), **changes)

    def is_whole(self, output: Path) -> bool:
        """Return True if every table present is one of an undisturbed run; raise if one cannot be read."""
        found = visible(output)
        for name in found:
            pq.read_table(output / name)
        return found.items() <= self.expected.items()

    def moment(self, kind: str, seed: int) -> float:
        """Return a random moment, in seconds after the start of a run."""
        return chance(f"{kind} {seed}").uniform(0, self.seconds)


def chance(seed: object) -> random.Random:
    return random.Random(str(seed))  # noqa: S311 - reproducible from a seed


def made(folder: Path, slides: int = 12) -> Study:
    folder.mkdir(parents=True)
    write_study(folder, *[f"slide{number:02}" for number in range(slides)])
    write_slide_without_mpp(folder / "bare.tiff")
    truncate(folder / "slide03_tissue.tiff")
    (folder / "slide05_tissue.tiff").unlink()
    output = folder.parent / "undisturbed"
    with driver(folder, output) as process:
        wait_for_work(process, output)
        started = time.monotonic()
        assert process.wait(SECONDS) == ASIDE
    return Study(folder, visible(output), time.monotonic() - started)


def visible(output: Path) -> dict[str, bytes]:
    return {name: content for name, content in contents(output).items() if not name.startswith(".work")}


@contextmanager
def driver(
    folder: Path, output: Path, *, own_services: Path | None = None, **changes: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the flow in its own process; nothing of it outlives the block.

    Args:
        folder: Folder of the slides.
        output: Folder of the tables.
        own_services: PREFECT_HOME of a run with its own Prefect server and Ray; by default it uses those of the tests.
        changes: Variables to add to its environment.
    """
    file = output.with_name(f"{output.name}.yaml")
    file.write_text(yaml.safe_dump(settings(folder, output=str(output)), sort_keys=False))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    if own_services is None:
        environment |= {
            "PREFECT_API_URL": str(PREFECT_API_URL.value()),
            "RAY_ADDRESS": os.environ.get("RAY_ADDRESS") or ray.get_runtime_context().gcs_address,
        }
    else:
        environment["PREFECT_HOME"] = str(own_services)
        environment.pop("RAY_ADDRESS", None)
    with log(output).open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.coverage", "--config", str(file)],
            env={**environment, "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", **changes},
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        everything = [process.pid, *descendants(process.pid)]
        process.kill()
        for pid in everything:
            kill(pid)
        process.wait()


def log(output: Path) -> Path:
    """Return the path of a run's log."""
    return output.with_name(f"{output.name}.log")


def wait_for_work(process: subprocess.Popen[bytes], output: Path) -> None:
    limit = time.monotonic() + SECONDS
    while not (output / ".work").exists():
        assert process.poll() is None, log(output).read_text()
        assert time.monotonic() < limit
        time.sleep(0.005)


def descendants(pid: int, name: str = "") -> list[int]:
    """List the descendants of a process whose command contains a name."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
    found, left = [], [pid]
    while left:
        children = [child for child, parent in parents.items() if parent == left[0]]
        left = [*left[1:], *children]
        found += children
    return [child for child in found if name in command(child)]


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def workers() -> list[int]:
    """List the worker processes of this process's Ray, without its agents, whose death would end the node."""
    return [pid for pid in descendants(os.getpid(), "ray::") if "Agent" not in command(pid)]
