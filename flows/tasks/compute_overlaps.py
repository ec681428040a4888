"""Task `compute overlaps`: the coverage of every tile by each overlay."""

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.execution.batch import Draft, Row
from flows.execution.map_rows import Outcome, batches_of, map_rows
from flows.records.findings import Findings
from flows.records.fingerprints import Json, require_unchanged
from flows.records.masks import at_hand
from flows.records.provenance import Provenance, read_partial_report, with_metadata
from flows.records.slide_frame import frame_of_tiles
from flows.records.slides import CoveredSlide, Status
from flows.reports.progress import progress
from flows.reports.slide_report import merge_reports, partial_report
from flows.storage.parquet import TableReference, read_table, row_groups, write_groups
from flows.storage.publication import Publication
from flows.storage.workspace import Workspace
from flows.tasks.coverage_table import coverage_table
from flows.tasks.map_slides import request_of, title, write_result
from flows.tasks.slide_grid import SlideGrid
from schemas.coverage import coverage
from schemas.intermediate import COVERED

PART = pa.schema([("part", pa.string())])
"""Result of a unit: the file with its rows and its partial report; null where the slide has no other unit."""


@dataclass(frozen=True, slots=True)
class _Slide:
    """A slide with the size of its grid and the provenance of its coverage."""

    slide_id: str
    """The slide."""
    path: str
    """Its path."""
    tiles: int
    """Number of tiles."""
    groups: int
    """Number of row groups, each a unit of work."""
    status: Status
    """State of the slide's coverage."""
    record: str
    """JSON of the provenance, parsed where the slide is measured."""
    states: str
    """JSON of the fingerprints by size and mtime, to be found again after measuring."""
    frame: str | None
    """JSON of the slide's frame; None where it is to be read from its headers."""

    def covered(self, workspace: Workspace, seconds: float | None = None) -> Row:
        """Return the row of its file in coverage/."""
        file = workspace.of_slide("coverage", self.slide_id)
        return CoveredSlide(self.slide_id, self.path, file, self.tiles, self.status, seconds).to_row()

    def units(self) -> list[Row]:
        """Return a row per unit."""
        shared = {"record": self.record, "states": self.states, "frame": self.frame, "is_alone": self.groups == 1}
        return [{"group": group, **shared} for group in range(self.groups)]


