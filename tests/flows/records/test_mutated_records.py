"""A record that is not whole in every part is no record."""

import json
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow.fs import LocalFileSystem

from flows.records.provenance import (
    CHECKSUM_KEY,
    FORMAT,
    PROVENANCE_KEY,
    REPORT_KEY,
    Metadata,
    Provenance,
    coverage_settings,
    read_metadata,
    with_metadata,
)
from flows.records.slides import Slide
from flows.storage.filesystem import Storage
from ratiopath.geometry import Extent, Mpp
from schemas.slides import SLIDES
from schemas.table import checked
from tests.support.study import configured

SLIDE = Slide(
    f"a-{'0' * 12}",
    "/s/a.tiff",
    Extent(64, 48),
    Extent(16, 16),
    Extent(16, 16),
    Mpp(0.5, 0.25),
    0,
    1.0,
    Extent(64, 48),
    Mpp(0.5, 0.25),
)
PROVENANCE = Provenance(
    {"roi": "x"}, {"path": "/s/a.tiff", "size": 1, "mtime_ns": 2, "mpp": None}, SLIDE, {"tissue": {"path": "/s/m.tiff"}}
)
REPORT = {"means": {"tissue": 0.5, "tumor": None}, "mm2": {"tissue": 0.1, "tumor": None}, "suspicions": ["empty"]}
REPORT |= {"values": {"tissue": {"count": 1, "commonest": ["255"]}}}
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from([1 << 63, 10**30, 1e400, -1.5, 0.5, float("nan")]),
    st.sampled_from(["", "../../victim/v", "/etc/passwd", "1" * 64, "\ud800", "a\0b"]), st.just([]), st.just({}),
)  # fmt: skip


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all parts of a JSON value, itself included."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def changed(content: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy of a JSON value with another part at a place."""
    if not place:
        return value
    copy = json.loads(json.dumps(content))
    inner = copy
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return copy


def storage(folder) -> Storage:
    return Storage(LocalFileSystem(), str(folder), str(folder))


def write(path, metadata: dict[bytes, bytes]) -> str:
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata(metadata), path)
    return str(path)


@settings(deadline=None)
@given(st.data())
def test_whatever_stands_in_a_part_a_record_is_refused_or_fit_for_the_tables(data) -> None:
    content = json.loads(PROVENANCE.to_json())
    text = json.dumps(changed(content, data.draw(st.sampled_from(places(content))), data.draw(VALUES)))
    try:
        found = Provenance.from_json(text)
    except ValueError:
        return
    checked(pa.Table.from_pylist([found.slide.to_row()], SLIDES.arrow), SLIDES)


@pytest.mark.parametrize("field", list(SLIDE.to_row()))
@pytest.mark.parametrize("value", [[], {}, True, "../../victim/v", -1])
def test_a_field_of_the_slide_that_is_of_another_type_or_form_makes_no_record(field, value) -> None:
    content = changed(json.loads(PROVENANCE.to_json()), ("slide", "described", field), value)
    with pytest.raises(ValueError, match=r"no provenance|no slide id|mpp|extent"):
        Provenance.from_json(json.dumps(content))


@pytest.mark.parametrize("field", ["mpp_x", "mpp_y"])
def test_a_resolution_of_zero_makes_no_record(field) -> None:
    content = changed(json.loads(PROVENANCE.to_json()), ("slide", "described", field), 0.0)
    with pytest.raises(ValueError, match="mpp"):
        Provenance.from_json(json.dumps(content))


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("means", []), ("means", {"tissue": "x"}), ("mm2", {"tissue": float("inf")}), ("suspicions", [1]),
        ("mm2", None), ("values", None), ("values", [1, 2]),
        ("values", {"tissue": {"commonest": [1, None], "count": 1}}),
        ("values", {"tissue": {"commonest": "255", "count": 1}}), ("suspicions", ["\x1b[2Jevil"]),
        ("suspicions", ["x" * 100_000]), ("notes", ["two\nlines"]),
    ],
)  # fmt: skip
def test_a_report_with_a_part_of_another_type_makes_no_record(tmp_path, part, value) -> None:
    schema = with_metadata(pa.schema([("a", pa.int64())]), PROVENANCE, {**REPORT, part: value})
    pq.write_table(schema.empty_table(), tmp_path / "t.parquet")
    assert read_metadata(str(tmp_path / "t.parquet"), storage(tmp_path)) == Metadata()


def test_a_whole_report_is_read(tmp_path) -> None:
    schema = with_metadata(pa.schema([("a", pa.int64())]), PROVENANCE, REPORT)
    pq.write_table(schema.empty_table(), tmp_path / "t.parquet")
    assert read_metadata(str(tmp_path / "t.parquet"), storage(tmp_path)) == Metadata(PROVENANCE, REPORT)


def test_a_report_on_other_classes_is_not_whole() -> None:
    assert Metadata(PROVENANCE, REPORT).is_whole(["tissue", "tumor"])
    assert not Metadata(PROVENANCE, REPORT).is_whole(["tissue"])


@pytest.mark.parametrize("key", [PROVENANCE_KEY, REPORT_KEY, CHECKSUM_KEY])
def test_a_flipped_bit_makes_no_record(tmp_path, key) -> None:
    metadata = with_metadata(pa.schema([]), PROVENANCE, REPORT).metadata
    assert read_metadata(write(tmp_path / "a.parquet", metadata), storage(tmp_path)).provenance == PROVENANCE
    text = metadata[key]
    flipped = text.replace(b"0", b"1", 1) if b"0" in text else text.replace(b"1", b"0", 1)
    assert read_metadata(write(tmp_path / "b.parquet", {**metadata, key: flipped}), storage(tmp_path)) == Metadata()


def test_a_record_of_the_version_before_checksums_is_read_and_not_current(tmp_path) -> None:
    config = configured(tmp_path)
    old = replace(PROVENANCE, format=2, settings=coverage_settings(config))
    path = write(tmp_path / "a.parquet", {PROVENANCE_KEY: old.to_json().encode()})
    assert read_metadata(path, storage(tmp_path)).provenance == old
    assert not old.is_current(config)
    assert replace(old, format=FORMAT).is_current(config)


def test_a_link_to_a_record_is_no_record(tmp_path) -> None:
    metadata = with_metadata(pa.schema([]), PROVENANCE, REPORT).metadata
    write(tmp_path / "a.parquet", metadata)
    (tmp_path / "b.parquet").symlink_to(tmp_path / "a.parquet")
    assert read_metadata(str(tmp_path / "b.parquet"), storage(tmp_path)) == Metadata()


def test_a_long_roi_is_in_the_settings_by_its_hash(tmp_path) -> None:
    points = ", ".join(f"{index % 17} {index}" for index in range(1000))
    config = configured(
        tmp_path, tiling={"mpp": 0.5, "tile_extent": 1000}, roi=f"POLYGON ((0 0, {points}, 20 999, 20 0, 0 0))"
    )
    assert len(json.dumps(coverage_settings(config))) < 1000
    assert coverage_settings(config)["roi"].startswith("sha256:")


def test_a_short_roi_is_in_the_settings_as_text(tmp_path) -> None:
    assert coverage_settings(configured(tmp_path, roi=[0, 0, 8, 8]))["roi"].startswith("POLYGON")
