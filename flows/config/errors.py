"""Why a configuration was refused: one line per problem, with the field's path, what was found and the remedy."""

import difflib
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from flows.config.overlay_path import VARIANTS
from ratiopath.errors import ParameterError


class ConfigurationError(ParameterError):
    """The configuration is refused before any work.

    Attributes:
        problems: One line each.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


def refusal(error: ValidationError, model: type[BaseModel]) -> ConfigurationError:
    """Say what pydantic found in the words of the configuration.

    Args:
        error: What validating the model raised.
        model: The model, for the descriptions of its fields.
    """
    return ConfigurationError(*(_line(detail, model) for detail in error.errors(include_url=False)))


def _line(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, found, message = detail["type"], detail["input"], detail["msg"]
    section, field = _innermost(detail["loc"], model)
    where = [part for part in detail["loc"] if part != "[key]" and part not in VARIANTS]
    expected = field.description if field else f"a mapping of {', '.join(section.model_fields)}"
    if kind == "value_error":
        text = message.removeprefix("Value error, ")
    elif kind == "extra_forbidden":
        close = difflib.get_close_matches(str(where[-1]), section.model_fields, n=1)
        guess = f"did you mean {close[0]}? " if close else ""
        text = f"unknown key; {guess}known here: {', '.join(section.model_fields)}"
    elif kind == "missing":
        text = f"is missing; expected: {expected}"
    else:
        text = f"{message[0].lower()}{message[1:]}, found {found!r}; expected: {expected}"
    return " ".join(f"{_dotted(where)}: {text}".split())


def _dotted(where: list[int | str]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
    return path.removeprefix(".") or "configuration"


def _innermost(where: tuple[int | str, ...], model: type[BaseModel]) -> tuple[type[BaseModel], FieldInfo | None]:
    """The last section and field that a path passes."""
    section, field = model, None
    for part in where:
        if part in VARIANTS:
            section = VARIANTS[str(part)]
        elif isinstance(part, str) and part in section.model_fields:
            field = section.model_fields[part]
            section = section_of(field.annotation) or section
    return section, field


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds, alone or as the values of a dict."""
    inner = get_args(annotation)[1] if get_origin(annotation) is dict else annotation
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
