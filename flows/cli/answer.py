"""Answer of a verb: lines for people, JSON for programs, the next step and the exit code."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cyclopts import App, CycloptsError, Parameter

from flows.cli.terminal import SCRIPT, say
from flows.config.errors import ConfigurationError
from flows.records.fingerprints import Json
from ratiopath.errors import RatiopathError


@dataclass(frozen=True, slots=True)
class Answer:
    """Result of a verb."""

    lines: Sequence[str]
    """Lines for people; `-q` leaves them out."""
    content: Json
    """The same for programs, printed by `--json` as one object."""
    next_step: str | None = None
    """What to do next, a line after the others; `-q` leaves it out."""
    code: int = 0
    """Exit code: 0 all is well, 1 failed, 2 refused, 3 finished, but something was put aside."""
    troubles: Sequence[str] = field(default=())
    """Lines for stderr, which `-q` does not leave out."""


OPTIONS = "--json prints one JSON object instead of lines, -q (--quiet) prints problems only."
"""Options of every verb, as the help names them."""


def answer_verb(verb: Callable[..., Answer], name: str, arguments: Sequence[str]) -> int:
    """Run a verb, print its answer and return the exit code.

    Args:
        verb: Function whose parameters are the verb's arguments and options; its docstring is the help.
        name: Name of the verb.
        arguments: Arguments after the name.
    """
    is_json, is_quiet = "--json" in arguments, bool({"-q", "--quiet"} & set(arguments))
    own = [argument for argument in arguments if argument not in {"--json", "-q", "--quiet"}]
    app = App(
        name=f"{program()} {name}",
        help_epilogue=OPTIONS,
        help_format="plaintext",
        version_flags=(),
        default_parameter=Parameter(negative=(), show_default=True),
        result_action="return_value",
    )
    app.default(verb)
    try:
        answer = app(own, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        say(f"refused: {' '.join(str(error)[:1000].split())} See --help.", to=sys.stderr)
        return 2
    except ConfigurationError as error:
        say("refused:", *error.problems, to=sys.stderr)
        return 2
    except (RatiopathError, OSError) as error:
        say(f"failed: {error}", to=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("cancelled", to=sys.stderr)
        return 1
    if not isinstance(answer, Answer):  # --help
        return 0
    for line in answer.troubles:
        say(line, to=sys.stderr)
    if is_json:
        say(json.dumps(_plain(answer.content), indent=2, ensure_ascii=False, allow_nan=False), to=sys.stdout)
    elif not is_quiet:
        for line in [*answer.lines, *([f"next: {answer.next_step}"] if answer.next_step else [])]:
            say(line, to=sys.stdout)
    return answer.code


def _plain(value: Any) -> Any:
    """Convert numpy scalars."""
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.item() if hasattr(value, "item") else value


def program() -> str:
    """Return the command before a verb, as the user ran it."""
    return SCRIPT if sys.argv[0].rpartition("/")[2] == SCRIPT else "python -m flows"
