"""Masks on stores against the same file on disk: an S3-compatible server of this machine, and one that is far away."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.job import Job
from benchmarks.subjects import named, ours
from tests.support.bucket import Bucket, new_bucket, s3_server

DISK, NEAR, FAR = "disk", "S3 on this machine", "S3 20 ms away, 100 MB/s"
MASKS = ("binary", "noisy", "nuclei")
"""Masks that are read."""
_DELAY, _RATE = 0.02, 1e8
_ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_EC2_METADATA_DISABLED": "true"}


@dataclass(frozen=True, slots=True)
class Served:
    """An empty bucket, and the record of the requests to its server."""

    bucket: Bucket
    log: Path

    def job(self, job: Job) -> Job:
        """Put the mask of a job into the bucket; return the job that reads it there."""
        self.bucket.client.upload_file(str(job.path), self.bucket.name, job.path.name)
        return replace(job, path=self.bucket.uri(job.path.name))

    def requests(self, work: Callable[[], object]) -> str:
        """Count the requests of some work: those for bytes, and those for the version."""
        before = self.log.read_text()
        work()
        made = self.log.read_text().removeprefix(before)
        return " + ".join(str(made.count(f'"{kind} ')) for kind in ("GET", "HEAD"))


@contextmanager
def served() -> Iterator[Served]:
    """Start a server for the block."""
    os.environ |= {name: os.environ.get(name, value) for name, value in _ENVIRONMENT.items()}
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with s3_server(log) as address:
            yield Served(new_bucket(address), log)


@contextmanager
def far_away(job: Job) -> Iterator[Job]:
    """Serve the mask of a job in a process that sleeps before it answers, and yield the job that reads it there."""
    command = [sys.executable, "-m", "tests.support.web_server", str(_DELAY), str(_RATE), str(job.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().strip()
            yield replace(job, path=f"s3://b/{job.path.name}?region=us-east-1&scheme=http&endpoint_override={address}")
        finally:
            process.terminate()


def processor_seconds(work: Callable[[], object]) -> float:
    """Measure the processor time of this process, all its threads, during one run."""
    began = time.process_time()
    work()
    return time.process_time() - began


def difference(local: Job, remote: Job) -> str | None:
    """Describe the first of some random tiles whose counts differ; None if none does."""
    found, expected = named(ours(replace(local.sample(), path=remote.path))), named(ours(local.sample()))
    pairs = enumerate(zip(found, expected, strict=True))
    return next((f"tile {tile} has {one}, on disk {other}" for tile, (one, other) in pairs if one != other), None)
