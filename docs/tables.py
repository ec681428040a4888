"""MkDocs hook that fills docs/tables.md: columns from the schemas, counts from the summary of a run."""

import ast
import inspect
import itertools
import textwrap
from collections.abc import Iterator
from typing import Any

from flows.records.run_record import Summary
from schemas.columns import OverlayColumns
from schemas.coverage import coverage
from schemas.failures import FAILURES
from schemas.grid import LEVEL0_BOX
from schemas.slides import SLIDES
from schemas.table import TableSchema

_OVERLAY = OverlayColumns(
    "NAME", ("CLASS",), "null", is_counted=True, statistics=("STATISTIC",), has_uncertainty=True, has_dominant=True
)
MARKS = {
    "<!-- columns of slides -->": SLIDES,
    "<!-- columns of coverage -->": coverage([_OVERLAY]),
    "<!-- columns of tiles -->": TableSchema.of("level 0", LEVEL0_BOX, key=("level0_x",)),
    "<!-- columns of failures -->": FAILURES,
}
"""Place of each table on the page."""
SUMMARY_MARK = "<!-- fields of Summary -->"
MEANINGS = {
    "slide_id": "name of the slide's files: the stem and twelve digits that depend on path and tiling, or what the"
    " column `slide_id` of a manifest gives",
    "path": "absolute path of the slide",
    "extent_x": "width of the level, pixels",
    "extent_y": "height of the level, pixels",
    "tile_extent_x": "width of a tile, pixels of the level",
    "tile_extent_y": "height of a tile, pixels of the level",
    "stride_x": "distance of tile origins along x, pixels of the level",
    "stride_y": "distance of tile origins along y, pixels of the level",
    "mpp_x": "resolution of the level along x, µm/px; null if unknown",
    "mpp_y": "resolution of the level along y, µm/px; null if unknown",
    "level": "level that the tiles are cut from, 0 is the finest",
    "downsample": "level 0 pixels per pixel of the level, at least 1, mean of both axes",
    "level0_extent_x": "width in pixels of level 0: of the slide in `slides.parquet`, of the tile in `tiles/`",
    "level0_extent_y": "height in pixels of level 0, likewise",
    "level0_mpp_x": "resolution of level 0 along x, µm/px; null if unknown",
    "level0_mpp_y": "resolution of level 0 along y, µm/px; null if unknown",
    "level0_x": "left edge of the tile in pixels of level 0, rounded to the nearest",
    "level0_y": "top edge of the tile in pixels of level 0, rounded to the nearest",
    "tile_x": "left edge of the tile, pixels of the level",
    "tile_y": "top edge of the tile, pixels of the level",
    "NAME_path": "absolute path of the overlay; null only if the slide has none and `missing` is not `fail`",
    "NAME_overlap": "share of each overlay value among the ROI's pixels that exist in the overlay, by the value as"
    " text; shares are > 0 and sum to 1, or the map is empty",
    "NAME_inside": "share of the ROI's pixels that exist in the overlay, 0 to 1",
    "NAME_uncertainty": "only with `uncertainty: true`: bound of the error of the tile's shares, 0 to 1"
    " ([Accuracy](accuracy.md)); null where nothing is known",
    "CLASS": "share of the values of the class, 0 to 1; null if nothing is known: `NAME_inside` is 0, unless"
    " `missing: zero` applies",
    "NAME_dominant": "only with `dominant: true`: class with the greatest share, of several the first in the"
    " configuration; null if no class has any",
    "NAME_count": "only with `count: true`: outlines of an annotation whose centroid lies in the tile; null where"
    " nothing is known",
    "CLASS_count": "only with `count: true`: those of a class",
    "NAME_STATISTIC": "each of `stats`, such as `NAME_mean` or `NAME_share_ge_0_5`; null where the ROI has no number",
    "stage": "name of the task that failed",
    "task": "name of the task that failed",
    "error": "class of the error",
    "message": "problem, finding and hint, with the number of the entry in `failures.log`",
}
"""Meaning of each column, with its unit and frame."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the marks of a page by tables; MkDocs calls it for each page."""
    for mark, schema in MARKS.items():
        if mark in markdown:
            markdown = markdown.replace(mark, column_table(schema))
    return markdown.replace(SUMMARY_MARK, summary_table()) if SUMMARY_MARK in markdown else markdown


def column_table(schema: TableSchema) -> str:
    """Return the columns of a schema as a Markdown table.

    Raises:
        KeyError: A column has no meaning here yet.
    """
    rows = [f"| `{field.name}` | {_type_name(field.type)} | {MEANINGS[field.name]} |" for field in schema.arrow]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *rows])


def summary_table() -> str:
    """Return the counts of run.json as a Markdown table."""
    rows = [
        f"| `{name}` | {meaning} |" for name, meaning in _field_docstrings(Summary) if name not in {"review", "exports"}
    ]
    return "\n".join(["| field | meaning |", "|---|---|", *rows])


def _type_name(arrow: Any) -> str:
    return {"double": "float64"}.get(str(arrow), "map of string to float64" if "map" in str(arrow) else str(arrow))


def _field_docstrings(kind: type) -> Iterator[tuple[str, str]]:
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    body = getattr(definition, "body", [])
    for field, text in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            yield field.target.id, ast.literal_eval(text.value).rstrip(".")
