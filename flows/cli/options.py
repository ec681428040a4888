"""Command-line options: every field of `CoverageConfig`, merged over a YAML file.

cyclopts' own pydantic and YAML support is not used: it reads `tumor: [1, 2]` of the file as [2], `null` and `[8, 16]`
as text, and one option of an overlay drops the file's other settings of it. So cyclopts only knows the options' names.
"""

import json
import os
from collections import deque
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from cyclopts import App, CycloptsError, Parameter, UnknownOptionError, UnusedCliTokensError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.fields import FieldInfo

from flows.cli.terminal import OPTIONS, SCRIPT, command
from flows.config.errors import ConfigurationError, refusal, section_of
from flows.config.model import CoverageConfig
from flows.config.uri import check_output
from flows.config.yaml_file import parse_yaml, read_yaml
from flows.exports.names import refuse_equal_stems
from flows.inputs.discovery import discover, with_column_kinds
from flows.storage.filesystem import Storage
from flows.storage.slices import in_slices

HELP = (
    "Tile whole-slide images and compute the share of each tile that its overlays cover.\n\n"
    "Without arguments, a small sample is made and run. Relative paths of options begin at the working directory, "
    "those of the file at its folder. "
    "A value is written as in the file: 0.5, null, false, [512, 256] or '{tumor: [1, 2]}'. Of a list give several "
    "values one after another, or repeat the option; a pattern in quotes, such as 'slides/*.svs', is looked up by the "
    "run.\n\n"
    "--dry-run tells what a run would do and writes nothing, as the verb plan does.\n\n"
    f"{OPTIONS} -j N (--jobs N) uses at most N processors of this machine.\n\n"
    "Exit codes: 0 every slide is in the tables, 1 the run failed, 2 the configuration was refused, 3 finished, but "
    "more slides failed than are tolerated, or, with --strict, a class matches nothing or slides are to be reviewed."
)
MAX_DEPTH = 200
"""Dots of an option's name, and nesting of brackets in a value, whose readers are recursive."""
MAX_SHOWN = 200
"""Characters of an argument that a message repeats."""
MAX_ARGUMENTS = 1000
"""Arguments besides repeated lists: cyclopts takes time with their square."""
_FLAGS = {f"--{name}" for name, field in CoverageConfig.model_fields.items() if field.annotation is bool}
"""Options that need no value."""
_LISTS = {
    name
    for name, field in CoverageConfig.model_fields.items()
    if any(get_origin(kind) is list for kind in (field.annotation, *get_args(field.annotation)))
}
"""Fields whose options may be repeated any number of times."""


