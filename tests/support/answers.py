"""Answers of a Prefect server that refuses a request, as its client raises them."""

from typing import Any

import httpx
from prefect.exceptions import PrefectHTTPStatusError

TOO_LARGE = "Value error, Flow run parameters must be less than 524,288 bytes when serialized (got 713,582 bytes)."
"""Message of a server about the parameters of a run."""


def refused(status: int, content: dict[str, Any]) -> PrefectHTTPStatusError:
    """Return the error of a request that a server answers with this status."""
    request = httpx.Request("POST", "http://u:SECRET@127.0.0.1:4200/api/flow_runs/")
    try:
        httpx.Response(status, json=content, request=request).raise_for_status()
    except httpx.HTTPStatusError as error:
        return PrefectHTTPStatusError.from_httpx_error(error)
    raise ValueError(status)
