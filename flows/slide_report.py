"""What a person wants to see of each slide: worked out while its tiles are measured, kept in its file of coverage.

    mean of a class = mean of its shares over the tiles where it is known; null where it is known in none
    mm² of a class  = sum over those tiles of  share x inside x (mm² of the ROI in the tile's cell)

A cell is the part of a tile that no later one holds (`flows.areas`), so overlapping tiles count each pixel once, with
the share of the tile whose cell it is in. The sum is exact for tiles that do not overlap. It is null where the slide
has no resolution, where the class is known in no tile, or where tiles overlap and the ROI is a part of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flows.areas import Cells
from flows.config import CoverageConfig
from flows.provenance import Record
from flows.stage import take
from flows.tables import TableReference
from flows.workspace import Workspace
from ratiopath.errors import SlideError
from ratiopath.geometry import Mpp
from ratiopath.slides import open_slide
from schemas.names import OverlayColumns
from schemas.slide_files import COVERED
from schemas.slide_report import area_of, kept_slides, mean_of, slide_report
from schemas.table import checked

RELATIVE_TOLERANCE = 0.02
"""By which part of the slide's length an overlay's may differ."""
PIXEL_TOLERANCE = 2
"""By how many of its own pixels it may differ: lengths of overlays are rounded."""


def tally(tiles: pa.Table, slide: Record, config: CoverageConfig) -> Record:
    """What some tiles of a slide add to its report.

    Args:
        tiles: A coverage table.
        slide: The slide's row of the slides table.
        config: Of the run.

    Returns:
        Numbers and text that JSON can hold: of each class how many tiles know it, the sum of its shares and its mm²; of
        each overlay the first and the last of its values.
    """
    cells = Cells.of(slide, config.tiling.last, config.region)
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


def report_of_tallies(tallies: Sequence[Record], suspicions: Sequence[str], config: CoverageConfig) -> Record:
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
    found = [*_of_classes(config.overlay_columns, only_zero, means), *suspicions]
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
    return {"tiles": tiles, **classes, "suspicions": [*_of_counts(tiles, kept), *report["suspicions"]]}


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
    measured = {row["slide_id"]: row for row in take(covered, COVERED, workspace).to_pylist()}
    gone = {"status": "gone", "seconds": None}
    rows = []
    for row in take(kept, kept_slides(config.classes), workspace).to_pylist():
        of_run = measured.get(row["slide_id"], gone)
        rows.append({**row, "kept": row["rows"], "status": of_run["status"], "seconds": of_run["seconds"]})
    schema = slide_report(config.classes)
    return checked(pa.Table.from_pylist(rows, schema.arrow), schema)


def _of_counts(tiles: int, kept: int) -> Iterator[str]:
    if not tiles:
        yield "no tiles"
    elif not kept:
        yield "nothing kept"
    elif kept == tiles:
        yield "everything kept"


def _of_classes(
    overlays: tuple[OverlayColumns, ...], only_zero: Mapping[str, bool], means: Mapping[str, float | None]
) -> Iterator[str]:
    """Overlays that hold nothing, or nothing that has a name; a class of the value 0 is something."""
    for overlay in overlays:
        found = [mean for name in overlay.classes if (mean := means[name]) is not None]
        if only_zero[overlay.name]:
            yield f"overlay {overlay.name} is empty: only the value 0"
        elif found and not any(found):
            yield f"overlay {overlay.name} holds none of its classes"


def suspicious_extents(slide: Record, overlays: Mapping[str, str | None], config: CoverageConfig) -> Iterator[str]:
    """Overlays that are larger or smaller than the slide, by their headers.

    Args:
        slide: The slide's row of the slides table.
        overlays: The file of each overlay; None where the slide has none.
        config: Of the run.
    """
    for name, path in overlays.items():
        if path is None or slide["mpp_x"] is None:
            continue
        given = config.overlays[name].mpp
        try:
            with open_slide(path, None if given is None else Mpp.of(given)) as reader:
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
