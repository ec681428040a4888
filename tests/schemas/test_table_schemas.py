"""Schemas of the tables: an error names table, column, rule and example rows."""

import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray

from schemas.columns import TILE_COLUMNS, OverlayColumns
from schemas.coverage import coverage, tiles
from schemas.failures import FAILURES
from schemas.grid import GRID
from schemas.intermediate import GRID_SIZES, discovered_slides, overlay_paths
from schemas.slides import SLIDES
from schemas.table import SchemaError, TableSchema, checked

OVERLAYS = (OverlayColumns("tissue", ("tissue",), "fail"), OverlayColumns("ann", ("tumor", "stroma"), "zero"))
COVERAGE = coverage(OVERLAYS)
ROWS = 10
EXTENTS = ("extent", "tile_extent", "stride", "level0_extent")
ID = "a-0123456789ab"


def maps(*rows: dict[str, float] | None) -> pa.Array:
    return pa.array([None if row is None else list(row.items()) for row in rows], pa.map_(pa.string(), pa.float64()))


def covered() -> pa.Table:
    """Return ten tiles of coverage; nothing is known of the third, and the fourth has no annotation."""
    number = np.arange(ROWS)
    known = [{"0": 0.25, "1": 0.5, "3": 0.25}] * ROWS
    unknown = [{} if row == 2 else known[row] for row in number]
    columns = {
        "slide_id": [ID] * ROWS,
        "path": ["/a.svs"] * ROWS,
        "level": [0] * ROWS,
        "tile_x": number % 4 * 512,
        "tile_y": number // 4 * 512,
        "tile_extent_x": [512] * ROWS,
        "tile_extent_y": [512] * ROWS,
        "mpp_x": [0.5] * ROWS,
        "mpp_y": [0.5] * ROWS,
        "tissue_path": ["/m.tiff"] * ROWS,
        "tissue_overlap": maps(*unknown),
        "tissue_inside": [0.0 if row == 2 else 1.0 for row in number],
        "tissue": [None if row == 2 else 0.5 for row in number],
        "ann_path": [None if row == 3 else "/c.tiff" for row in number],
        "ann_overlap": maps(*({} if row == 3 else known[row] for row in number)),
        "ann_inside": [0.0 if row == 3 else 1.0 for row in number],
        "tumor": [0.0 if row == 3 else 0.5 for row in number],
        "stroma": [0.0 if row == 3 else 0.25 for row in number],
    }
    return pa.table(columns, schema=COVERAGE.arrow)


def with_column(name: str, column: object) -> pa.Table:
    table = covered()
    place = table.column_names.index(name)
    array = column if isinstance(column, pa.Array) else pa.array(column, table.schema.field(name).type)
    return table.set_column(place, name, array)


def refused(table: pa.Table, schema: TableSchema) -> SchemaError:
    with pytest.raises(SchemaError) as error:
        checked(table, schema)
    return error.value


def test_every_table_of_tiles_begins_with_the_same_columns() -> None:
    assert GRID.arrow.names == COVERAGE.arrow.names[: len(TILE_COLUMNS)] == list(TILE_COLUMNS)


def test_a_valid_table_passes_unchanged() -> None:
    table = covered()
    assert checked(table, COVERAGE) is table


def test_tiles_have_no_maps_but_their_box_on_level_0_and_columns_of_the_manifest() -> None:
    schema = tiles(OVERLAYS, [("fold", pa.int64())])
    table = covered().drop_columns(["tissue_overlap", "ann_overlap"])
    for name, value in (("level0_x", 0), ("level0_y", 0), ("level0_extent_x", 1024), ("level0_extent_y", 1024)):
        table = table.append_column(name, pa.array([value] * ROWS))
    table = table.append_column("fold", pa.array([1] * (ROWS - 1) + [None]))
    assert checked(table, schema) is table
    assert not any(pa.types.is_map(kind) for kind in schema.arrow.types)
    empty = table.set_column(table.column_names.index("level0_extent_x"), "level0_extent_x", pa.array([0] * ROWS))
    assert refused(empty, schema).rule == "values are > 0"
    wrong = table.set_column(table.column_names.index("tumor"), "tumor", pa.array([2.0] * ROWS))
    assert refused(wrong, schema).rule == "fractions lie in [0, 1]"


@pytest.mark.parametrize("part", [slice(0, 0), slice(2, 3), slice(3, 7)])
def test_slices_and_chunks_of_a_valid_table_pass(part: slice) -> None:
    table = covered()
    checked(table.slice(part.start, part.stop - part.start), COVERAGE)
    checked(pa.concat_tables([table.slice(0, part.start), table.slice(part.start)]), COVERAGE)


