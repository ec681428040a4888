"""Discovery of slides: the files named by `slides`, minus `exclude`, overlays of other slides, and detected masks."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from flows.config.errors import ConfigurationError
from flows.config.export_settings import TileColumns, check_export
from flows.config.keep_expression import keep_expression
from flows.config.model import CoverageConfig
from flows.config.overlay_path import Column, overlay_path
from flows.config.slide_id import slide_id_of
from flows.inputs.cells import kind_of_column
from flows.inputs.manifest import SlideSource, is_manifest, read_cells, read_manifest
from ratiopath.errors import ParameterError, SlideNotFoundError
from ratiopath.remote.listing import list_files
from ratiopath.remote.names import absolute, without_options
from ratiopath.remote.uri import is_uri
from ratiopath.slides.on_store import Listing
from ratiopath.slides.paths import Exclusion, find_slides


def discover(config: CoverageConfig, listed: Listing = list_files) -> list[SlideSource]:
    """Find the slides of a run, sorted by path, each once.

    Args:
        config: Configuration with `slides`, `exclude` and `overlays`.
        listed: Lists folders on stores.

    Raises:
        ConfigurationError: An entry of `slides` does not exist, a manifest or a pattern of `exclude` cannot be used, or
            files are overlays of one another in a circle.
    """
    named: dict[str, SlideSource] = {}
    masks = f"{without_options(absolute(config.output.removeprefix('file://')))}/tissue/"  # of earlier runs
    every = (slide for entry in config.slide_entries for slide in _named_by(entry, config, listed))
    for slide in (slide for slide in every if not slide.path.startswith(masks)):
        bare = SlideSource(slide.path)
        if named.get(slide.path, bare) == bare:
            named[slide.path] = slide
        elif slide not in (bare, named[slide.path]):
            raise ConfigurationError(f"slides: {slide.path!r} has two different rows in manifests; delete one of them")
    # excluded files take part, so that the overlay of an excluded slide is not mistaken for a slide
    slides = slides_among({path: _among(named, _overlays(slide, config)) for path, slide in named.items()})
    try:
        exclusion = Exclusion.of(config.exclude, config.slide_folders)
    except ParameterError as error:
        raise ConfigurationError(f"exclude: {error}") from None
    found = [named[path] for path in sorted(slides) if path not in exclusion]
    _refuse_shared_ids(found, config)
    return found


def with_column_kinds(config: CoverageConfig) -> CoverageConfig:
    """Return the configuration with the kind of each column of the manifest that goes through to the tables.

    Raises:
        ConfigurationError: A manifest cannot be used, lacks a column or has a cell that a table cannot hold; or `keep`
            or the `where` of an export does not fit the kinds.
    """
    if not config.columns or isinstance(config.columns, dict):
        return config
    cells: dict[str, list[Any]] = {name: [] for name in config.columns}
    for entry in config.slide_entries:
        for name, found in (read_cells(entry, config.columns) if is_manifest(entry) else {}).items():
            cells[name] += found
    kinds = {name: kind_of_column(name, found) for name, found in cells.items()}
    known = config.model_copy(update={"columns": kinds})
    if config.keep is not None:
        try:
            keep_expression(config.keep, known.keep_names)
        except ValueError as error:
            raise ConfigurationError(f"keep: {error}") from None
    columns = TileColumns.of(known.overlay_columns, known.manifest_names)
    for name, settings in known.exports.items():
        try:
            check_export(name, settings, columns)
        except ValueError as error:
            raise ConfigurationError(f"exports: {name}: {error}") from None
    return known


def _refuse_shared_ids(slides: Sequence[SlideSource], config: CoverageConfig) -> None:
    """Refuse ids of manifests that two slides share; files on some systems ignore case."""
    if not any(slide.slide_id for slide in slides):
        return
    taken: dict[str, str] = {}
    for slide in slides:
        slide_id = slide.slide_id or slide_id_of(slide.path, config)
        other = taken.setdefault(slide_id.lower(), slide.path)
        if other != slide.path:
            raise ConfigurationError(
                f"slides: {other!r} and {slide.path!r} have the same slide_id {slide_id!r}; give each its own"
            )


def _named_by(entry: str, config: CoverageConfig, listed: Listing) -> Iterator[SlideSource]:
    if is_manifest(entry):
        columns, mpps = config.manifest_columns.values(), config.mpp_columns.values()
        yield from read_manifest(entry, columns, mpps, config.column_kinds)
        return
    if config.columns:
        raise ConfigurationError(
            f"columns: {next(iter(config.columns))!r} is a column of a manifest, but slides names {entry!r}; give a "
            "manifest .csv or .parquet as slides, or remove columns"
        )
    if config.manifest_columns:
        name, column = next(iter(config.manifest_columns.items()))
        raise ConfigurationError(
            f"overlays.{name}.path.column: {column!r} is a column of a manifest, but slides names {entry!r}; give a "
            "manifest .csv or .parquet as slides, or a template as path"
        )
    if config.mpp_columns:
        name, column = next(iter(config.mpp_columns.items()))
        raise ConfigurationError(
            f"overlays.{name}.mpp.column: {column!r} is a column of a manifest, but slides names {entry!r}; give a "
            "manifest .csv or .parquet as slides, or a number as mpp"
        )
    try:
        paths = find_slides(entry, listed)
    except (SlideNotFoundError, ParameterError) as error:
        if is_uri(entry):
            raise ConfigurationError(f"slides: {error}") from error
        remedy = "check the path; a glob must match a file, a folder may be empty"
        raise ConfigurationError(f"slides: {os.path.abspath(entry)!r} does not exist; {remedy}") from None
    yield from map(SlideSource, paths)


def _overlays(slide: SlideSource, config: CoverageConfig) -> Iterator[str]:
    sources = iter(slide.sources)
    for overlay in config.overlays.values():
        if overlay.path is None:
            continue
        cell = next(sources) if isinstance(overlay.path, Column) else None
        path = overlay_path(slide.path, overlay.path, cell)
        if path is not None:
            yield path


def _among(named: Mapping[str, SlideSource], paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths that are named, as the objects that name them: most are not, and take no memory."""
    return tuple(named[path].path for path in paths if path in named)


def slides_among(overlays: Mapping[str, Collection[str]]) -> set[str]:
    """Select the slides among files, some of which are overlays of others.

    A file that is nobody's overlay is a slide. Its overlays are not, so they and their own overlays do not count:

        a.tiff -> a_mask.tiff -> a_mask_mask.tiff      a.tiff and a_mask_mask.tiff are slides

    Args:
        overlays: Overlay paths of each file. Paths of other files, and of the file itself, are ignored.

    Raises:
        ConfigurationError: Files are overlays of one another in a circle.
    """
    left = {
        path: tuple(other for other in others if other in overlays and other != path)
        for path, others in overlays.items()
    }
    slides: set[str] = set()
    while left:
        roots = left.keys() - set().union(*left.values())
        if not roots:
            raise ConfigurationError(
                f"overlays: {' and '.join(map(repr, _circle(left)))} are overlays of one another; correct the path of "
                "the overlay that names them"
            )
        slides |= roots
        done = roots.union(*(left[root] for root in roots))
        left = {path: others for path, others in left.items() if path not in done}
    return slides


def _circle(left: Mapping[str, Collection[str]]) -> list[str]:
    """Find a circle among files each of which is the overlay of another, by walking back from the first."""
    walked = [min(left)]
    while walked[-1] not in walked[:-1]:
        walked.append(min(path for path, others in left.items() if walked[-1] in others))
    return sorted(walked[walked.index(walked[-1]) : -1])
