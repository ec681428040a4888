"""Compute overlaps: what each overlay covers of every tile."""

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flows.config.model import CoverageConfig
from flows.execution.batch import Row, Steps
from flows.execution.map_rows import Outcome, blocks_of, map_rows
from flows.records.provenance import Record, with_metadata
from flows.reports.progress import progress
from flows.reports.quality_checks import extent_suspicions
from flows.reports.slide_report import merge_reports, partial_report
from flows.storage.parquet import TableReference, TableWriter, read_checked, row_groups, write_table
from flows.storage.workspace import Workspace
from flows.tasks.coverage_table import coverage_table
from flows.tasks.map_slides import slide_file, write_checked
from schemas.coverage import coverage
from schemas.grid import GRID
from schemas.intermediate import COVERED, SLIDE_FILES, overlay_paths

STAGE = "compute overlaps"
PART = pa.schema([("part", pa.string()), ("tally", pa.string()), ("suspicions", pa.list_(pa.string()))])
"""What measuring a unit gives: the file with its rows, and what it adds to the report on the slide; nothing where the
slide has no other unit and is written."""


def compute_overlaps(
    grids: TableReference, overlays: TableReference, config: CoverageConfig, workspace: Workspace
) -> TableReference:
    """Measure every overlay on every tile and write coverage/, one file per slide, in the order of the grid.

    What is there and was made from the same is left alone. A unit of work is a row group of a slide's grid. Its worker
    writes the slide's file if there is no other unit; else a part, and the file is put together once all parts are
    there. A slide of which a unit fails is put aside as a whole.

    Returns:
        Which file holds the coverage of which slide.
    """
    slides = _joined(
        read_checked(overlays, overlay_paths(config.overlay_columns), workspace),
        read_checked(grids, SLIDE_FILES, workspace),
    )
    units = [
        {"slide": number, **unit}
        for number, slide in enumerate(slides)
        if slide["status"] != "unchanged"
        for unit in _units(slide, workspace)
    ]
    blocks = blocks_of([unit.pop("tiles") for unit in units])
    slide_of = [unit.pop("slide") for unit in units]
    outcomes = map_rows(
        pa.Table.from_pylist(units),
        partial(_measure, config=config, workspace=workspace),
        PART,
        blocks,
        config.resources.compute_overlaps,
    )
    files = {
        number: _of(slide, slide["grid"], slide["rows"], None)
        for number, slide in enumerate(slides)
        if slide["status"] == "unchanged"
    }
    failures = {}
    with progress(STAGE, len(slides) - len(files), logging.INFO) as advance:
        for number, done in _by_slide(slide_of, set(range(len(slides))) - files.keys(), outcomes):
            slide = slides[number]
            failed = next((outcome for outcome in done if outcome.result is None), None)
            seconds = sum(outcome.seconds or 0.0 for outcome in done)
            if failed is None:
                _put_together(slide, [one.result for one in done if one.result is not None], config, workspace)
                path = workspace.of_slide("coverage", slide["slide_id"])
                files[number] = _of(slide, path, slide["rows"], seconds)
            else:
                failures[number] = failed.failure(slide["path"])
            advance(slide["path"], seconds, None if failed is None else failed.reason)
    rows, aside = ([table[number] for number in sorted(table)] for table in (files, failures))
    return write_checked(STAGE, rows, aside, COVERED, workspace)


def _joined(overlays: pa.Table, grids: pa.Table) -> list[dict[str, Any]]:
    """The slides that have both a grid and overlays."""
    grid_of = {grid["slide_id"]: {"grid": grid["file"], "rows": grid["rows"]} for grid in grids.to_pylist()}
    return [{**slide, **grid_of[slide["slide_id"]]} for slide in overlays.to_pylist() if slide["slide_id"] in grid_of]


def _units(slide: dict[str, Any], workspace: Workspace) -> Iterator[dict[str, Any]]:
    metadata = pq.read_metadata(slide["grid"], filesystem=workspace.files)
    for group in range(metadata.num_row_groups):
        is_alone = metadata.num_row_groups == 1
        yield {**slide, "group": group, "is_alone": is_alone, "tiles": metadata.row_group(group).num_rows}


def _measure(unit: dict[str, Any], config: CoverageConfig, workspace: Workspace) -> Steps:
    with pq.ParquetFile(unit["grid"], filesystem=workspace.files) as file:
        tiles = file.read_row_group(unit["group"], columns=GRID.arrow.names)
    yield GRID, tiles
    overlays = {name: unit[f"{name}_path"] for name in config.overlays}
    table = coverage_table(tiles, overlays, config)
    yield coverage(config.overlay_columns), table
    described = json.loads(unit["record"])["slide"]["described"]
    suspicions = [] if unit["group"] else list(extent_suspicions(described, overlays, config))
    sums = partial_report(table, described, config)
    if unit["is_alone"]:
        _write(unit, [table], merge_reports([sums], suspicions, config), config, workspace)
        return {"part": None, "tally": None, "suspicions": None}
    part = workspace.between("parts", unit["slide_id"], f"{unit['group']}.parquet")
    write_table(table, part, workspace)
    return {"part": part, "tally": json.dumps(sums), "suspicions": suspicions}


def _write(
    slide: dict[str, Any], groups: Iterable[pa.Table], report: Record, config: CoverageConfig, workspace: Workspace
) -> None:
    schema = with_metadata(coverage(config.overlay_columns).arrow, json.loads(slide["record"]), report)
    with TableWriter(workspace.of_slide("coverage", slide["slide_id"]), schema, workspace) as writer:
        for group in groups:
            writer.write(group)


def _by_slide(
    slide_of: Sequence[int], slides: AbstractSet[int], outcomes: Iterable[Outcome]
) -> Iterator[tuple[int, list[Outcome]]]:
    """Each slide when all of its units are done, with their outcomes in the order of the grid."""
    expected = Counter(slide_of)
    yield from ((slide, []) for slide in sorted(slides) if not expected[slide])
    done: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        slide = slide_of[outcome.number]
        done[slide].append(outcome)
        if len(done[slide]) == expected[slide]:
            yield slide, sorted(done.pop(slide), key=lambda one: one.number)


def _put_together(slide: dict[str, Any], units: Sequence[Row], config: CoverageConfig, workspace: Workspace) -> None:
    """Make one file of a slide's parts; of a slide of one unit it is there already."""
    parts = [unit["part"] for unit in units]
    if parts == [None]:
        return
    tallies = [json.loads(unit["partial_report"]) for unit in units]
    report = merge_reports(tallies, [line for unit in units for line in unit["suspicions"]], config)
    groups = (group for part in parts for group in row_groups(part, workspace.files))
    _write(slide, groups, report, config, workspace)
    for part in parts:
        workspace.storage.remove(part)


def _of(slide: dict[str, Any], path: str, rows: int, seconds: float | None) -> dict[str, Any]:
    return {**slide_file(slide, path, rows), "status": slide["status"], "seconds": seconds}
