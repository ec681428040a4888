"""Log of the current run: Prefect's if it is one of Prefect."""

import logging
import sys
from typing import Any


def run_log() -> Any:
    """Return the log of the current task or flow run; outside a run, this module's."""
    if "prefect" in sys.modules:  # without it nothing is a run, and its import takes a second
        from prefect.context import FlowRunContext, TaskRunContext  # noqa: PLC0415 - see above
        from prefect.logging import get_run_logger  # noqa: PLC0415 - ditto

        if TaskRunContext.get() or FlowRunContext.get():
            return get_run_logger()
    return logging.getLogger(__name__)
