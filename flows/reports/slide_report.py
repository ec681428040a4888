"""The report on a slide: counts, coverage, areas and remarks, computed as its tiles are measured.

    mean of a class = mean of its shares over the tiles where it is known; null if it is known in none
    mm² of a class  = sum over those tiles of  share x inside x (mm² of the ROI in the tile's cell)

A cell is the part of a tile that no later tile covers (`flows.reports.tile_areas`), so with overlapping tiles each
pixel counts once, with the share of the tile whose cell it is in. The sum is exact for tiles that do not overlap. It is
null if the slide has no resolution, if the class is known in no tile, or if tiles overlap and the ROI is a part of
each. The report is stored in the footer of the slide's file in coverage/ (docs/decisions/0013).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.records.fingerprints import Json
from flows.records.slides import Slide
from flows.reports.quality_checks import check_classes, check_counts, check_heat_maps
from flows.reports.tile_areas import TileAreas
from ratiopath.counting.values import parse_value, sort_key
from schemas.slide_report import area_of, mean_of

MAX_VALUES = 32
"""Largest number of values of an overlay in the report on a slide."""
MAX_PARTIAL_VALUES = 1_024
"""Largest number of values of an overlay in a partial report."""
_ZERO = parse_value("0")


def partial_report(tiles: pa.Table, slide: Slide, config: CoverageConfig) -> Json:
    """Sum up some tiles of a slide.

    Args:
        tiles: Tiles of `schemas.coverage`.
        slide: The slide.
        config: The configuration.

    Returns:
        A JSON object: `classes` maps a class to the number of tiles where it is known, the sum of its shares and its
        mm²; `values` maps an overlay to its number of values, and to the commonest with the sum of their shares;
        `numbers` maps a heat map that the slide has to the number of tiles with a number.
    """
    classes = {}
    for overlay in config.overlay_columns:
        cells = TileAreas.of(slide, config.tiling.last, config.region_of(slide.tile_extent, overlay.name))
        areas = cells.areas(tiles["tile_x"].to_numpy(), tiles["tile_y"].to_numpy())
        for name in overlay.classes:
            known, shares = tiles[name].is_valid().to_numpy(), tiles[name].fill_null(0).to_numpy()
            mm2 = None if areas is None else float((shares * tiles[overlay.inside].to_numpy() * areas).sum())
            classes[name] = [int(known.sum()), float(shares.sum()), mm2]
    counted = [one for one in config.overlay_columns if one.has_overlap]
    values = {one.name: _values(tiles[one.overlap]) for one in counted}
    numbers = {
        one.name: int(np.count_nonzero(tiles[one.inside].to_numpy()))
        for one in config.overlay_columns
        if not one.has_overlap and tiles.num_rows and not tiles[one.path].null_count
    }
    return {"classes": classes, "values": values, "numbers": numbers}


def _values(overlaps: pa.ChunkedArray) -> Json:
    """Count the values of an overlay, and sum the shares of the commonest over the tiles."""
    sums: Counter[str] = Counter()
    for chunk in overlaps.chunks:
        keys = chunk.keys.dictionary_encode()
        shares = np.bincount(keys.indices.to_numpy(), chunk.items.to_numpy(), len(keys.dictionary))
        sums.update(dict(zip(keys.dictionary.to_pylist(), shares.tolist(), strict=True)))
    return {"count": len(sums), "sums": _commonest(sums, MAX_PARTIAL_VALUES)}


def _commonest(sums: Mapping[str, float], limit: int) -> list[tuple[str, float]]:
    return sorted(sums.items(), key=lambda entry: (-entry[1], sort_key(entry[0])))[:limit]


def _merge_values(partials: Iterable[Json]) -> Json:
    """Merge the values of an overlay; the count is a lower bound if a part had more than MAX_PARTIAL_VALUES."""
    sums: Counter[str] = Counter()
    counts = [0]
    for partial in partials:
        counts.append(partial["count"])
        for value, share in partial["sums"]:
            sums[value] += share
    return {"count": max(len(sums), *counts), "commonest": [value for value, _ in _commonest(sums, MAX_VALUES)]}


def merge_reports(partials: Sequence[Json], config: CoverageConfig) -> Json:
    """Merge the partial reports on a slide; the result does not depend on `keep`.

    Args:
        partials: Partial reports on all tiles, in the order of the grid, so that rounding does not depend on the
            order in which workers finish. Each also has `suspicions`, on the sizes of the overlays, `notes` on
            them that need no review, and `alignments` of those that are images.
        config: The configuration.

    Returns:
        A JSON object: `means` and `mm2` by class, `values` by overlay, `suspicions`, and `notes` and `alignments` by
        overlay if there are any.
    """
    means, mm2 = {}, {}
    for name in config.classes:
        sums = [partial["classes"][name] for partial in partials]
        tiles, shares, areas = zip(*sums, strict=True) if sums else ((), (), ())
        means[name] = min(1.0, sum(shares) / sum(tiles)) if sum(tiles) else None
        mm2[name] = sum(areas) if sum(tiles) and None not in areas else None
    counted = tuple(overlay for overlay in config.overlay_columns if overlay.has_overlap)
    values = {one.name: _merge_values(partial["values"][one.name] for partial in partials) for one in counted}
    only_zero = {name: {*map(parse_value, found["commonest"])} == {_ZERO} for name, found in values.items()}
    suspicions, notes = ([line for partial in partials for line in partial[name]] for name in ("suspicions", "notes"))
    with_numbers: dict[str, int] = {}
    for partial in partials:
        for name, tiles_of in partial["numbers"].items():
            with_numbers[name] = with_numbers.get(name, 0) + tiles_of
    empty = [name for name, found in with_numbers.items() if not found]
    existing = [overlay for overlay in counted if values[overlay.name]["commonest"]]
    suspicions = [*check_classes(existing, only_zero, means), *check_heat_maps(empty), *suspicions]
    report = {"means": means, "mm2": mm2, "values": values, "suspicions": suspicions}
    alignments = {name: found for partial in partials for name, found in partial["alignments"].items()}
    return report | ({"notes": notes} if notes else {}) | ({"alignments": alignments} if alignments else {})


def report_columns(report: Json, tiles: int, kept: int, *, is_filtered: bool) -> dict[str, Any]:
    """Build the columns of `schemas.slide_report.kept_slides` that hold the report.

    Args:
        report: A report of `merge_reports`.
        tiles: Number of tiles of the slide.
        kept: Number of kept tiles.
        is_filtered: True if the configuration has a `keep`.
    """
    classes = {mean_of(name): mean for name, mean in report["means"].items()}
    classes |= {area_of(name): mm2 for name, mm2 in report["mm2"].items()}
    values = [(name, found["commonest"]) for name, found in report["values"].items()]
    return {
        "tiles": tiles,
        **classes,
        "values": values,
        "suspicions": [*check_counts(tiles, kept, is_filtered=is_filtered), *report["suspicions"]],
        "notes": report.get("notes", []),
        "alignments": [(name, found["case"]) for name, found in report.get("alignments", {}).items()],
    }
