"""Names of the slides' files in an export."""

from collections.abc import Iterable, Mapping, Sequence

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


def refuse_equal_stems(
    paths: Iterable[str], exports: Mapping[FormatName, ExportSettings], classes: Sequence[str]
) -> None:
    """Refuse slides whose files would have the same names, before a run does any work.

    Args:
        paths: Paths of the slides.
        exports: Settings of each export.
        classes: Classes of the run.

    Raises:
        ConfigurationError: Names both slides and the export.
    """
    slides = [(path, "") for path in paths] if exports else []
    for name, settings in exports.items():
        if settings.name == "stem":
            refuse_equal_files(slides, name, settings, classes, f"exports.{name}.name")


def refuse_equal_files(
    slides: Sequence[tuple[str, str]],
    format_name: FormatName,
    settings: ExportSettings,
    classes: Sequence[str],
    key: str = "name",
) -> None:
    """Refuse slides whose files in a format would have the same names.

    The files of `dataset` bear no names of slides. Those of `heatmap` bear a column too: `b_tumor` of slide a and
    `tumor` of slide a_b are both a_b_tumor.tiff.

    Args:
        slides: Path and id of each slide.
        format_name: Name of the format.
        settings: Settings of the export.
        classes: Columns to write, if the settings name none.
        key: Setting of the names, as users write it.

    Raises:
        ConfigurationError: Names both slides.
    """
    if format_name == "dataset":
        return
    refuse_equal_names(slides, settings, key)
    if format_name != "heatmap":
        return
    paths: dict[str, str] = {}
    for path, slide_id in slides:
        for column in settings.classes or classes:
            file = f"{name_of(path, slide_id, settings)}_{column}"
            if file in paths:
                found = f"maps of {paths[file]!r} and {path!r} would both be written as '{file}.tiff'"
                raise ConfigurationError(f"{key}: {found}; set it to slide_id, or leave a column out of classes")
            paths[file] = path
