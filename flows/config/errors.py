"""Refusals of a configuration: one line per problem, with the field's path, the finding and the remedy."""

import difflib
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from flows.config.excerpt import excerpt
from flows.config.overlay_path import VARIANTS
from flows.config.uri import has_credentials, is_uri
from ratiopath.errors import RatiopathError

_WANTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "a number > {gt:g}",
    "greater_than_equal": "a number >= {ge:g}",
    "less_than": "a number < {lt:g}",
    "less_than_equal": "a number <= {le:g}",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "literal_error": "{expected}",
    "string_too_long": "at most {max_length} characters",
    "too_long": "at most {max_length} items",
}
"""Remedies for pydantic's errors in simple values, formatted with the error's context."""
MAX_PROBLEMS = 20
"""Problems that are reported, a line each."""
MAX_LINE = 2000
"""Characters of a line."""
MAX_NAME = 80
"""Characters of a key that a message repeats."""
_EMPTY = {"too_short", "string_too_short"}
"""pydantic's errors in values that must not be empty."""


class ConfigurationError(RatiopathError):
    """A configuration refused before any work; no ValueError, which pydantic would report with the whole input.

    Attributes:
        problems: One line each.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


def refusal(error: ValidationError, model: type[BaseModel]) -> ConfigurationError:
    """Translate pydantic's findings into the vocabulary of the configuration.

    Args:
        error: The error raised by validating the model.
        model: The model, for the descriptions of its fields.
    """
    details = error.errors(include_url=False)
    lines = [_line(detail, model) for detail in details[:MAX_PROBLEMS]]
    more = len(details) - len(lines)
    return ConfigurationError(*lines, *([f"and {more} more problems; mend these first"] if more else []))


def _line(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, found = detail["type"], detail["input"]
    section, field = _innermost(detail["loc"], model)
    expected = field.description if field else f"a mapping of {', '.join(section.model_fields)}"
    if kind == "value_error":
        text = detail["msg"].removeprefix("Value error, ")
    elif kind == "extra_forbidden":
        close = difflib.get_close_matches(str(detail["loc"][-1])[:MAX_NAME], section.model_fields, n=1)
        guess = f"did you mean {close[0]}? " if close else ""
        text = f"unknown key; {guess}known here: {', '.join(section.model_fields)}"
    elif detail["loc"][-1:] == ("[key]",) and kind == "string_type":
        text = f"the name {excerpt(found)} is not text; put it in quotes"
    elif kind == "missing":
        text = f"is missing; expected: {expected}"
    elif kind in _EMPTY:
        text = f"is empty; expected: {expected}"
    elif kind in _WANTED:
        text = f"found {excerpt(found)}; give {_WANTED[kind].format(**detail.get('ctx', {}))}"
    else:
        text = f"found {excerpt(found)}; expected: {expected}"
    line = " ".join(f"{_dotted(detail['loc'])}: {text}".split())
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}..."


def _dotted(where: tuple[int | str, ...]) -> str:
    path = ""
    for part, after in zip(where, (*where, None)[1:], strict=True):
        if part == "[key]" or part in VARIANTS:
            continue
        is_index = isinstance(part, int) and after != "[key]"
        text = str(part)
        name = ".NAME" if len(text) > MAX_NAME or is_uri(text) or has_credentials(text) else f".{text}"
        path += f"[{part}]" if is_index else name
    return path.removeprefix(".") or "configuration"


def _innermost(where: tuple[int | str, ...], model: type[BaseModel]) -> tuple[type[BaseModel], FieldInfo | None]:
    """Find the last section and field on a path."""
    section, field = model, None
    for part in where:
        if part in VARIANTS:
            section = VARIANTS[str(part)]
        elif isinstance(part, str) and part in section.model_fields:
            field = section.model_fields[part]
            section = section_of(field.annotation) or section
    return section, field


def section_of(annotation: Any) -> type[BaseModel] | None:
    """Return the model that a field holds, alone or as the values of a dict."""
    inner = get_args(annotation)[1] if get_origin(annotation) is dict else annotation
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
