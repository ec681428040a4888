"""The options of the command line: every field of `CoverageConfig` as an option, over a YAML file."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import yaml
from cyclopts import App, CycloptsError, Parameter
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.fields import FieldInfo

from flows.config.errors import ConfigurationError, refusal, section_of
from flows.config.model import CoverageConfig
from flows.config.overlay_path import FIELDS
from flows.inputs.discovery import discover
from flows.storage.filesystem import Storage

HELP = (
    "Tile whole-slide images and compute how much of each tile its overlays cover.\n\n"
    "Without any argument a small sample is made and run. Relative paths begin at the working directory. A value is "
    "written as in the file: 0.5, null, [512, 256] or '{tumor: [1, 2]}'; several values repeat the option.\n\n"
    "Exit codes: 0 every slide is in the tables, 1 the run failed, 2 the configuration was refused, 3 finished, but "
    "more slides were put aside than are tolerated."
)


def configuration(arguments: Sequence[str]) -> CoverageConfig:
    """Read the configuration from a file, options, or both.

    Args:
        arguments: Such as `["--config", "coverage.yaml", "--tiling.mpp", "0.25"]`; options win over the file.

    Raises:
        ConfigurationError: Each problem is one line with the field's path and the remedy. Nothing was done.
        SystemExit: With code 0, after `--help`.
    """
    try:
        given = _app()(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise ConfigurationError(f"{' '.join(str(error).split())} See --help.") from None
    if given is None:  # help was printed
        raise SystemExit(0)
    file, options = given
    try:
        config = CoverageConfig.model_validate(_merged({} if file is None else _read(file), options))
    except ValidationError as error:
        raise refusal(error, CoverageConfig) from None
    storage = Storage.at(config.output)
    if storage.is_local:
        _refuse_file(storage.root, config.output)
    discover(config)  # so that a wrong path is refused before anything is started
    return config


def _refuse_file(root: str, output: str) -> None:
    there = root
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    if not os.path.isdir(there):
        found = "is a file" if there == root else f"is in {there!r}, a file"
        raise ConfigurationError(f"output: {output!r} {found}; name a folder")


def _app() -> App:
    plain = Parameter(negative_iterable=(), negative_none=(), show_default=False, name_transform=lambda name: name)
    app = App(
        name="python -m flows.coverage",
        help=HELP,
        help_format="plaintext",
        version_flags=(),
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


def _options_of(model: type[BaseModel]) -> type[BaseModel]:
    """The same fields, all optional, each as text: what they mean, and what is unknown, is for the model to say."""
    fields: dict[str, Any] = {name: _option(field) for name, field in model.model_fields.items()}
    return create_model(f"{model.__name__}Options", __config__=ConfigDict(extra="allow"), **fields)


def _option(field: FieldInfo) -> tuple[Any, Any]:
    section = section_of(field.annotation)
    is_list = any(get_origin(kind) is list for kind in (field.annotation, *get_args(field.annotation)))
    kind: Any = list[Any] if is_list else Any
    if section is not None:
        kind = _options_of(section)
    if section is not None and get_origin(field.annotation) is dict:
        kind = dict[str, kind]
    if field.annotation is bool:
        kind = bool
    return kind | None, Field(None, description=field.description)


if TYPE_CHECKING:
    CoverageOptions = BaseModel
else:
    CoverageOptions = _options_of(CoverageConfig)


def _merged(base: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Options over the file: a section is merged field by field, a field is replaced."""
    merged = dict(base)
    for name, option in options.items():
        if isinstance(option, dict):
            below = merged.get(name)
            merged[name] = _merged(below if isinstance(below, dict) else {}, option)
        else:
            merged[name] = _values(option) if isinstance(option, list) else _value(option)
    return merged


def _values(texts: Sequence[str]) -> list[Any]:
    """One value per repetition of an option; or, given once, a list as the file would hold it."""
    values = [_value(text) for text in texts]
    return values[0] if len(values) == 1 and isinstance(values[0], list) else values


def _value(text: Any) -> Any:
    """Text, unless it is null, a list or a mapping, as JSON or as YAML; numbers are for the model to recognise."""
    if not isinstance(text, str) or not (text == "null" or text.startswith(("[", "{"))):
        return text
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        value = yaml.load(text, _UniqueKeys)  # noqa: S506 - a subclass of the safe loader
    except (yaml.YAMLError, ValueError):
        return text  # such as the template {dir}/{stem}.tiff
    is_glob = isinstance(value, list) and "," not in text  # such as [ab]
    is_template = isinstance(value, dict) and all(key in FIELDS and below is None for key, below in value.items())
    return text if is_glob or is_template else value


def _read(file: str) -> dict[str, Any]:
    try:
        with open(file, encoding="utf-8") as stream:
            content = yaml.load(stream, _UniqueKeys)  # noqa: S506 - a subclass of the safe loader
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"--config: {file!r} cannot be read: {reason}; check the path") from None
    except (yaml.YAMLError, ValueError) as error:  # a ValueError of a date such as 2024-99-99
        raise ConfigurationError(f"--config: {file!r} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"--config: {file!r} holds {type(content).__name__}; write fields such as `slides: slides/`"
        )
    return content


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} is there twice", key.start_mark)
        return super().construct_mapping(node, deep)
