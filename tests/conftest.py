"""One quiet local Ray, and one Prefect server, for all tests that need them."""

import logging
import os
from collections.abc import Iterator

import pytest

os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"  # under `uv run` Ray would start each worker through uv, in a copy
# credentials of the object store that tests start; workers have them from the environment, as on a real cluster
os.environ |= {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_EC2_METADATA_DISABLED": "true"}

import ray
import ray.data


@pytest.fixture(scope="session")
def local_ray() -> Iterator[None]:
    """A cluster of two CPUs in this machine; started once, since a start takes seconds."""
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.use_datasource_v2 = False  # it reads the footers of four tiny files with a pool of actors: 20 s of starts
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def server() -> Iterator[None]:
    """A real server with a database of its own; its first start takes 20 s and more."""
    from prefect.settings import (  # noqa: PLC0415 - seconds, and most tests need none
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415 - ditto

    # no heartbeats: each run would wait up to a second for the thread that sends them
    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield
