"""Registry of the formats: each in a module of its own, imported when it is asked for."""

from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any, get_args

from flows.config.export_settings import ExportSettings, FormatName
from flows.config.model import CoverageConfig
from flows.config.tiling import Tiling
from flows.exports.column_names import refuse_taken
from flows.exports.export_format import ExportFormat

NAMES: tuple[FormatName, ...] = get_args(FormatName)
"""Names of the formats."""
MODULES: dict[FormatName, str] = {name: name for name in NAMES} | {"csv": "csv_tiles"}
"""Module of each format in this folder."""


def format_of(name: FormatName, settings: ExportSettings, tiling: Tiling) -> ExportFormat:
    """Make a format.

    Args:
        name: Its name.
        settings: Settings of the export.
        tiling: Tiling of the tables. The format takes it, `crop` and `classify`, if it has fields for them.
    """
    module = vars(import_module(f"flows.exports.formats.{MODULES[name]}"))
    [kind] = [one for one in module.values() if isinstance(one, type) and getattr(one, "name", None) == name]
    names = {one.name for one in fields(kind)} if is_dataclass(kind) else set()
    given: dict[str, Any] = {"crop": settings.crop, "classify": tuple(settings.classify or ()), "tiling": tiling}
    made: ExportFormat = kind(**{option: value for option, value in given.items() if option in names})
    return made


def refuse_taken_names(name: FormatName, settings: ExportSettings, config: CoverageConfig) -> None:
    """Refuse classes and columns of the manifest with the name of a column that a format writes itself.

    Args:
        name: Name of the format.
        settings: Settings of the export.
        config: Configuration of the tables.

    Raises:
        ConfigurationError: A name is taken.
    """
    made = format_of(name, settings, config.tiling)
    refuse_taken(settings.classes or config.classes, getattr(made, "taken", ()), name)
    refuse_taken(config.columns, getattr(made, "taken_by_slides", ()), name, "columns")