def read_configuration(arguments: Sequence[str]) -> CoverageConfig:
    """Read the configuration from a file, options, or both.

    Args:
        arguments: Arguments such as `["--config", "coverage.yaml", "--tiling.mpp", "0.25"]`; options override the file.

    Raises:
        ConfigurationError: Each problem is one line with the field's path and the remedy. Nothing was done.
        SystemExit: With code 0, after `--help` or `--version`.
    """
    if any(_depth(argument) > MAX_DEPTH for argument in arguments):
        raise ConfigurationError(f"an argument is nested more than {MAX_DEPTH} deep; write it in the file")
    others, lists = _without_lists(arguments)
    if len(others) > MAX_ARGUMENTS:
        found = f"found {len(others):,} arguments besides --{' and --'.join(sorted(_LISTS))}"
        raise ConfigurationError(f"{found}, more than {MAX_ARGUMENTS:,}; write them in the file")
    try:
        parsed = _app()(_with_flag_values(others), exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise _refusal(error, arguments) from None
    if parsed is None:  # --help or --version
        raise SystemExit(0)
    file, options = parsed
    options |= lists
    config = CoverageConfig.model_validate(_merge({} if file is None else read_yaml(file), options))
    storage = Storage.at(config.output)
    if storage.is_local:
        _refuse_file(storage.root)
    config = with_column_kinds(config)
    slides = discover(config).table  # refuses a wrong path before anything is started
    refuse_equal_stems(in_slices(slides["path"]), config.exports, config.classes)
    return config


def _refusal(error: CycloptsError, arguments: Sequence[str]) -> ConfigurationError:
    """Translate an error of cyclopts, which may repeat any argument."""
    if isinstance(error.__cause__, ValidationError):
        return refusal(error.__cause__, CoverageConfig)
    shown = f"{' '.join(str(error)[:1000].split())} See --help."
    if not isinstance(error, UnknownOptionError):
        try:
            for argument in arguments:
                check_output(argument)
        except ValueError:
            shown = "an argument cannot be read; none is shown, as one may hold a credential. See --help."
        else:
            if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
                first, *more = error.unused_tokens
                found = f"{first[:MAX_SHOWN]!r}{f' and {len(more)} more' if more else ''}"
                remedy = "put a pattern or a value with spaces in quotes, such as --slides 'slides/*.svs'. See --help."
                shown = f"found {found} after no option that takes it; {remedy}"
    return ConfigurationError(shown)


def _depth(argument: str) -> int:
    """Return the number of dots in an option's name, plus the depth of brackets in its value."""
    name, _, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
    depth = deepest = 0
    for character in value:
        depth += (character in "[{") - (character in "]}")
        deepest = max(deepest, depth)
    return name.count(".") + deepest


def _without_lists(arguments: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Take the options of lists out of the arguments, with all of their values; an odd one leaves all in.

    An option takes all values up to the next option: the shell makes several of a pattern that is not in quotes.
    """
    others: list[str] = []
    lists: dict[str, list[str]] = {}
    left = deque(arguments)
    while left:
        argument = left.popleft()
        option, equals, value = argument.partition("=")
        name = option.removeprefix("--")
        if option == name or name not in _LISTS:
            others.append(argument)
            continue
        values = [value] if equals else []
        while not equals and left and not left[0].startswith("-"):
            values.append(left.popleft())
        if not values:  # a missing value is for cyclopts to report
            return list(arguments), {}
        lists.setdefault(name, []).extend(values)
    return others, lists


def _refuse_file(root: str) -> None:
    existing = root
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    if not os.path.isdir(existing):
        found = "is a file" if existing == root else f"is in {existing!r}, a file"
        raise ConfigurationError(f"output: {root!r} {found}; name a folder")


def _app() -> App:
    plain = Parameter(negative_iterable=(), negative_none=(), show_default=False, name_transform=lambda name: name)
    app = App(
        name=command(),
        help=HELP,
        help_format="plaintext",
        version=lambda: version(SCRIPT),
        version_flags="--version",
        default_parameter=plain,
        result_action="return_value",
    )

    def coverage(
        *,
        config: Annotated[str | None, Parameter(help="YAML file with the fields below")] = None,
        options: Annotated[CoverageOptions | None, Parameter(name="*")] = None,
    ) -> tuple[str | None, dict[str, Any]]:
        return config, options.model_dump(exclude_unset=True) if options else {}

    app.default(coverage)
    return app


def _with_flag_values(arguments: Sequence[str]) -> list[str]:
    """Join `--previews false` to `--previews=false`, the form that cyclopts reads."""
    joined: list[str] = []
    for argument in arguments:
        if argument in {"true", "false"} and joined and joined[-1] in _FLAGS:
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _options_of(model: type[BaseModel]) -> type[BaseModel]:
    """Create a model with the same fields, all optional and untyped: values and unknown keys are left to the model."""
    fields: dict[str, Any] = {name: _option(field) for name, field in model.model_fields.items()}
    return create_model(f"{model.__name__}Options", __config__=ConfigDict(extra="allow"), **fields)


def _option(field: FieldInfo) -> tuple[Any, Any]:
    kinds = (field.annotation, *get_args(field.annotation))
    section = section_of(field.annotation)
    kind: Any = Any
    if section is not None:
        kind = _options_of(section)
        if get_origin(field.annotation) is dict:
            kind = dict[str, kind]
    elif field.annotation is bool:
        kind = bool
    elif any(get_origin(kind) is list for kind in kinds):
        kind = list[Any]
    return kind | None, Field(None, description=f"{field.description}{_choices(field, kinds)}")


def _choices(field: FieldInfo, kinds: Sequence[Any]) -> str:
    """Format the choices of a field and its default, as far as it has any."""
    choices = [choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]
    parts = [" | ".join(choices)] if choices else []
    if field.is_required():
        parts.append("required")
    elif not isinstance(field.default, BaseModel):
        parts.append(f"default: {json.dumps(field.get_default(call_default_factory=True))}".replace('"', ""))
    return f" ({'; '.join(parts)})" if parts else ""


if TYPE_CHECKING:
    CoverageOptions = BaseModel
else:
    CoverageOptions = _options_of(CoverageConfig)


def _merge(base: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Merge options over the file: a section field by field, any other field as a whole."""
    merged = dict(base)
    for name, option in options.items():
        if isinstance(option, dict):
            below = merged.get(name)
            merged[name] = _merge(below if isinstance(below, dict) else {}, option)
        else:
            merged[name] = _values(option) if isinstance(option, list) else _value(option)
    return merged


def _values(texts: Sequence[str]) -> list[Any]:
    """Read one value per repetition of an option, or a list written as in the file."""
    values = [_value(text) for text in texts]
    return values[0] if len(values) == 1 and isinstance(values[0], list) else values


def _value(text: Any) -> Any:
    """Read null, a list or a mapping, as JSON or YAML; other text is for the model to interpret."""
    if not isinstance(text, str) or not (text == "null" or text.startswith(("[", "{"))):
        return text
    try:
        return json.loads(text)
    except RecursionError:
        return text
    except ValueError:
        pass
    separator = "," if text.startswith("[") else ":"
    if separator not in text:
        return text  # a glob such as [ab], a template such as {name}
    try:
        return parse_yaml(text)
    except ValueError:
        return text  # a template such as {dir}/a:b.tiff
