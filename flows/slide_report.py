"""What a person wants to see of each slide, from its own file of coverage, read once on a worker.

    mean of a class = mean of its shares over the tiles where it is known; null where it is known in none
    mm² of a class  = sum over those tiles of  share x inside x (mm² of the ROI in the tile's cell)

A cell is the part of a tile that no later one holds (`flows.areas`), so overlapping tiles count each pixel once, with
the share of the tile whose cell it is in. The sum is exact for tiles that do not overlap. It is null where the slide
has no resolution, where the class is known in no tile, or where tiles overlap and the ROI is a part of them.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flows.areas import Cells
from flows.config import CoverageConfig
from flows.engine import blocks_of, map_rows
from flows.provenance import Record, record_of
from flows.stage import take
from flows.tables import TableReference, row_groups
from flows.workspace import Workspace
from ratiopath.errors import SlideError, TruncatedError
from ratiopath.geometry import Mpp
from ratiopath.slides import open_slide
from schemas.names import OverlayColumns
from schemas.slide_files import COVERED, SLIDE_FILES
from schemas.slide_report import area_of, mean_of, slide_report
from schemas.table import checked

_log = logging.getLogger(__name__)
RELATIVE_TOLERANCE = 0.02
"""By which part of the slide's length an overlay's may differ."""
PIXEL_TOLERANCE = 2
"""By how many of its own pixels it may differ: lengths of overlays are rounded."""


def report_slides(
    covered: TableReference, kept: TableReference, config: CoverageConfig, workspace: Workspace
) -> pa.Table:
    """Report on every slide that the run measured; what it left alone was reported on before, and is not opened.

    A slide whose report fails is warned about and left out: its tables are right.

    Args:
        covered: Which file holds the coverage of which slide.
        kept: Which file holds its kept tiles.
        config: Of the run.
        workspace: Where it wrote.

    Returns:
        A row per slide of `schemas.slide_report`, in the order of `covered`.
    """
    tiles = take(kept, SLIDE_FILES, workspace)
    counts = dict(zip(tiles["slide_id"].to_pylist(), tiles["rows"].to_pylist(), strict=True))
    rows = [
        {**slide, "kept": counts[slide["slide_id"]]}
        for slide in take(covered, COVERED, workspace).to_pylist()
        if slide["slide_id"] in counts and slide["status"] != "unchanged"
    ]
    schema = slide_report(config.classes)
    slides = pa.Table.from_pylist(rows, pa.schema([*COVERED.arrow, pa.field("kept", pa.int64())]))
    work = partial(_report, config=config, workspace=workspace)
    done: dict[int, dict[str, Any]] = {}
    for outcome in map_rows(slides, work, schema.arrow, blocks_of(slides["rows"].to_pylist())):
        if outcome.result is None:
            _log.warning("no report on %s: %s: %s", rows[outcome.number]["path"], outcome.error, outcome.message)
        else:
            done[outcome.number] = outcome.result
    return checked(pa.Table.from_pylist([done[number] for number in sorted(done)], schema.arrow), schema)


def _report(slide: dict[str, Any], config: CoverageConfig, workspace: Workspace) -> dict[str, Any]:
    record = record_of(slide["file"], workspace.files)
    if record is None:
        remedy = "run again: it will be made anew"
        raise TruncatedError("a table of coverage carries its record", path=slide["file"], found="none", remedy=remedy)
    described = record["slide"]["described"]
    cells = Cells.of(described, config.tiling.last, config.region)
    sums = {name: _Sums() for name in config.classes}
    values = _value_ranges(pq.read_metadata(slide["file"], filesystem=workspace.files))
    empty = {overlay.name: values[overlay.overlap] == {"0"} for overlay in config.overlay_columns}
    insides = [overlay.inside for overlay in config.overlay_columns]
    for group in row_groups(slide["file"], workspace.files, ["tile_x", "tile_y", *insides, *config.classes]):
        areas = cells.areas(group["tile_x"].to_numpy(), group["tile_y"].to_numpy())
        for overlay in config.overlay_columns:
            for name in overlay.classes:
                sums[name].add(group[name], group[overlay.inside], areas)
    suspicions = [
        *_of_counts(slide["rows"], slide["kept"]),
        *_of_classes(config.overlay_columns, empty, {name: one.mean for name, one in sums.items()}),
        *_of_extents(described, record["overlays"], config),
    ]
    columns = {mean_of(name): one.mean for name, one in sums.items()}
    columns |= {area_of(name): None if cells.unit is None else one.area for name, one in sums.items()}
    row = {name: slide[name] for name in ("slide_id", "path", "status", "kept")}
    return {**row, "tiles": slide["rows"], **columns, "suspicions": suspicions}


class _Sums:
    """Of one class, over the tiles seen so far where it is known."""

    def __init__(self) -> None:
        self._tiles, self._shares, self._mm2 = 0, 0.0, 0.0

    def add(self, shares: pa.ChunkedArray, inside: pa.ChunkedArray, areas: Any) -> None:
        known = shares.is_valid().to_numpy()
        values = shares.fill_null(0).to_numpy()
        self._tiles += int(known.sum())
        self._shares += float(values.sum())
        if areas is not None:
            self._mm2 += float((values * inside.to_numpy() * areas).sum())

    @property
    def mean(self) -> float | None:
        return min(1.0, self._shares / self._tiles) if self._tiles else None

    @property
    def area(self) -> float | None:
        return self._mm2 if self._tiles else None


def _value_ranges(metadata: pq.FileMetaData) -> dict[str, set[str]]:
    """The first and the last value, as text, in each column of overlaps: from the footer, no row is read."""
    found: dict[str, set[str]] = defaultdict(set)
    for number in range(metadata.num_row_groups):
        for column in map(metadata.row_group(number).column, range(metadata.num_columns)):
            name, _, within = column.path_in_schema.partition(".")
            if within.endswith(".key") and column.statistics is not None and column.statistics.has_min_max:
                found[name] |= {column.statistics.min, column.statistics.max}
    return found


def _of_counts(tiles: int, kept: int) -> Iterator[str]:
    if not tiles:
        yield "no tiles"
    elif not kept:
        yield "nothing kept"
    elif kept == tiles:
        yield "everything kept"


def _of_classes(
    overlays: tuple[OverlayColumns, ...], empty: dict[str, bool], means: dict[str, float | None]
) -> Iterator[str]:
    """Overlays that hold nothing, or nothing that has a name; a class of the value 0 is something."""
    for overlay in overlays:
        found = [mean for name in overlay.classes if (mean := means[name]) is not None]
        if empty[overlay.name]:
            yield f"overlay {overlay.name} is empty: only the value 0"
        elif found and not any(found):
            yield f"overlay {overlay.name} holds none of its classes"


def _of_extents(slide: Record, overlays: dict[str, Record | None], config: CoverageConfig) -> Iterator[str]:
    """Overlays that are larger or smaller than the slide, by their headers."""
    for name, overlay in overlays.items():
        if overlay is None or slide["mpp_x"] is None:
            continue
        given = config.overlays[name].mpp
        try:
            with open_slide(overlay["path"], None if given is None else Mpp.of(given)) as reader:
                level = reader.pyramid.levels[0]
        except (SlideError, OSError) as error:
            yield f"overlay {name} cannot be opened any more: {error}"
            continue
        if level.mpp is None:
            continue
        lengths = ((level.extent.width, level.mpp.x), (level.extent.height, level.mpp.y))
        for axis, (pixels, mpp) in zip("xy", lengths, strict=True):
            wanted, found = slide[f"extent_{axis}"] * slide[f"mpp_{axis}"], pixels * mpp
            if abs(found - wanted) > max(RELATIVE_TOLERANCE * wanted, PIXEL_TOLERANCE * mpp):
                yield f"overlay {name} spans {found:,.0f} µm along {axis}, the slide {wanted:,.0f} µm"
