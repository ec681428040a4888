"""Discovery of slides: the files named by `slides`, minus `exclude`, overlays of other slides, and detected masks."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flows.config.errors import ConfigurationError
from flows.config.export_settings import TileColumns, check_export
from flows.config.keep_expression import keep_expression
from flows.config.model import CoverageConfig
from flows.config.overlay_path import Column, Pattern, overlay_path
from flows.config.slide_id import slide_id_of
from flows.inputs.cells import kind_of_column, plain_cell
from flows.inputs.dicom_index import DicomIndex
from flows.inputs.manifest import is_manifest, read_cells, read_manifest
from flows.inputs.overlay_graph import CircleError, slides_among
from flows.inputs.source_table import each_once, name_bytes, name_text, source_schema, without_manifest
from flows.storage.slices import in_slices, slices_of
from flows.storage.workspace import Workspace
from ratiopath.errors import ParameterError, SlideNotFoundError
from ratiopath.remote.listing import list_files
from ratiopath.remote.names import absolute, without_options
from ratiopath.remote.uri import check_uri, is_uri
from ratiopath.slides.dicom import SUFFIX, Instances
from ratiopath.slides.on_store import Listing
from ratiopath.slides.paths import Exclusion, slides_at

MAX_SHOWN = 20
"""Files that a message names."""


@dataclass(frozen=True, slots=True)
class FoundSlides:
    """Slides of a run, not yet opened."""

    table: pa.Table
    """A row per slide, by path; see `flows.inputs.source_table`."""
    failures: list[dict[str, str]]
    """Path, error and message of each slide whose name no table can hold, or no client can use."""

    def __len__(self) -> int:
        """Return the number of slides, with those that cannot be used."""
        return int(self.table.num_rows) + len(self.failures)


def discover(config: CoverageConfig, listed: Listing = list_files, dicom: DicomIndex | None = None) -> FoundSlides:
    """Find the slides of a run, each once.

    Args:
        config: Configuration with `slides`, `exclude` and `overlays`.
        listed: Lists folders on stores.
        dicom: Series of DICOM files; None for those that the output has an index of.

    Raises:
        ConfigurationError: An entry of `slides` does not exist, a manifest or a pattern of `exclude` cannot be used,
            files are overlays of one another in a circle, or slides have the same id in a manifest.
    """
    dicom = dicom or DicomIndex(Workspace.at(config.output), by_content=config.changes == "content")
    masks = f"{without_options(absolute(config.output.removeprefix('file://')))}/tissue/"  # of earlier runs
    empty = source_schema(config.manifest_columns, config.mpp_columns).empty_table()
    named = [empty, *(slides for entry in config.slide_entries for slides in _named_by(entry, config, listed, dicom))]
    rows = pa.concat_tables(named)
    rows = each_once(rows.filter(pc.invert(pc.starts_with(rows["path"], name_bytes(masks)))))
    # excluded files take part, so that the overlay of an excluded slide is not mistaken for a slide
    rows = _without_overlays(rows, config)
    try:
        exclusion = Exclusion.of(config.exclude, config.slide_folders)
    except ParameterError as error:
        raise ConfigurationError(f"exclude: {error}") from None
    if config.exclude:
        rows = rows.filter(pa.array([path not in exclusion for path in _paths(rows)], pa.bool_()))
    rows, failures = _usable(rows)
    is_named = rows["slide_id"].null_count < rows.num_rows
    rows = _with_ids(rows, config)
    if is_named:
        _refuse_shared_ids(rows)
    return FoundSlides(rows.append_column("instances", _instances(rows, dicom)), failures)


def with_column_kinds(config: CoverageConfig) -> CoverageConfig:
    """Return the configuration with the kind of each column of the manifest that goes through to the tables.

    Raises:
        ConfigurationError: A manifest cannot be used, lacks a column or has a cell that a table cannot hold; or `keep`
            or the `where` of an export does not fit the kinds.
    """
    if not config.columns or isinstance(config.columns, dict):
        return config
    cells = [read_cells(entry, config.columns) for entry in config.slide_entries if is_manifest(entry)]
    kinds = {
        name: kind_of_column(name, map(plain_cell, chain.from_iterable(in_slices(table[name]) for table in cells)))
        for name in config.columns
    }
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


def _refuse_shared_ids(slides: pa.Table) -> None:
    """Refuse ids that two slides share; files on some systems ignore case."""
    _, first, number = np.unique(
        pc.utf8_lower(slides["slide_id"]).combine_chunks().dictionary_encode().indices.to_numpy(),
        return_index=True,
        return_inverse=True,
    )
    again = np.flatnonzero(first[number] != np.arange(len(number)))
    if again.size:
        one, other = (slides.slice(int(place), 1).to_pylist()[0] for place in (first[number][again[0]], again[0]))
        found = f"{one['path']!r} and {other['path']!r} have the same slide_id {other['slide_id']!r}"
        raise ConfigurationError(f"slides: {found}; give each its own")


def _named_by(entry: str, config: CoverageConfig, listed: Listing, instances: Instances) -> Iterator[pa.Table]:
    if is_manifest(entry):
        yield from read_manifest(entry, config.manifest_columns, config.mpp_columns, config.column_kinds)
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
        yield from without_manifest(slides_at(entry, listed, instances))
    except (SlideNotFoundError, ParameterError) as error:
        if is_uri(entry):
            raise ConfigurationError(f"slides: {error}") from error
        remedy = "check the path; a glob must match a file, a folder may be empty"
        raise ConfigurationError(f"slides: {os.path.abspath(entry)!r} does not exist; {remedy}") from None


def _without_overlays(rows: pa.Table, config: CoverageConfig) -> pa.Table:
    """Return the files that are slides, see `slides_among`."""
    paths = rows["path"].combine_chunks()
    owners, overlays = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for name, overlay in config.overlays.items():
        if overlay.path is not None:
            found = pc.index_in(_overlays(rows, name, overlay.path), value_set=paths)
            owners.append(np.flatnonzero(found.is_valid()))
            overlays.append(found.drop_null().to_numpy().astype(np.int64))
    try:
        is_slide = slides_among(len(paths), np.concatenate(owners), np.concatenate(overlays))
    except CircleError as error:
        shown = [repr(name_text(paths[file].as_py())) for file in error.files[:MAX_SHOWN]]
        more = len(error.files) - len(shown)
        circle = " and ".join([*shown, *([f"{more:,} more"] if more else [])])
        remedy = "correct the path of the overlay that names them"
        raise ConfigurationError(f"overlays: {circle} are overlays of one another; {remedy}") from None
    return rows.filter(pa.array(is_slide))


def _overlays(rows: pa.Table, name: str, path: str | Pattern | Column) -> pa.ChunkedArray:
    """Return the path of an overlay of each file; null for none."""
    if isinstance(path, Column):
        return rows[f"{name}_source"].cast(pa.binary())
    derived = (overlay_path(slide, path) for slide in _paths(rows))
    slices = slices_of(None if found is None else name_bytes(found) for found in derived)
    return pa.chunked_array([pa.array(some, pa.binary()) for some in slices], pa.binary())


def _paths(rows: pa.Table) -> Iterator[str]:
    return map(name_text, in_slices(rows["path"]))


def _usable(rows: pa.Table) -> tuple[pa.Table, list[dict[str, str]]]:
    """Set slides aside whose path no table can hold, or no client can use.

    Returns:
        The others, whose paths are texts; and a failure for each of these: path, error and message.
    """
    failures = {number: failure for number, path in enumerate(_paths(rows)) if (failure := _failure(path))}
    is_usable = np.ones(rows.num_rows, bool)
    is_usable[list(failures)] = False
    rows = rows.filter(pa.array(is_usable))
    return rows.set_column(0, "path", rows["path"].cast(pa.string())), list(failures.values())


def _failure(path: str) -> dict[str, str] | None:
    try:
        path.encode()
        if is_uri(path):
            check_uri(path)
    except UnicodeEncodeError as error:
        shown = path.encode(errors="backslashreplace").decode()
        message = f"the name {shown!r} is not UTF-8; hint: rename the file"
        return {"path": shown, "error": type(error).__name__, "message": message}
    except ParameterError as error:  # such as a key with // in it
        shown = without_options(path)
        return {"path": shown, "error": type(error).__name__, "message": f"{error}; or rename the file"}
    return None


def _instances(rows: pa.Table, dicom: DicomIndex) -> pa.Array:
    """Return the other files of each slide, as JSON; null for a slide that is not DICOM, or has no other."""
    found: list[str | None] = [None] * rows.num_rows
    is_dicom = pc.and_(
        pc.match_substring_regex(rows["path"], f"(?i){re.escape(SUFFIX)}$"), pc.starts_with(rows["path"], "/")
    )
    for number in np.flatnonzero(is_dicom.to_numpy()).tolist():
        others = dicom.others(rows["path"][number].as_py())
        found[number] = json.dumps(others) if others else None
    return pa.array(found, pa.string())


def _with_ids(rows: pa.Table, config: CoverageConfig) -> pa.Table:
    """Give the slides ids that have none in a manifest."""
    given = zip(in_slices(rows["path"]), in_slices(rows["slide_id"]), strict=True)
    slices = slices_of(slide_id or slide_id_of(path, config) for path, slide_id in given)
    ids = pa.chunked_array([pa.array(some, pa.string()) for some in slices], pa.string())
    return rows.set_column(rows.column_names.index("slide_id"), "slide_id", ids)