def compute_overlaps(
    grids: TableReference, overlays: TableReference, config: CoverageConfig, workspace: Workspace
) -> TableReference:
    """Measure every overlay on every tile and write coverage/, a file per slide, in the order of the grid.

    Files that are up to date are kept. A unit of work is a row group of a slide's grid. Its worker writes the slide's
    file if there is no other unit, else a part; the driver joins the parts once all are there. A slide fails as a whole
    if one of its units fails.

    Returns:
        Index of the files in coverage/.
    """
    slides = _join(read_table(overlays.path, workspace.files), read_table(grids.path, workspace.files))
    kept = {number for number, slide in enumerate(slides) if slide.status == "unchanged"}
    slide_of = [number for number, slide in enumerate(slides) if number not in kept for _ in range(slide.groups)]
    units = [unit for number, slide in enumerate(slides) if number not in kept for unit in slide.units()]
    tiles = [slides[number].tiles // slides[number].groups for number in slide_of]
    compute = partial(_measure, config=config, workspace=workspace)
    request = request_of(compute_overlaps, config)
    outcomes = map_rows(pa.Table.from_pylist(units), compute, PART, batches_of(tiles), request)
    covered = {number: slides[number].covered(workspace) for number in kept}
    failures = {}
    with progress(title(compute_overlaps), len(slides) - len(kept), workspace, logging.INFO) as advance:
        for number, done in _group_by_slide(slide_of, set(range(len(slides))) - kept, outcomes):
            slide, failed = slides[number], next((outcome for outcome in done if outcome.result is None), None)
            seconds = sum(outcome.seconds or 0.0 for outcome in done)
            if failed is None:
                _join_parts(slide, [one.result["part"] for one in done if one.result is not None], config, workspace)
                covered[number] = slide.covered(workspace, seconds)
            else:
                failures[number] = failed.failure(slide.path)
            advance(slide.path, seconds, None if failed is None else failed.reason)
    rows, failed_rows = ([found[number] for number in sorted(found)] for found in (covered, failures))
    return write_result(compute_overlaps, rows, failed_rows, COVERED, workspace)


def _join(overlays: pa.Table, grids: pa.Table) -> list[_Slide]:
    """Join the slides that have both a grid and overlays."""
    grid_of = {row["slide_id"]: row for row in grids.to_pylist()}
    rows = overlays.select(["slide_id", "status", "record", "states", "frame"]).to_pylist()
    return [_Slide(**(grid_of[row["slide_id"]] | row)) for row in rows if row["slide_id"] in grid_of]


def _measure(unit: Row, config: CoverageConfig, workspace: Workspace) -> Draft:
    provenance, group = Provenance.from_json(unit["record"]), unit["group"]
    paths, slide = provenance.overlay_paths, provenance.slide
    tiles = SlideGrid.of(slide, config.tiling.last).group(group)
    with require_unchanged(slide.path, json.loads(unit["states"])), at_hand(paths, workspace) as files:
        frame = frame_of_tiles(unit["frame"], slide)
        table, findings = coverage_table(tiles, frame, files, config, provenance.overlay_mpps)
    for name in [name for name, path in paths.items() if path != files[name]]:  # copies have no place in a table
        column = table.schema.get_field_index(f"{name}_path")
        table = table.set_column(column, table.schema.field(column), pa.repeat(paths[name], table.num_rows))
    report = partial_report(table, slide, config)
    report |= (Findings() if group else findings).to_json()
    schema = coverage(config.overlay_columns)

    def write(groups: Iterable[pa.Table], publication: Publication) -> Row:
        """Write the file of a slide of one unit, or a part with its partial report."""
        if unit["is_alone"]:
            _write_slide(groups, provenance, [report], config, workspace, publication)
            return {"part": None}
        part = workspace.between("parts", slide.slide_id, f"{group}.parquet")
        write_groups(groups, part, with_metadata(schema.arrow, None, report), workspace)
        return {"part": part}

    return Draft(schema, [table], write)


def _write_slide(
    groups: Iterable[pa.Table], provenance: Provenance, reports: Sequence[Json], config: CoverageConfig,
    workspace: Workspace, publication: Publication | None = None,
) -> None:  # fmt: skip
    schema = with_metadata(coverage(config.overlay_columns).arrow, provenance, merge_reports(reports, config))
    write_groups(groups, workspace.of_slide("coverage", provenance.slide.slide_id), schema, workspace, publication)


def _group_by_slide(
    slide_of: Sequence[int], slides: AbstractSet[int], outcomes: Iterable[Outcome]
) -> Iterator[tuple[int, list[Outcome]]]:
    """Yield each slide when all of its units are done, with their outcomes in the order of the grid."""
    expected = Counter(slide_of)
    yield from ((slide, []) for slide in sorted(slides) if not expected[slide])
    done: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        slide = slide_of[outcome.number]
        done[slide].append(outcome)
        if len(done[slide]) == expected[slide]:
            yield slide, sorted(done.pop(slide), key=lambda one: one.number)


def _join_parts(slide: _Slide, parts: Sequence[str | None], config: CoverageConfig, workspace: Workspace) -> None:
    """Join a slide's parts into its file; the worker has written that of a slide of one unit."""
    if list(parts) == [None]:
        return
    files = [part for part in parts if part is not None]
    reports = [read_partial_report(part, workspace) for part in files]
    groups = (group for part in files for group in row_groups(part, workspace.files))
    _write_slide(groups, Provenance.from_json(slide.record), reports, config, workspace)
    for part in files:
        workspace.remove(part)
