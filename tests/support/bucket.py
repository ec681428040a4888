"""A bucket on an S3-compatible server in its own process, since pyarrow may hold the GIL while it waits for it."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True, slots=True)
class Bucket:
    """An empty bucket."""

    name: str
    address: str
    client: Any

    def uri(self, prefix: str) -> str:
        """Return the URI of an output in the bucket."""
        return f"s3://{self.name}/{prefix}?region=us-east-1&scheme=http&endpoint_override={self.address}"

    def contents(self, prefix: str) -> dict[str, bytes]:
        """Read the bytes of all tables below a prefix, hidden ones too."""
        return {
            name: self.client.get_object(Bucket=self.name, Key=f"{prefix}/{name}")["Body"].read()
            for name in self.objects(prefix)
            if name.endswith(".parquet")
        }

    def objects(self, prefix: str) -> dict[str, tuple[str, datetime]]:
        """List ETag and time of each object below a prefix, without the empty objects that stand for folders."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=f"{prefix}/")
        return {
            found["Key"].removeprefix(f"{prefix}/"): (found["ETag"], found["LastModified"])
            for page in pages
            for found in page.get("Contents", ())
            if not found["Key"].endswith("/")
        }

    def table(self, key: str) -> pa.Table:
        """Read a table of the bucket."""
        return pq.read_table(BytesIO(self.client.get_object(Bucket=self.name, Key=key)["Body"].read()))


@contextmanager
def s3_server(log: Path) -> Iterator[str]:
    """Start moto's server on a free port and yield host and port.

    Args:
        log: File for the requests.
    """
    command = [sys.executable, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT) as process:
        try:
            while not (found := re.search(r"Running on http://(\S+)", log.read_text())):
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
            yield found[1]
        finally:
            process.terminate()


def new_bucket(address: str) -> Bucket:
    client = boto3.client("s3", endpoint_url=f"http://{address}", region_name="us-east-1")
    name = f"bucket-{uuid4().hex}"
    client.create_bucket(Bucket=name)
    return Bucket(name, address, client)
