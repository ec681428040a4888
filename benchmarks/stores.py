"""Masks on an S3-compatible server of this machine against the same file on disk."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.job import Job
from benchmarks.subjects import named, ours
from tests.support.bucket import Bucket, new_bucket, s3_server

DISK, STORE = "disk", "store"
MASKS = ("binary", "noisy", "nuclei")
"""Masks that are read."""
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

    def requests(self) -> int:
        """Count the requests for bytes up to now."""
        return self.log.read_text().count('"GET ')


@contextmanager
def served() -> Iterator[Served]:
    """Start a server for the block."""
    os.environ |= {name: os.environ.get(name, value) for name, value in _ENVIRONMENT.items()}
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with s3_server(log) as address:
            yield Served(new_bucket(address), log)


def difference(local: Job, remote: Job) -> str | None:
    """Describe the first of some random tiles whose counts differ; None if none does."""
    found, expected = named(ours(replace(local.sample(), path=remote.path))), named(ours(local.sample()))
    pairs = enumerate(zip(found, expected, strict=True))
    return next((f"tile {tile} has {one}, on disk {other}" for tile, (one, other) in pairs if one != other), None)
