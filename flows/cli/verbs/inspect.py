"""Verb `inspect`: what the readers see in files, and what is wrong with them."""

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from flows.analysis.inspection import inspect_file
from flows.cli.answer import Answer, answer_verb
from flows.cli.terminal import say_waiting
from flows.config.errors import ConfigurationError
from flows.config.uri import check_input


def inspect(
    file: str,
    /,
    *more: str,
    slide: Annotated[str | None, Parameter(help="slide that the files are overlays of, to see how they fit it")] = None,
) -> Answer:
    """Show what is in slides, masks, pictures and annotations, as a run reads them.

    Exit codes: 0 nothing is wrong, 2 refused, 3 a file has a defect for which a run would put its slide aside.
    """
    for path in filter(None, (file, *more, slide)):
        try:
            check_input(path)
        except ValueError as error:
            raise ConfigurationError(f"inspect: {error}") from None
    found = []
    for path in (file, *more):
        say_waiting(f"inspecting {path}")
        found.append(inspect_file(path, slide))
    defective = [one for one in found if one.defects]
    step = "name what fits as the path of an overlay, and the values or labels as its classes"
    if defective:
        step = "mend the defects as their hints say, and inspect again"
    elif slide is None:
        step = "add --slide SLIDE to see how an overlay lies on its slide"
    return Answer(
        lines=[line for one in found for line in one.text],
        content={"files": [one.to_json() for one in found]},
        next_step=step,
        code=3 if defective else 0,
        troubles=[f"defect: {defect}" for one in found for defect in one.defects],
    )


def answer(arguments: Sequence[str]) -> int:
    """Answer the verb."""
    return answer_verb(inspect, "inspect", arguments)
