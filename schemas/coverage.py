"""Schemas of coverage/ and tiles/: a row per tile with the overlap of each overlay and the coverage of each class."""

from collections.abc import Sequence
from functools import cache, partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.columns import OverlayColumns
from schemas.fields import FRACTION, NOT_NEGATIVE, OVERLAP
from schemas.grid import GRID_COLUMNS, LEVEL0_BOX, TILE_KEY
from schemas.slides import manifest_columns
from schemas.table import Column, Rule, TableSchema

TOLERANCE = 1e-9
"""Largest difference of the sum of a row's fractions from 1."""


def coverage(overlays: Sequence[OverlayColumns]) -> TableSchema:
    """Return the schema of coverage/: every tile of the grid."""
    return _tiles("coverage", tuple(overlays))


def tiles(overlays: Sequence[OverlayColumns], manifest: Sequence[tuple[str, pa.DataType]] = ()) -> TableSchema:
    """Return the schema of tiles/: the tiles that `keep` selects, without maps, with their box on level 0.

    Args:
        overlays: Columns of each overlay.
        manifest: Name and type of each column of the manifest that goes through.
    """
    return _kept("tiles", tuple(overlays), tuple(manifest))


@cache
def _tiles(name: str, overlays: tuple[OverlayColumns, ...]) -> TableSchema:
    columns = [column for overlay in overlays for column in _columns(overlay)]
    rules = [rule for overlay in overlays for rule in _rules(overlay)]
    return TableSchema.of(name, (*GRID_COLUMNS, *columns), key=TILE_KEY, rules=rules)


@cache
def _kept(
    name: str, overlays: tuple[OverlayColumns, ...], manifest: tuple[tuple[str, pa.DataType], ...]
) -> TableSchema:
    columns = [column for overlay in overlays for column in _columns(overlay) if column.name != overlay.overlap]
    rules = [rule for overlay in overlays for rule in _rules(overlay) if rule.column != overlay.overlap]
    every = (*GRID_COLUMNS, *columns, *LEVEL0_BOX, *manifest_columns(manifest))
    return TableSchema.of(name, every, key=TILE_KEY, rules=rules)


def _columns(overlay: OverlayColumns) -> list[Column]:
    return [
        Column(overlay.path, pa.string(), nullable=overlay.missing != "fail"),
        *([Column(overlay.overlap, OVERLAP)] if overlay.has_overlap else []),
        Column(overlay.inside, pa.float64(), (FRACTION,)),
        *(Column(name, pa.float64(), (FRACTION,), nullable=True) for name in overlay.uncertainty),
        *(Column(name, pa.float64(), (FRACTION,), nullable=True) for name in overlay.classes),
        *(Column(name, pa.string(), nullable=True) for name in overlay.dominant),
        *(Column(name, pa.int64(), (NOT_NEGATIVE,), nullable=True) for name in overlay.counts),
        *(
            Column(name, pa.float64(), () if name in overlay.numbers else (FRACTION,), nullable=True)
            for name in overlay.measured
        ),
    ]


def _rules(overlay: OverlayColumns) -> list[Rule]:
    def is_unknown(table: pa.Table) -> npt.NDArray[np.bool_]:
        unknown: npt.NDArray[np.bool_] = table[overlay.inside].to_numpy() == 0
        return unknown

    def is_null_elsewhere(table: pa.Table, column: str) -> npt.NDArray[np.bool_]:
        unknown = is_unknown(table)
        if overlay.missing == "zero":  # a missing overlay counts as one without the class
            unknown &= table[overlay.path].is_valid().to_numpy()
        differs: npt.NDArray[np.bool_] = table[column].is_null().to_numpy() != unknown
        return differs

    def is_not_null(table: pa.Table, column: str) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = is_unknown(table) & table[column].is_valid().to_numpy()
        return found

    def is_null_unlike_inside(table: pa.Table, column: str) -> npt.NDArray[np.bool_]:
        differs: npt.NDArray[np.bool_] = table[column].is_null().to_numpy() != is_unknown(table)
        return differs

    measured = [
        Rule(name, "is null where nothing is known", partial(is_not_null, column=name)) for name in overlay.measured
    ]
    if not overlay.has_overlap:
        return measured
    return [
        *measured,
        Rule(overlay.overlap, "fractions are > 0 and at most 1", lambda t: _out_of_range(t, overlay.overlap)),
        Rule(overlay.overlap, "fractions sum to 1, or there is none", lambda t: _sum_is_not_one(t, overlay.overlap)),
        Rule(
            overlay.overlap,
            f"there is a fraction exactly where {overlay.inside} > 0",
            lambda t: (_entries(t, overlay.overlap)[0] == 0) != is_unknown(t),
        ),
        *(
            Rule(name, "is null exactly where nothing is known", partial(is_null_elsewhere, column=name))
            for name in (*overlay.classes, *overlay.counts)
        ),
        *(_dominant_rule(name, overlay.classes) for name in overlay.dominant),
        *(
            Rule(name, "is null exactly where nothing is known", partial(is_null_unlike_inside, column=name))
            for name in overlay.uncertainty
        ),
    ]


def dominant_classes(shares: Sequence[npt.NDArray[np.float64]], classes: Sequence[str]) -> pa.Array:
    """Name the class with the greatest share of each row, the first of several; null where none is > 0.

    Args:
        shares: Share of each class, NaN where it is unknown.
        classes: Names of the classes.
    """
    known = np.nan_to_num(np.stack(shares))
    return pa.array(np.array(classes, dtype=object)[known.argmax(axis=0)], pa.string(), mask=known.max(axis=0) <= 0)


def _dominant_rule(column: str, classes: Sequence[str]) -> Rule:
    def differs(table: pa.Table) -> npt.NDArray[np.bool_]:
        expected = dominant_classes([table[name].to_numpy() for name in classes], classes)
        found: npt.NDArray[np.bool_] = pc.not_equal(
            pc.fill_null(table[column], ""), pc.fill_null(expected, "")
        ).to_numpy()
        return found

    return Rule(column, "is the first class with the greatest share, null where no class is", differs)


def _entries(table: pa.Table, column: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the number of fractions of each row, and all fractions in order."""
    maps = table[column].combine_chunks()
    maps = pa.concat_arrays(maps.chunks) if isinstance(maps, pa.ChunkedArray) else maps
    offsets = maps.offsets.to_numpy().astype(np.int64)
    fractions = maps.items.to_numpy(zero_copy_only=False)[offsets[0] : offsets[-1]] if len(offsets) else np.zeros(0)
    return np.diff(offsets), fractions


def _row_of_each(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.repeat(np.arange(len(counts)), counts)


def _out_of_range(table: pa.Table, column: str) -> npt.NDArray[np.bool_]:
    counts, fractions = _entries(table, column)
    wrong = ~((fractions > 0) & (fractions <= 1))  # so that NaN is wrong too
    return np.bincount(_row_of_each(counts)[wrong], minlength=len(counts)) > 0


def _sum_is_not_one(table: pa.Table, column: str) -> npt.NDArray[np.bool_]:
    counts, fractions = _entries(table, column)
    sums = np.bincount(_row_of_each(counts), weights=fractions, minlength=len(counts))
    differs: npt.NDArray[np.bool_] = (counts > 0) & ~(np.abs(sums - 1) <= TOLERANCE)
    return differs
