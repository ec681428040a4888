"""Prefect flows over Ray Data."""

import os

# Read when Ray and Prefect are imported or started, so set here, before any module of this package can import those.
# Nothing about a run leaves the machine unless the user asks for it.
_DEFAULTS = {
    "DO_NOT_TRACK": "1",  # Prefect's client
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",  # a Prefect server started from here
    "RAY_USAGE_STATS_ENABLED": "0",  # a Ray started from here
}
if not os.environ.get("RAY_ADDRESS"):  # else under `uv run` Ray would start each worker through uv, in a packed copy
    _DEFAULTS["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"  # of the working directory
for _name, _value in _DEFAULTS.items():
    os.environ.setdefault(_name, _value)
