"""GeoParquet files open in geopandas, shapely and DuckDB, with boxes on level 0 and no reference system."""

import json

import duckdb
import geopandas
import pyarrow.parquet as pq
import pytest
import shapely

from flows.config.errors import ConfigurationError
from flows.exports.formats.geoparquet import GeoParquetFormat, tile_boxes
from tests.support.finished import HandmadeSlide
from tests.support.written_output import exported

SLIDE = HandmadeSlide("/slides/a.tiff", 2, {"tumor": [0.25, None, 1.0, 0.0]}, [True, True, False, True])
"""Two by two tiles of 32 px of level 0; the third is not kept, the second has an unknown share."""


def test_geopandas_reads_boxes_in_pixels_of_level_0_without_a_reference_system(tmp_path) -> None:
    [slide] = exported(tmp_path / "output", SLIDE)
    GeoParquetFormat().write_slide(slide, tmp_path)
    frame = geopandas.read_parquet(tmp_path / "a.parquet")
    assert list(frame.columns) == ["tile_id", "x", "y", "tissue_id", "tumor", "geometry"]
    assert frame.crs is None
    assert frame.bounds.to_numpy().tolist() == [[0, 0, 32, 32], [32, 0, 64, 32], [32, 32, 64, 64]]
    assert frame.geometry.area.tolist() == [1024.0] * 3
    assert frame["tile_id"].tolist() == [0, 1, 2]
    assert frame[["x", "y"]].to_numpy().tolist() == [[0, 0], [32, 0], [32, 32]]
    assert frame["tissue_id"].isna().all()
    assert frame["tumor"].fillna(-1).tolist() == [0.25, -1, 0.0]


def test_metadata_of_geoparquet_1_1_and_plain_wkb(tmp_path) -> None:
    [slide] = exported(tmp_path / "output", SLIDE)
    GeoParquetFormat().write_slide(slide, tmp_path)
    table = pq.read_table(tmp_path / "a.parquet")
    assert json.loads(table.schema.metadata[b"geo"]) == {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {
            "geometry": {
                "encoding": "WKB",
                "geometry_types": ["Polygon"],
                "crs": None,
                "edges": "planar",
                "bbox": [0, 0, 64, 64],
            }
        },
    }
    wkb = table["geometry"].to_pylist()
    assert wkb[1][:5] == b"\x01\x03\x00\x00\x00"  # little-endian, a polygon in two dimensions
    assert shapely.from_wkb(wkb[1]).equals(shapely.box(32, 0, 64, 32))


def test_duckdb_reads_the_columns_beside_the_geometry(tmp_path) -> None:
    [slide] = exported(tmp_path / "output", SLIDE)
    GeoParquetFormat().write_slide(slide, tmp_path)
    found = duckdb.read_parquet(str(tmp_path / "a.parquet")).filter("tumor IS NULL OR tumor > 0").project("x, tumor")
    assert found.fetchall() == [(0, 0.25), (32, None)]


def test_a_slide_without_tiles_has_a_file_without_rows(tmp_path) -> None:
    [slide] = exported(tmp_path / "output", HandmadeSlide("/slides/a.tiff", 1, {"tumor": [0.5]}, [False]))
    GeoParquetFormat().write_slide(slide, tmp_path)
    frame = geopandas.read_parquet(tmp_path / "a.parquet")
    assert (len(frame), frame["x"].dtype, frame.crs) == (0, "int64", None)
    assert pq.read_metadata(tmp_path / "a.parquet").num_row_groups == 0


def test_a_class_named_like_a_column_is_refused(tmp_path) -> None:
    [slide] = exported(tmp_path / "output", HandmadeSlide("/slides/a.tiff", 1, {"geometry": [0.5]}, [True]))
    with pytest.raises(ConfigurationError, match="'geometry' is the name of a column of the format 'geoparquet'"):
        tile_boxes(slide.tiles, slide.classes)
