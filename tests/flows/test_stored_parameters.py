"""Parameters of refused runs are not stored: one may hold a credential. The database of a real server is searched."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.logging.handlers import APILogHandler
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL

from flows.coverage import coverage
from flows.execution.checked_flow import NOT_SHOWN
from tests.support.study import settings

pytestmark = pytest.mark.usefixtures("server")
SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCY"  # noqa: S105 - of nothing


@flow(persist_result=False)
def parent(config: Any = None) -> State:
    return coverage({"output": f"s3://AKIA:{SECRET}@bucket"}, return_state=True)


CALLS: dict[str, Callable[[dict[str, Any]], State]] = {
    "by position": lambda config: coverage(config, return_state=True),
    "by name": lambda config: coverage(config=config, return_state=True),
    "with other options": lambda config: coverage.with_options(name="other")(config, return_state=True),
    "of a renamed run": lambda config: coverage.with_options(flow_run_name="a")(config, return_state=True),
    "in another flow": lambda config: parent(return_state=True),
}
PLACES = {
    "the output": {"output": f"s3://AKIA:{SECRET}@bucket"},
    "a query": {"output": f"s3://bucket/out?client_secret={SECRET}"},
    "the slides": {"slides": f"https://a.blob/x?sig={SECRET}"},
    "an overlay": {"overlays": {"tissue": {"path": f"s3://AKIA:{SECRET}/with/slash@bucket/{{stem}}"}}},
    "a key": {f"s3://AKIA:{SECRET}@bucket": 1},
}


def stored() -> bytes:
    """All bytes of the server's database, once the logs have arrived."""
    APILogHandler().flush()
    time.sleep(1)
    path = Path(PREFECT_API_DATABASE_CONNECTION_URL.value().partition("///")[2])
    return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


@pytest.mark.parametrize("call", CALLS)
def test_a_credential_is_not_stored_however_the_flow_is_called(call, folder) -> None:
    assert CALLS[call](settings(folder, **PLACES["the output"])).is_failed()
    assert SECRET.encode() not in stored()


@pytest.mark.parametrize("place", PLACES)
def test_a_credential_is_not_stored_wherever_it_stands(place, folder) -> None:
    state = coverage(settings(folder, **PLACES[place]), return_state=True)
    assert state.is_failed()
    assert SECRET not in state.message
    assert SECRET.encode() not in stored()


def test_a_refused_run_says_that_its_parameters_are_not_shown(folder) -> None:
    state = coverage(settings(folder, tolerate=-1), return_state=True)
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(state.state_details.flow_run_id)
    assert run.parameters == {"config": NOT_SHOWN}


@pytest.mark.usefixtures("local_ray")
def test_parameters_that_are_valid_are_stored_as_they_were_given(folder) -> None:
    given = settings(folder)
    state = coverage(given, return_state=True)
    assert state.is_completed()
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(state.state_details.flow_run_id)
    assert run.parameters == {"config": given}
    assert str(folder).encode() in stored()
