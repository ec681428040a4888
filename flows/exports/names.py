"""Names of the slides' files in an export."""

from collections.abc import Iterable, Mapping

from flows.config.errors import ConfigurationError
from flows.config.export_settings import ExportSettings, FormatName
from flows.config.slide_id import slide_stem


def name_of(path: str, slide_id: str, settings: ExportSettings) -> str:
    """Return the name of a slide's files."""
    return slide_id if settings.name == "slide_id" else slide_stem(path)


def refuse_equal_names(slides: Iterable[tuple[str, str]], settings: ExportSettings, key: str = "name") -> None:
    """Refuse slides whose files would have the same names.

    Args:
        slides: Path and id of each slide.
        settings: Settings of the export.
        key: Setting of the names, as users write it.

    Raises:
        ConfigurationError: Names both slides.
    """
    paths: dict[str, str] = {}
    for path, slide_id in slides:
        name = name_of(path, slide_id, settings)
        if name in paths:
            found = f"{paths[name]!r} and {path!r} would both be written as {name!r}"
            raise ConfigurationError(f"{key}: {found}; set it to slide_id")
        paths[name] = path


def refuse_equal_stems(paths: Iterable[str], exports: Mapping[FormatName, ExportSettings]) -> None:
    """Refuse slides whose files would have the same names, before a run does any work.

    Args:
        paths: Paths of the slides.
        exports: Settings of each export.

    Raises:
        ConfigurationError: Names both slides and the export.
    """
    slides = [(path, "") for path in paths] if exports else []
    for name, settings in exports.items():
        if settings.name == "stem":
            refuse_equal_names(slides, settings, f"exports.{name}.name")
