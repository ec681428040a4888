"""Runs of which something is killed once the first table exists: a node of a cluster, or the driver.

The tables end with the bytes of an undisturbed run.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from tests.support.bucket import Bucket, new_bucket, s3_server
from tests.support.study import contents, random_labels, run, settings, write_mask, write_slide

CHANGES = {
    "overlays": {"tissue": {"path": "{dir}/{stem}_tissue.tiff", "classes": {"tissue": [255]}}},
    "tiling": {"mpp": 0.5, "tile_extent": 2},
}
"""A configuration of many tiles, so that measuring takes seconds."""

pytestmark = pytest.mark.usefixtures("local_ray", "server")


@pytest.fixture
def slides(tmp_path) -> Path:
    return tmp_path / "slides"


def write_slides(folder: Path, number: int, length: int) -> None:
    """Write square slides with masks; a slide has (length / 2)² tiles."""
    for seed in range(number):
        write_slide(folder / f"{seed}.tiff", size=(length, length))
        write_mask(folder / f"{seed}_tissue.tiff", random_labels(seed, (0, 255), (length // 4, length // 4)), mpp=2.0)


@contextmanager
def driver(
    slides: Path, output: str, *, started: Callable[[], Any], **changes: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the program until a condition holds, then hand over its process.

    Args:
        slides: Folder of the slides.
        output: Path or URI of the tables.
        started: True if measuring has started.
        changes: Variables to add to its environment.
    """
    config, log = slides.parent / "coverage.yaml", slides.parent / "log"
    config.write_text(yaml.safe_dump(settings(slides, output=output, **CHANGES)))
    command = [sys.executable, "-m", "flows.coverage", "--config", str(config)]
    with (
        log.open("w") as file,
        subprocess.Popen(command, env={**os.environ, **changes}, stdout=file, stderr=file) as process,
    ):
        try:
            while not started():
                assert process.poll() is None, log.read_text()
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


class TestANodeThatIsKilled:
    """Two nodes of one processor each; the second gets SIGKILL."""

    @pytest.fixture
    def nodes(self) -> Iterator[subprocess.Popen[str]]:
        with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:
            command = [sys.executable, "-m", "tests.support.nodes", folder]
            pipe, null = subprocess.PIPE, subprocess.DEVNULL
            with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=null, text=True) as process:
                yield process

    def test_changes_no_byte(self, slides, nodes, tmp_path) -> None:
        write_slides(slides, 12, 360)
        output = tmp_path / "cluster"
        address = nodes.stdout.readline().strip()

        def started() -> bool:
            return any(output.glob("coverage/*.parquet"))

        with driver(slides, str(output), started=started, RAY_ADDRESS=address) as process:
            nodes.stdin.write("\n")
            nodes.stdin.flush()
            assert nodes.stdout.readline() == "killed\n"
            assert not (output / "run.json").exists()
            assert process.wait() == 0
        run(slides, **CHANGES)
        assert contents(output) == contents(tmp_path / "output")


class TestADriverThatIsKilledOnAnObjectStore:
    @pytest.fixture(scope="class")
    @classmethod
    def s3(cls, tmp_path_factory) -> Iterator[str]:
        with s3_server(tmp_path_factory.mktemp("s3") / "log") as address:
            yield address

    @pytest.fixture
    def bucket(self, s3, slides) -> Bucket:
        """A bucket with the output of a run that was killed in the middle."""
        bucket = new_bucket(s3)
        write_slides(slides, 4, 400)

        def started() -> bool:
            return any(name.startswith("coverage/") for name in bucket.objects("out"))

        with driver(slides, bucket.uri("out"), started=started) as process:
            process.kill()
        return bucket

    def test_leaves_no_half_object(self, bucket) -> None:
        for content in bucket.contents("out").values():
            pq.read_table(BytesIO(content))

    def test_leaves_its_lease_and_the_next_run_ends_as_undisturbed(self, bucket, slides, tmp_path) -> None:
        assert any(name.startswith(".lease-") for name in bucket.objects("out"))
        run(slides, output=bucket.uri("out"), **CHANGES)
        run(slides, **CHANGES)
        assert bucket.contents("out") == contents(tmp_path / "output")
        found = {name for name in bucket.objects("out") if not name.startswith(".state/")}
        assert found == contents(tmp_path / "output").keys() | {"run.json"}

    def test_leaves_finished_slides_to_the_next_run(self, bucket, slides) -> None:
        assert run(slides, output=bucket.uri("out"), **CHANGES).result().unchanged >= 1
