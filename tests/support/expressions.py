"""Column expressions evaluated on Arrow tables in this process, as a Ray worker does with a block."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from ray.data.expressions import ColumnExpr, Expr, col

from ratiopath.tiling import tile_overlay, tile_overlay_overlap, tile_overlay_statistics


def evaluate(expression: Expr, table: pa.Table) -> Any:
    """Call the expression's function with its literals and the columns it names."""
    arguments = [table[arg.name] if isinstance(arg, ColumnExpr) else arg.value for arg in expression.args]
    return expression.fn(*arguments)


def tile_table(path: Any, tiles: Sequence[tuple[int, int]], mpp: tuple[float, float]) -> pa.Table:
    """Build a table of tiles of one resolution over one file."""
    rows = len(tiles)
    return pa.table(
        {
            "mask": pa.array([str(path)] * rows, pa.string()),
            "tile_x": pa.array([x for x, _ in tiles], pa.int64()),
            "tile_y": pa.array([y for _, y in tiles], pa.int64()),
            "mpp_x": pa.array([mpp[0]] * rows, pa.float64()),
            "mpp_y": pa.array([mpp[1]] * rows, pa.float64()),
        }
    )


def overlap_expression(roi: shapely.Geometry, **options: Any) -> Expr:
    return tile_overlay_overlap(roi=roi, **_columns(), **options)


def overlay_expression(roi: shapely.Geometry, **options: Any) -> Expr:
    return tile_overlay(roi=roi, **_columns(), **options)


def statistics_expression(roi: shapely.Geometry, **options: Any) -> Expr:
    return tile_overlay_statistics(roi=roi, **_columns(), **options)


def overlaps_of(table: pa.Table, roi: shapely.Geometry, **options: Any) -> list[dict[str, float]]:
    """The fractions of each row that are not null."""
    column = evaluate(overlap_expression(roi, **options), table)
    return [present(row) for row in column.to_pylist()]


def patches_of(table: pa.Table, roi: shapely.Geometry, **options: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """(pixels, mask) of each row, the mask as bool."""
    column = evaluate(overlay_expression(roi, **options), table)
    rows = [column[index].as_py() for index in range(len(column))]
    return [(pixels, mask.astype(bool)) for pixels, mask in rows]


def present(row: dict[str, float | None]) -> dict[str, float]:
    return {key: fraction for key, fraction in row.items() if fraction is not None}


def _columns() -> dict[str, Expr]:
    return {
        "overlay_path": col("mask"),
        "tile_x": col("tile_x"),
        "tile_y": col("tile_y"),
        "mpp_x": col("mpp_x"),
        "mpp_y": col("mpp_y"),
    }
