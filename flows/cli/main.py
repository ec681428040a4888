"""Entry point of the coverage command: start Ray and a Prefect server, run the flow, return an exit code.

Imports of seconds stand in functions: the first line is printed before them, and the server starts during them.
"""

import atexit
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NoReturn

from flows.cli.prefect_server import Server, ServerError, server_errors
from flows.cli.terminal import Printing, report, say, say_waiting
from flows.execution.start_error import StartError

if TYPE_CHECKING:
    from flows.config.model import CoverageConfig

SAMPLE = "coverage-sample"
"""Folder of the sample that a run without arguments makes."""
SAMPLE_FILE = f"{SAMPLE}/coverage.yaml"
"""Configuration of the sample, written last: if it exists, the sample is complete."""
DRY_RUN = "--dry-run"
"""Option that turns the command into the verb `plan`."""
RESUMES = "finished slides are kept; run it again: it resumes"
"""Next step after a run that did not finish."""
_is_prefect_gone = threading.Event()
_codes: list[int] = []
"""Exit code, once it is known."""


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and end the process with its exit code; see `main`, and for `--dry-run` the verb `plan`."""
    atexit.register(_leave)  # the first, hence the last to be called
    arguments = sys.argv[1:] if arguments is None else arguments
    if DRY_RUN in arguments:
        from flows.cli.verbs.plan import answer  # noqa: PLC0415 - only this case needs it

        sys.exit(answer([argument for argument in arguments if argument != DRY_RUN]))
    _end(main(arguments))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the flow from the command line.

    Args:
        arguments: Command-line arguments, by default those of the process. None at all run the sample, which is made
            first if it does not exist.

    Returns:
        The exit code: 0 every slide found is in the tables, 1 the run failed, 2 the configuration was refused,
        3 more slides failed than are tolerated, or `strict` is set and there is something to review.
    """
    printing, arguments = Printing.taken_from(sys.argv[1:] if arguments is None else arguments)
    arguments = _without_jobs(arguments)
    is_sample, is_question = not arguments, not {"-h", "--help", "--version"}.isdisjoint(arguments)
    is_made = is_sample and os.path.exists(SAMPLE_FILE)
    if is_sample:
        printing.say(f"coverage: {'running' if is_made else 'making and running'} the sample in {SAMPLE}/")
    elif not is_question:
        printing.say("coverage: reading the configuration")
    if is_made:
        arguments = ["--config", SAMPLE_FILE]  # the user may have edited it
    code = None
    try:
        with Server(is_started=not is_question) as server:  # before imports, which take seconds too
            code = _run_or_refuse(arguments, server, printing, SAMPLE if is_sample else None)
    except (KeyboardInterrupt, SystemExit):  # the latter is Ray's answer to SIGTERM
        if is_question:
            raise
        if code is None:
            say("cancelled", RESUMES, to=sys.stderr)
    except (StartError, ServerError) as error:
        _is_prefect_gone.set()
        say(f"failed: {error}", *([RESUMES] if isinstance(error, ServerError) else []), to=sys.stderr)
    return 1 if code is None else code


def _without_jobs(arguments: Sequence[str]) -> list[str]:
    """Take `-j N` out of the arguments: a matter of the machine, not of the configuration."""
    others = list(arguments)
    for number, argument in enumerate(others):
        option, equals, value = argument.partition("=")
        if option in {"-j", "--jobs"}:
            os.environ["RATIOPATH_JOBS"] = value if equals else next(iter(others[number + 1 : number + 2]), "nothing")
            return others[:number] + others[number + (1 if equals else 2) :]
    return others


def _end(code: int) -> NoReturn:
    """Shut Ray down and exit; a signal can no longer change the exit code."""
    ending = threading.Thread(target=getattr(sys.modules.get("flows.execution.ray_runtime"), "shut_down", bool))
    ending.start()
    while True:  # repeatedly: Ray restores the default of SIGTERM a second before its shutdown ends
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if not ending.is_alive():
            if _is_prefect_gone.is_set():
                os._exit(code)  # Prefect's senders of logs and events would try for minutes
            _codes.append(code)
            sys.exit(code)
        ending.join(timeout=0.001)


