"""Task `filter by coverage`: the tiles that the configuration's expression keeps."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.config.keep_expression import keep_expression
from flows.config.model import CoverageConfig
from flows.execution.batch import Draft, Row
from flows.records.fingerprints import Json
from flows.records.provenance import (
    Provenance,
    metadata_of,
    read_metadata,
    require_whole,
    tiles_schema,
    tiles_settings,
    with_metadata,
)
from flows.records.slide_overlays import inputs_of
from flows.records.slides import CoveredSlide, Slide
from flows.records.stored_files import has_tiles
from flows.reports.slide_report import report_columns
from flows.storage.parquet import (
    TableReference,
    count_rows,
    damage_errors,
    groups_of,
    open_table,
    read_table,
    write_groups,
)
from flows.storage.publication import Publication
from flows.storage.workspace import Workspace
from flows.tasks.gone_slides import require_coverage, storage_errors, stored_groups
from flows.tasks.map_slides import map_slides
from ratiopath.geometry import round_half_up
from schemas.intermediate import COVERED
from schemas.slide_report import kept_slides
from schemas.table import TableSchema


def filter_by_coverage(
    covered: TableReference, slides: TableReference, config: CoverageConfig, workspace: Workspace
) -> TableReference:
    """Write the kept tiles to tiles/, a file per slide, in the order of the grid. Files that are up to date are kept.

    Args:
        covered: Index of the files in coverage/.
        slides: The slides, with the cells of their manifest.
        config: Configuration of the run.
        workspace: Workspace of the run.

    Returns:
        Index of the files in tiles/, with the report on each slide.
    """
    table, described = (read_table(one.path, workspace.files) for one in (covered, slides))
    table = table.select(COVERED.arrow.names)
    numbers = pc.index_in(table["slide_id"], value_set=described["slide_id"])
    table = table.append_column("cells", described["cells"].take(numbers))
    tiles, schema = table["rows"].to_pylist(), kept_slides(config.classes)
    keep = None if config.keep is None else keep_expression(config.keep, config.keep_names)
    work = partial(_filter, settings=tiles_settings(config), keep=keep)
    return map_slides(filter_by_coverage, table, work, schema, config, workspace, tiles=tiles)


def _filter(
    row: Row, config: CoverageConfig, workspace: Workspace, settings: Json, keep: pc.Expression | None
) -> Row | Draft:
    covered, cells = CoveredSlide.from_row(row), json.loads(row["cells"])
    selection = _Selection(settings, keep, cells)
    if covered.status != "gone":
        with damage_errors(covered.file):
            file = open_table(covered.file, workspace.files)
        return _filter_file(covered, file, groups_of(file, covered.file), selection, config, workspace)
    require_coverage(covered.file, config, workspace)
    with storage_errors(covered.file):
        file = open_table(covered.file, workspace.files)
        return _filter_file(covered, file, stored_groups(file, covered.file), selection, config, workspace)


@dataclass(frozen=True, slots=True)
class _Selection:
    """The tiles to keep of a slide."""

    settings: Json
    """Settings that decide the content of tiles/."""
    keep: pc.Expression | None
    """Condition; None keeps all."""
    cells: Json
    """Cell of each column of the manifest."""


def _filter_file(
    covered: CoveredSlide,
    file: pq.ParquetFile,
    groups: Iterable[pa.Table],
    selection: _Selection,
    config: CoverageConfig,
    workspace: Workspace,
) -> Row | Draft:
    made_from, report = require_whole(metadata_of(file.metadata), covered.file, config.classes)
    provenance = replace(made_from, settings=selection.settings, cells=selection.cells)
    path = workspace.of_slide("tiles", covered.slide_id)
    schema = tiles_schema(config)
    is_current = not config.force and read_metadata(path, workspace).provenance == provenance
    if is_current and has_tiles(path, covered.slide_id, config, workspace):
        return _result(covered, path, count_rows(path, workspace.files), provenance, report, config)
    kept_groups = (kept_tiles(group, selection.keep, made_from.slide, schema, selection.cells) for group in groups)

    def write(groups: Iterable[pa.Table], publication: Publication) -> Row:
        signed = with_metadata(schema.arrow, provenance)
        kept = write_groups(groups, path, signed, workspace, publication)
        return _result(covered, path, kept, provenance, report, config)

    return Draft(schema, kept_groups, write)


def kept_tiles(
    group: pa.Table, keep: pc.Expression | None, slide: Slide, schema: TableSchema, cells: Json | None = None
) -> pa.Table:
    """Select tiles of coverage/, and give them the columns of tiles/.

    A tile's corner on level 0 is its corner times the downsample of its axis, to the nearest pixel; so is its extent.

    Args:
        group: Tiles of one slide.
        keep: Condition; None keeps all.
        slide: The slide.
        schema: Schema of tiles/.
        cells: Cell of each column of the manifest, which `keep` may name.
    """
    for name, cell in (cells or {}).items():
        group = group.append_column(name, pa.repeat(pa.scalar(cell, schema.arrow.field(name).type), group.num_rows))
    kept = group if keep is None else group.filter(keep)
    (x, y), extent = slide.downsamples, slide.level0_tile_extent
    level0 = {
        "level0_x": pa.array(round_half_up(kept["tile_x"].to_numpy() * x)),
        "level0_y": pa.array(round_half_up(kept["tile_y"].to_numpy() * y)),
        "level0_extent_x": pa.repeat(pa.scalar(extent.width, pa.int64()), kept.num_rows),
        "level0_extent_y": pa.repeat(pa.scalar(extent.height, pa.int64()), kept.num_rows),
    }
    columns = [level0[name] if name in level0 else kept[name] for name in schema.arrow.names]
    return pa.Table.from_arrays(columns, schema=schema.arrow)


def _result(
    covered: CoveredSlide, path: str, kept: int, provenance: Provenance, report: Json, config: CoverageConfig
) -> Row:
    is_filtered = provenance.settings["keep"] is not None
    columns = report_columns(report, covered.rows, kept, is_filtered=is_filtered)
    digests = {"inputs": inputs_of(provenance, config), "made_from": provenance.digest}
    return {**covered.to_row(), "file": path, "rows": kept, **digests, **columns}
