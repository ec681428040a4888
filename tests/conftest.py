"""One local Ray, one Prefect server and one object store per process of the tests, as tests need them."""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"  # under `uv run` Ray would start each worker through uv
# credentials for the object store of the tests; workers read them from the environment, as on a real cluster
os.environ |= {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_EC2_METADATA_DISABLED": "true"}
import ray
import ray.data

from tests.support.bucket import Bucket, new_bucket, s3_server

IDLE_SERVICES = (
    "CANCELLATION_CLEANUP", "CLEANUP_RECONCILER", "EVENT_PERSISTER", "FOREMAN", "LATE_RUNS", "PAUSE_EXPIRATIONS",
    "REPOSSESSOR", "SCHEDULER", "TRIGGERS",
)  # fmt: skip
"""Loops of a Prefect server that serve deployments and automations, and take a tenth of the tests' time."""

hypothesis.settings.register_profile("untimed", deadline=None)  # no test is about time, and machines may be busy
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def copies(tmp_path_factory) -> None:
    """A folder for copies of files on stores, of Ray's workers too."""
    os.environ["RATIOPATH_COPIES"] = str(tmp_path_factory.mktemp("copies"))


@pytest.fixture(scope="session")
def local_ray(copies) -> Iterator[None]:
    """A quiet Ray of two CPUs on this machine."""
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.use_datasource_v2 = False  # it starts a pool of actors, 20 s, to read the footers of four tiny files
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def server() -> Iterator[None]:
    """A real Prefect server with its own database."""
    from prefect.settings import (  # noqa: PLC0415 - takes seconds, and most tests do not need it
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415 - ditto

    # without heartbeats, since each run would wait up to a second for their thread
    with pytest.MonkeyPatch.context() as environment, ExitStack() as stack:
        for service in IDLE_SERVICES:
            environment.setenv(f"PREFECT_SERVER_SERVICES_{service}_ENABLED", "false")
        stack.enter_context(prefect_test_harness(server_startup_timeout=120))
        environment.undo()  # servers that tests start themselves are whole
        stack.enter_context(temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}))
        yield


@pytest.fixture(scope="session")
def s3_log(tmp_path_factory) -> Path:
    """The requests of the S3-compatible server, a line each."""
    return tmp_path_factory.mktemp("s3") / "log"


@pytest.fixture(scope="session")
def s3(s3_log) -> Iterator[str]:
    """Host and port of an S3-compatible server."""
    with s3_server(s3_log) as address:
        yield address


@pytest.fixture
def bucket(s3) -> Bucket:
    return new_bucket(s3)
