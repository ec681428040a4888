"""Prefect flows over Ray Data."""

import os

# Nothing about a run leaves the machine unless the user asks for it. The variables are read when Ray and Prefect are
# imported or started, so they are set here, before any module of this package can import those.
for _name, _value in (
    ("DO_NOT_TRACK", "1"),  # Prefect's client
    ("PREFECT_SERVER_ANALYTICS_ENABLED", "false"),  # a Prefect server started from here
    ("RAY_USAGE_STATS_ENABLED", "0"),  # a Ray started from here
):
    os.environ.setdefault(_name, _value)
