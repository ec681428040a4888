"""What `python -m flows.coverage` does: start what a run needs, run the flow, tell the result by its exit code."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

from flows.cli.options import configuration
from flows.cli.prefect_server import Server, ServerError
from flows.cli.terminal import say
from flows.config.errors import ConfigurationError
from flows.config.model import CoverageConfig

SAMPLE = "coverage-sample"
"""Folder of the sample that a run without arguments makes."""
SAMPLE_FILE = f"{SAMPLE}/coverage.yaml"
"""Its configuration, written last: where it is, the sample is whole."""
KEPT = "what was complete before is still there and whole"
"""Said of a run that did not end well."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the flow from the command line.

    Args:
        arguments: Those of the process by default; none makes a sample, where there is none yet, and runs on it.

    Returns:
        The exit code: 0 every slide found is in the tables, 1 the run failed, 2 the configuration was refused,
        3 more slides were put aside than are tolerated.
    """
    given = sys.argv[1:] if arguments is None else arguments
    is_sample = not given
    if is_sample and os.path.exists(SAMPLE_FILE):
        given = ["--config", SAMPLE_FILE]  # it is there to be edited
    try:
        config = configuration(given) if given else None  # after --help this is the end
        code = _served(config)
    except ConfigurationError as error:
        hint = [f"remove {SAMPLE}/ to have the sample made anew"] if is_sample else []
        say("refused:", *error.problems, *hint, to=sys.stderr)
        return 2
    except ServerError as error:
        say(str(error), to=sys.stderr)
        return 1
    if is_sample and code == 0:
        from flows.cli.terminal import explain_sample  # noqa: PLC0415 - imported already, with all that a run needs

        explain_sample(SAMPLE)
    return code


def end(code: int) -> NoReturn:
    """End Ray and the process. All is done and said: a signal could only break Ray's end, and the exit code with it."""
    ray = sys.modules.get("ray")
    ending = threading.Thread(target=ray.shutdown if ray else bool)
    ending.start()
    while True:  # again and again: Ray's end puts back what SIGTERM does by default, a second before it is done
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if not ending.is_alive():
            sys.exit(code)
        ending.join(timeout=0.001)


def _served(config: CoverageConfig | None) -> int:
    try:
        with Server() as server:  # before the imports of Ray and Prefect, which take seconds too
            return _run(config, server)
    except (KeyboardInterrupt, SystemExit):  # Ctrl-C; Ray makes a SystemExit of SIGTERM
        say("cancelled", KEPT, to=sys.stderr)
        return 1


def _run(config: CoverageConfig | None, server: Server) -> int:
    from httpx import TransportError  # noqa: PLC0415 - see main

    from flows.execution.ray_runtime import warm_up  # noqa: PLC0415 - see main

    warm_up()  # workers load the tasks while this process goes on
    from flows.cli.sample import make_sample  # noqa: PLC0415 - see main
    from flows.cli.terminal import report  # noqa: PLC0415 - see main
    from flows.pipeline import coverage  # noqa: PLC0415 - see main
    from flows.records.run_record import (
        PutAsideError,  # noqa: PLC0415 - see main
        Summary,  # noqa: PLC0415 - see main
    )

    chosen = make_sample(SAMPLE) if config is None else config
    _quiet()
    with server.ready():
        try:
            state = coverage(chosen, return_state=True)
        except TransportError as error:
            say(f"failed: the Prefect server went away: {error}", KEPT, to=sys.stderr)
            return 1
    result = state.result(raise_on_failure=False)
    if isinstance(result, ConfigurationError):
        raise result
    if isinstance(result, PutAsideError):
        report(result.summary)
        return 3
    if isinstance(result, Summary):
        report(result)
        return 0
    say(f"failed: {state.message}", KEPT, to=sys.stderr)
    return 1


def _quiet() -> None:
    """Let Prefect print warnings only, unless the user asked for more: the last lines tell the result, or the error.

    With PREFECT_LOGGING_LEVEL=DEBUG an error comes with its traceback.
    """
    from prefect.logging.handlers import PrefectConsoleHandler  # noqa: PLC0415 - see main

    from flows.reports.prefect_progress import is_not_reported  # noqa: PLC0415 - see main

    if not os.environ.get("PREFECT_LOGGING_LEVEL"):
        for handler in logging.getLogger().handlers:
            if isinstance(handler, PrefectConsoleHandler):
                handler.setLevel(logging.WARNING)
                handler.addFilter(is_not_reported)
                handler.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record tells what the last lines do not, which hold the message of the run's state.

    That Prefect's senders take a moment at the end is nothing to worry about.
    """
    is_told = record.levelno >= logging.ERROR and record.name in {"prefect.flow_runs", "prefect.task_runs"}
    return not is_told and record.name not in {"EventsWorker", "APILogWorker"}
