"""The flow on a cluster of two nodes that is there already; what is refused before it would wait for ever."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from flows.config.errors import ConfigurationError
from flows.config.resources import Request
from flows.execution.ray_runtime import DEFAULT_MEMORY, address, reserved, runtime_env
from tests.support.study import contents, random_labels, run, settings, write_mask, write_slide

NODES = Path(__file__).parents[2] / "support" / "nodes.py"
TISSUE = {"tissue": {"path": "{dir}/{stem}_tissue.tiff", "classes": {"tissue": [255]}}}
NODE = {"CPU": 4.0, "memory": 8e9}


@pytest.fixture
def nodes() -> Iterator[subprocess.Popen[str]]:
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:
        command = [sys.executable, str(NODES), folder]
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=null, text=True) as process:
            yield process


@pytest.mark.usefixtures("local_ray", "server")
def test_a_node_that_is_killed_in_the_middle_changes_no_byte(folder, output, nodes, tmp_path) -> None:
    for seed in range(12):
        write_slide(folder / f"{seed}.tiff", size=(360, 360))
        write_mask(folder / f"{seed}_tissue.tiff", random_labels(seed, (0, 255), (90, 90)))
    changes = {"overlays": TISSUE, "tiling": {"mpp": 0.5, "tile_extent": 2}}  # 32,400 tiles a slide
    config = tmp_path / "coverage.yaml"
    config.write_text(yaml.safe_dump(settings(folder, output=str(tmp_path / "cluster"), **changes)))
    environment = {**os.environ, "RAY_ADDRESS": nodes.stdout.readline().strip()}
    command = [sys.executable, "-m", "flows.coverage", "--config", str(config)]
    log = tmp_path / "log"
    with log.open("w") as file, subprocess.Popen(command, env=environment, stdout=file, stderr=file) as driver:
        while not list((tmp_path / "cluster").glob("coverage/*.parquet")):  # measuring has begun
            assert driver.poll() is None, log.read_text()
            time.sleep(0.02)
        nodes.stdin.write("\n")
        nodes.stdin.flush()
        assert nodes.stdout.readline() == "killed\n"
        assert not (tmp_path / "cluster" / "run.json").exists()
        assert driver.wait() == 0, log.read_text()
    run(folder, **changes)
    assert len(contents(output)) == 26
    assert contents(tmp_path / "cluster") == contents(output)


def test_ray_client_is_refused_with_another_way(monkeypatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(ConfigurationError, match=r"found 'ray://head:10001'; give the address .* or submit the run"):
        address()


def test_code_is_shipped_unless_the_image_has_it(monkeypatch) -> None:
    monkeypatch.delenv("RATIOPATH_CODE", raising=False)
    assert [os.path.basename(folder) for folder in runtime_env()["py_modules"]] == ["flows", "ratiopath", "schemas"]
    monkeypatch.setenv("RATIOPATH_CODE", "image")
    assert runtime_env() == {}
    monkeypatch.setenv("RATIOPATH_CODE", "baked")
    with pytest.raises(ConfigurationError, match="found 'baked'; give ship, or image"):
        runtime_env()


def test_a_task_reserves_memory_but_no_more_than_there_is() -> None:
    assert reserved(Request(), [NODE], may_grow=False) == {"num_cpus": 1, "memory": DEFAULT_MEMORY}
    assert reserved(Request(), [{"CPU": 1.0, "memory": 5e8}], may_grow=False) == {"num_cpus": 1, "memory": 5e8}
    asked = Request(num_cpus=0.5, memory=2_000_000_000)
    assert reserved(asked, [NODE], may_grow=False) == {"num_cpus": 0.5, "memory": 2_000_000_000}


@pytest.mark.parametrize("asked", [Request(num_cpus=5), Request(memory=9_000_000_000)])
def test_a_task_that_fits_no_node_is_refused_where_none_can_come(asked) -> None:
    with pytest.raises(ConfigurationError, match="this machine gives 4 processors and 8000000000 bytes; ask for less"):
        reserved(asked, [NODE], may_grow=False)
    assert reserved(asked, [NODE], may_grow=True)["num_cpus"] == asked.num_cpus
