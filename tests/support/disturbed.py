"""A study that a run goes through undisturbed once, and then again and again while something happens to it."""

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
"""A run of seconds that takes longer hangs, even on a busy machine."""
ASIDE = 3
"""Exit code of the study: some of its slides are broken."""


@dataclass(frozen=True, slots=True)
class Study:
    """Slides, some of them broken, and what an undisturbed run makes of them."""

    folder: Path
    """Its slides."""
    expected: dict[str, bytes]
    """Each table of an undisturbed run."""
    seconds: float
    """What its work takes, in a process of its own, without the start."""

    def run(self, output: Path, **changes: object) -> State:
        """A run in this process."""
        return run(self.folder, output=str(output), **changes)

    def is_whole(self, output: Path) -> bool:
        """Whether every table that is there is one of an undisturbed run; raises where one does not read."""
        found = visible(output)
        for name in found:
            pq.read_table(output / name)
        return found.items() <= self.expected.items()

    def moment(self, kind: str, seed: int) -> float:
        """Seconds after a run's begin, at random."""
        return chance(f"{kind} {seed}").uniform(0, self.seconds)


def chance(seed: object) -> random.Random:
    return random.Random(str(seed))  # noqa: S311 - a seed makes it again


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
    """A run in a process of its own, of which nothing stays.

    Args:
        folder: The slides.
        output: The tables.
        own_services: Home of a Prefect server and a Ray of its own; by default it uses those of the tests.
        changes: To its environment.
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
    """What a run says of itself."""
    return output.with_name(f"{output.name}.log")


def wait_for_work(process: subprocess.Popen[bytes], output: Path) -> None:
    limit = time.monotonic() + SECONDS
    while not (output / ".work").exists():
        assert process.poll() is None, log(output).read_text()
        assert time.monotonic() < limit
        time.sleep(0.005)


def descendants(pid: int, name: str = "") -> list[int]:
    """Processes started by a process, or by those; of a name."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended meanwhile
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
    """Processes of this process's Ray that do the work: not its agents, which take the node with them."""
    return [pid for pid in descendants(os.getpid(), "ray::") if "Agent" not in command(pid)]
