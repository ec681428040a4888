"""Answer of a verb: lines for people, JSON for programs, the next step and the exit code."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cyclopts import App, CycloptsError, Parameter

from flows.cli.terminal import OPTIONS, Printing, say, verbs
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


def answer_verb(verb: Callable[..., Answer], name: str, arguments: Sequence[str]) -> int:
    """Run a verb, print its answer and return the exit code.

    Args:
        verb: Function whose parameters are the verb's arguments and options; its docstring is the help.
        name: Name of the verb.
        arguments: Arguments after the name.
    """
    printing, own = Printing.taken_from(arguments)
    app = App(
        name=f"{verbs()} {name}",
        help_epilogue=OPTIONS,
        help_format="plaintext",
        version_flags=(),
        default_parameter=Parameter(negative=(), show_default=True),
        result_action="return_value",
    )
    app.default(verb)
    try:
        answer = app(own, exit_on_error=False, print_error=False)
        return _printed(answer, printing) if isinstance(answer, Answer) else 0  # the latter of --help
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


def _printed(answer: Answer, printing: Printing) -> int:
    """Print an answer; return its exit code."""
    for line in answer.troubles:
        say(line, to=sys.stderr)
    printing.say_json(answer.content)
    for line in [*answer.lines, *([f"next: {answer.next_step}"] if answer.next_step else [])]:
        printing.say(line)
    return answer.code
