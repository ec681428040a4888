"""Registry of the formats: each in a module of its own, imported when it is asked for."""

from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any, get_args

from flows.config.export_settings import ExportSettings, FormatName
from flows.exports.export_format import ExportFormat

NAMES: tuple[FormatName, ...] = get_args(FormatName)
"""Names of the formats."""
MODULES: dict[FormatName, str] = {name: name for name in NAMES} | {"csv": "csv_tiles"}
"""Module of each format in this folder."""


def format_of(name: FormatName, settings: ExportSettings) -> ExportFormat:
    """Make a format.

    Args:
        name: Its name.
        settings: Settings of the export, of which the format takes those that it has fields for.
    """
    module = vars(import_module(f"flows.exports.{MODULES[name]}"))
    [kind] = [one for one in module.values() if isinstance(one, type) and getattr(one, "name", None) == name]
    names = {one.name for one in fields(kind)} if is_dataclass(kind) else set()
    options: dict[str, Any] = {option: getattr(settings, option) for option in sorted(names & {"crop"})}
    made: ExportFormat = kind(**options)
    return made