def _leave() -> None:
    """End the process at once when all else is done: taking a hundred thousand objects apart takes a second."""
    for code in _codes:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run_or_refuse(arguments: Sequence[str], server: Server, printing: Printing, sample: str | None) -> int:
    from flows.config.errors import ConfigurationError  # noqa: PLC0415 - see above
    from flows.execution.processors import usable_processors  # noqa: PLC0415 - see above

    config = None
    try:
        usable_processors()  # refuses -j
        if arguments:
            from flows.cli.options import read_configuration  # noqa: PLC0415 - see above

            config = read_configuration(arguments)
        return _run(config, server, printing, sample)
    except ConfigurationError as error:
        hint = [f"remove {sample}/ to have the sample made again"] if sample else []
        say("refused:", *error.problems, *hint, to=sys.stderr)
        return 2


def _run(config: "CoverageConfig | None", server: Server, printing: Printing, sample: str | None) -> int:
    say_waiting("starting Ray and Prefect")
    warnings.filterwarnings("ignore", "Failed to create the Prefect home directory")  # the server's error says it
    from flows.execution.quick_import import no_collection  # noqa: PLC0415 - see above

    with no_collection():
        from flows.execution.ray_runtime import warm_up  # noqa: PLC0415 - see above

        background = ThreadPoolExecutor(max_workers=1)
        configured = background.submit(_configured, config)
        background.shutdown(wait=False)
        warm_up()  # Ray's workers import the tasks while this process goes on
        from flows.cli.prefect_settings import require_settings  # noqa: PLC0415 - see above
        from flows.config.errors import ConfigurationError  # noqa: PLC0415 - see above

        require_settings()
        config = configured.result()
        from flows.pipeline import coverage  # noqa: PLC0415 - see above
        from flows.records.run_record import FinishedError, Summary  # noqa: PLC0415 - see above
    quiet_prefect()
    say_waiting("waiting for the Prefect server; its first start takes up to 30 s")
    with server.ready(), server_errors():
        state = coverage(config, return_state=True)
    result = state.result(raise_on_failure=False)
    if isinstance(result, ConfigurationError):
        raise result
    if isinstance(result, FinishedError):
        report(result.summary, printing)
        return 3
    if isinstance(result, Summary):
        report(result, printing, sample)
        return 0
    say(f"failed: {state.message}", RESUMES, to=sys.stderr)
    return 1


def _configured(config: "CoverageConfig | None") -> "CoverageConfig":
    """Return the configuration, that of the sample if there is none; in a thread while Ray starts.

    It imports nothing of Prefect, whose warnings would be lost: Ray's start is silent.
    """
    from flows.execution.quick_import import import_tasks  # noqa: PLC0415 - see above

    import_tasks()
    if config is None:
        from flows.cli.sample import make_sample  # noqa: PLC0415 - see above

        config = make_sample(SAMPLE)
    return config


def quiet_prefect() -> None:
    """Limit Prefect's console log to warnings, unless PREFECT_LOGGING_LEVEL asks for more.

    The last lines report the result or the error. With PREFECT_LOGGING_LEVEL=DEBUG an error has its traceback.
    """
    from prefect.logging.handlers import PrefectConsoleHandler  # noqa: PLC0415 - see above

    from flows.reports.prefect_progress import is_not_reported  # noqa: PLC0415 - see above

    if not os.environ.get("PREFECT_LOGGING_LEVEL"):
        for handler in logging.getLogger().handlers:
            if isinstance(handler, PrefectConsoleHandler):
                handler.setLevel(logging.WARNING)
                handler.addFilter(is_not_reported)
                handler.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Return False for records that the last lines repeat, and for those of Prefect's senders of logs and events."""
    is_repeated = record.levelno >= logging.ERROR and record.name in {"prefect.flow_runs", "prefect.task_runs"}
    return not is_repeated and record.name not in {"EventsWorker", "APILogWorker", "prefect._internal.concurrency"}
