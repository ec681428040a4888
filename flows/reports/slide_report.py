"""What a person wants to see of each slide: worked out while its tiles are measured, kept in its file of coverage.

    mean of a class = mean of its shares over the tiles where it is known; null where it is known in none
    mm² of a class  = sum over those tiles of  share x inside x (mm² of the ROI in the tile's cell)

A cell is the part of a tile that no later one holds (`flows.areas`), so overlapping tiles count each pixel once, with
the share of the tile whose cell it is in. The sum is exact for tiles that do not overlap. It is null where the slide
has no resolution, where the class is known in no tile, or where tiles overlap and the ROI is a part of them.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flows.config.model import CoverageConfig
from flows.records.provenance import Json as Record
from flows.records.slides import Slide
from flows.reports.quality_checks import class_suspicions, count_suspicions
from flows.reports.tile_areas import TileAreas
from flows.storage.parquet import TableReference, read_table
from flows.storage.workspace import Workspace
from schemas.slide_report import area_of, mean_of, slide_report
from schemas.table import checked


def partial_report(tiles: pa.Table, slide: Slide, config: CoverageConfig) -> Record:
    """What some tiles of a slide add to its report.

    Args:
        tiles: A coverage table.
        slide: The slide.
        config: Of the run.

    Returns:
        Numbers and text that JSON can hold: of each class how many tiles know it, the sum of its shares and its mm²; of
        each overlay the first and the last of its values.
    """
    cells = TileAreas.of(slide, config.tiling.last, config.region)
    areas = cells.areas(tiles["tile_x"].to_numpy(), tiles["tile_y"].to_numpy())
    classes = {}
    for overlay in config.overlay_columns:
        for name in overlay.classes:
            known, shares = tiles[name].is_valid().to_numpy(), tiles[name].fill_null(0).to_numpy()
            mm2 = None if areas is None else float((shares * tiles[overlay.inside].to_numpy() * areas).sum())
            classes[name] = [int(known.sum()), float(shares.sum()), mm2]
    return {"classes": classes, "values": {one.name: _ends(tiles[one.overlap]) for one in config.overlay_columns}}


def _ends(overlaps: pa.ChunkedArray) -> list[str]:
    chunks = [pc.min_max(chunk.keys).as_py() for chunk in overlaps.chunks if len(chunk.keys)]
    return [end for found in chunks for end in found.values() if end is not None]


def merge_reports(tallies: Sequence[Record], suspicions: Sequence[str], config: CoverageConfig) -> Record:
    """The report on a slide, but for what `keep` keeps.

    Args:
        tallies: Of all of its tiles, in order, so that the sums do not depend on who measured what.
        suspicions: About its overlays' extents.
        config: Of the run.

    Returns:
        `means` and `mm2` by class, and `suspicions`.
    """
    means, mm2 = {}, {}
    for name in config.classes:
        tiles, shares, areas = zip(*(one["classes"][name] for one in tallies), strict=True) if tallies else ((), (), ())
        means[name] = min(1.0, sum(shares) / sum(tiles)) if sum(tiles) else None
        mm2[name] = sum(areas) if sum(tiles) and None not in areas else None
    only_zero = {
        overlay.name: {end for one in tallies for end in one["values"][overlay.name]} == {"0"}
        for overlay in config.overlay_columns
    }
    found = [*class_suspicions(config.overlay_columns, only_zero, means), *suspicions]
    return {"means": means, "mm2": mm2, "suspicions": found}


def report_columns(report: Record, tiles: int, kept: int) -> dict[str, Any]:
    """What the report tells in a row of `schemas.slide_report.kept_slides`.

    Args:
        report: As `report_of_tallies` makes it.
        tiles: How many the slide has.
        kept: How many of them are kept.
    """
    classes = {mean_of(name): mean for name, mean in report["means"].items()}
    classes |= {area_of(name): mm2 for name, mm2 in report["mm2"].items()}
    return {"tiles": tiles, **classes, "suspicions": [*count_suspicions(tiles, kept), *report["suspicions"]]}


def report_slides(
    covered: TableReference, kept: TableReference, config: CoverageConfig, workspace: Workspace
) -> pa.Table:
    """Report on every slide in the tables, also those that this run left alone.

    Args:
        covered: Which file holds the coverage of which slide.
        kept: Which file holds its kept tiles, and the report.
        config: Of the run.
        workspace: Where it wrote.

    Returns:
        A row per slide of `schemas.slide_report`: those found in the order of `covered`, then those that are gone.
    """
    measured = {row["slide_id"]: row for row in read_table(covered.path, workspace.files).to_pylist()}
    gone = {"status": "gone", "seconds": None}
    rows = []
    for row in read_table(kept.path, workspace.files).to_pylist():
        of_run = measured.get(row["slide_id"], gone)
        rows.append({**row, "kept": row["rows"], "status": of_run["status"], "seconds": of_run["seconds"]})
    schema = slide_report(config.classes)
    return checked(pa.Table.from_pylist(rows, schema.arrow), schema)