@pytest.mark.parametrize(
    "schema",
    [
        COVERAGE,
        tiles(OVERLAYS),
        GRID,
        SLIDES,
        discovered_slides(("ann",)),
        overlay_paths(OVERLAYS),
        FAILURES,
        GRID_SIZES,
    ],
    ids=lambda schema: schema.name,
)
def test_an_empty_table_passes_and_survives_parquet(schema: TableSchema, tmp_path) -> None:
    pq.write_table(checked(schema.arrow.empty_table(), schema), tmp_path / "t.parquet")
    checked(pq.read_table(tmp_path / "t.parquet"), schema)


def test_a_valid_table_survives_parquet(tmp_path) -> None:
    pq.write_table(covered(), tmp_path / "t.parquet")
    checked(pq.read_table(tmp_path / "t.parquet"), COVERAGE)


@pytest.mark.parametrize(
    ("column", "values", "rule", "tiles"),
    [
        ("tumor", [0.5] * 9 + [1.5], "fractions lie in [0, 1]", [(512, 1024)]),
        ("tumor", [0.5] * 9 + [-0.1], "fractions lie in [0, 1]", [(512, 1024)]),
        ("tumor", [0.5] * 9 + [float("nan")], "fractions lie in [0, 1]", [(512, 1024)]),
        ("tumor", [0.5] * 3 + [0.0] + [0.5] * 5 + [None], "is null exactly where nothing is known", [(512, 1024)]),
        ("tissue", [0.5] * 10, "is null exactly where nothing is known", [(1024, 0)]),
        ("tumor", [0.5] * 3 + [None] + [0.5] * 6, "is null exactly where nothing is known", [(1536, 0)]),
        ("tissue_inside", [1.0] * 2 + [0.0] + [1.0] * 6 + [1.1], "fractions lie in [0, 1]", [(512, 1024)]),
        ("tissue_path", [None] + ["/m"] * 9, "holds no null", [(0, 0)]),
        ("path", ["/a"] * 9 + [None], "holds no null", [(512, 1024)]),
        ("tile_x", [-1, *range(1, 10)], "values are >= 0", [(-1, 0)]),
        ("mpp_x", [0.5] * 9 + [0.0], "values are > 0", [(512, 1024)]),
        ("level", [0] * 9 + [-1], "values are >= 0", [(512, 1024)]),
        ("tissue_overlap", maps({"0": 0.5}, {"0": 1.0}, {}, *[{"0": 1.0}] * 7), "fractions sum to 1", [(0, 0)]),
        (
            "tissue_overlap",
            maps({"0": 1.0, "1": 0.0}, {"0": 1.0}, {}, *[{"0": 1.0}] * 7),
            "fractions are > 0",
            [(0, 0)],
        ),
        (
            "tissue_overlap",
            maps({"0": 2.0, "1": -1.0}, {"0": 1.0}, {}, *[{"0": 1.0}] * 7),
            "fractions are > 0",
            [(0, 0)],
        ),
        ("tissue_overlap", maps({"0": float("nan")}, {"0": 1.0}, {}, *[{"0": 1.0}] * 7), "fractions are > 0", [(0, 0)]),
        ("tissue_overlap", maps(None, {"0": 1.0}, {}, *[{"0": 1.0}] * 7), "holds no null", [(0, 0)]),
    ],
)
def test_an_invalid_value_is_reported_with_its_row(
    column: str, values: object, rule: str, tiles: list[tuple[int, int]]
) -> None:
    error = refused(with_column(column, values), COVERAGE)
    assert (error.table, error.column) == ("coverage", column)
    assert error.rule.startswith(rule)
    assert [(row["tile_x"], row["tile_y"]) for row in error.examples] == tiles
    assert column in error.examples[0]
    assert str(error).startswith(f"table coverage, column {column}: {rule}")


def test_a_map_is_empty_exactly_where_nothing_exists() -> None:
    error = refused(with_column("tissue_inside", [1.0] * ROWS), COVERAGE)
    assert (error.column, error.rule) == ("tissue_overlap", "there is a fraction exactly where tissue_inside > 0")
    assert [(row["tile_x"], row["tissue_overlap"]) for row in error.examples] == [(1024, [])]


def test_fractions_may_miss_one_by_rounding() -> None:
    third = [{"0": 1 / 3, "1": 1 / 3, "2": 1 / 3 + 1e-12}]
    checked(with_column("tissue_overlap", maps(*third * 2, {}, *third * 7)), COVERAGE)


def test_a_repeated_tile_is_refused() -> None:
    error = refused(with_column("tile_x", [0] * ROWS), COVERAGE)
    assert error.column == "slide_id, tile_x, tile_y"
    assert error.rule == "names each row once"
    assert len(error.examples) == 5


def test_an_error_shows_five_rows_at_most() -> None:
    assert len(refused(with_column("tumor", [2.0] * ROWS), COVERAGE).examples) == 5


@pytest.mark.parametrize(
    ("table", "column", "rule"),
    [
        (covered().drop_columns(["tumor"]), "slide_id, path", "the columns are slide_id, path"),
        (covered().select(covered().column_names[::-1]), "stroma, tumor", "the columns are slide_id, path"),
        (covered().append_column("x", pa.array(range(ROWS))), "slide_id, path", "the columns are slide_id, path"),
        (with_column("tile_x", pa.array(range(ROWS), pa.int32())), "tile_x", "the type is int64, found int32"),
        (
            with_column("path", pa.array(["/a"] * ROWS, pa.large_string())),
            "path",
            "the type is string, found large_string",
        ),
        (with_column("tumor", pa.array([0.5] * ROWS, pa.float32())), "tumor", "the type is double, found float"),
        (
            with_column("ann_overlap", pa.array([[]] * ROWS, pa.map_(pa.string(), pa.float32()))),
            "ann_overlap",
            "the type is map<string, double>, found map<string, float>",
        ),
    ],
)
def test_columns_and_types_are_exact_and_nothing_is_cast(table: pa.Table, column: str, rule: str) -> None:
    error = refused(table, COVERAGE)
    assert error.column.startswith(column)
    assert error.rule.startswith(rule)


def test_slides_and_failures_have_rules_of_their_own() -> None:
    slide = {"slide_id": ID, "path": "/a", "downsample": 1.0, "level": 0, "mpp_x": None, "mpp_y": None}
    slide |= {f"{name}_{axis}": 1 for name in EXTENTS for axis in "xy"}
    slide |= {"level0_mpp_x": None, "level0_mpp_y": None}

    def slides(*rows: dict) -> pa.Table:
        return pa.Table.from_pylist(list(rows), SLIDES.arrow)

    checked(slides(slide), SLIDES)
    assert refused(slides({**slide, "downsample": 0.5}), SLIDES).rule == "a downsample is >= 1"
    assert refused(slides({**slide, "slide_id": "../x"}), SLIDES).rule == "ids are safe as names of files"
    assert refused(slides(slide, slide), SLIDES).column == "path"
    assert refused(slides({**slide, "extent_x": 0}), SLIDES).rule == "values are > 0"
    failure = {"path": "/a", "stage": "tile slides", "error": "E", "message": "m"}
    checked(pa.Table.from_pylist([failure], FAILURES.arrow), FAILURES)
    wrong = pa.Table.from_pylist([failure, failure], FAILURES.arrow)
    assert refused(wrong, FAILURES).column == "path"


def test_an_error_survives_pickling() -> None:
    error = refused(with_column("tumor", [2.0] * ROWS), COVERAGE)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (str(copy), copy.examples, copy.rule) == (str(error), error.examples, error.rule)


@pytest.mark.usefixtures("local_ray")
def test_an_error_survives_a_ray_worker() -> None:
    table = with_column("tumor", [2.0] * ROWS)
    with pytest.raises(SchemaError, match=r"table coverage, column tumor: fractions lie in \[0, 1\], broken by"):
        ray.get(ray.remote(lambda: checked(table, coverage(OVERLAYS))).remote())


@pytest.mark.parametrize(
    ("tumor", "stroma", "dominant"),
    [(0.5, 0.25, "tumor"), (0.25, 0.5, "stroma"), (0.5, 0.5, "tumor"), (0.0, 0.0, None), (None, None, None)],
)
def test_the_dominant_class_has_the_greatest_share(
    tumor: float | None, stroma: float | None, dominant: str | None
) -> None:
    schema = coverage([OverlayColumns("ann", ("tumor", "stroma"), "null", has_dominant=True)])
    row = covered().slice(0, 1).select(TILE_COLUMNS).to_pylist()[0]
    row |= {"ann_path": "/c.tiff", "ann_overlap": [("0", 1.0)], "ann_inside": 1.0}
    row |= {"ann_overlap": [], "ann_inside": 0.0} if tumor is None else {}
    for name in ("tumor", "stroma", None):
        table = pa.Table.from_pylist([row | {"tumor": tumor, "stroma": stroma, "ann_dominant": name}], schema.arrow)
        if name == dominant:
            checked(table, schema)
        else:
            assert refused(table, schema).column == "ann_dominant"
