"""Odd files in an output cost a slide's files at most: never the run, and never a file elsewhere."""

import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.records.provenance import PROVENANCE_KEY, REPORT_KEY, Provenance, with_metadata
from flows.records.run_record import Summary
from tests.support import study
from tests.support.study import truncate, write_study

pytestmark = pytest.mark.usefixtures("local_ray", "server")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, local_ray, server) -> tuple[Path, Path]:
    """A study of two slides and its output, which tests copy."""
    root = tmp_path_factory.mktemp("finished")
    (root / "slides").mkdir()
    write_study(root / "slides", "a", "b")
    study.run(root / "slides")
    return root / "slides", root / "output"


@pytest.fixture
def output(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished[1], tmp_path / "output"))


@pytest.fixture
def again(finished, output) -> Callable[..., Summary]:
    """Run once more into the copy."""

    def run(**changes) -> Summary:
        result = study.run(finished[0], output=str(output), **changes).result(raise_on_failure=False)
        assert isinstance(result, Summary), result
        return result

    return run


def of_slide(name: str, folder: Path) -> Path:
    """Return the file of a slide; ids, and so the order of the files, depend on where the study lies."""
    [found] = [path for path in folder.iterdir() if pq.read_table(path)["path"][0].as_py().endswith(f"/{name}")]
    return found


def first(folder: Path) -> Path:
    return min(folder.glob("*.parquet"))


def rewritten(path: Path, content: dict | list | str, table: pa.Table | None = None) -> None:
    """Put another record into a file of coverage/, with a checksum that holds."""
    found = pq.read_table(path) if table is None else table
    report = json.loads(pq.read_schema(path).metadata[REPORT_KEY])
    text = content if isinstance(content, str) else json.dumps(content)
    record = type("Record", (Provenance,), {"to_json": lambda self: text, "__slots__": ()})
    schema = with_metadata(found.schema, record({}, {}, None, {}), report)  # type: ignore[arg-type] - only its text
    pq.write_table(found.replace_schema_metadata(schema.metadata), path)


def record_of(path: Path) -> dict:
    return json.loads(pq.read_schema(path).metadata[PROVENANCE_KEY])


def tables(output: Path) -> dict[str, bytes]:
    return {str(path.relative_to(output)): path.read_bytes() for path in output.glob("*/*.parquet")}


def flip_page(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[40] ^= 0xFF
    path.write_bytes(content)


def lose_footer(path: Path) -> None:
    truncate(path)


def flip_record(path: Path) -> None:
    content = path.read_bytes()
    assert b'"extent_x": 64' in content
    path.write_bytes(content.replace(b'"extent_x": 64', b'"extent_x": 65'))


def empty_record(path: Path) -> None:
    rewritten(path, {})


def wrong_extent(path: Path) -> None:
    content = record_of(path)
    content["slide"]["described"]["extent_x"] = 0
    rewritten(path, content)


def smaller_extent(path: Path) -> None:
    content = record_of(path)
    content["slide"]["described"]["extent_x"] = 32
    rewritten(path, content)


def other_schema(path: Path) -> None:
    rewritten(path, record_of(path), pa.table({"a": [1]}))


def fewer_rows(path: Path) -> None:
    rewritten(path, record_of(path), pq.read_table(path).slice(0, 3))


def no_parquet(path: Path) -> None:
    path.write_bytes(b"not Parquet")


def link(path: Path) -> None:
    elsewhere = path.parents[2] / "elsewhere.parquet"
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere)


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGE = [
    flip_page, lose_footer, flip_record, empty_record, wrong_extent, smaller_extent, other_schema, fewer_rows,
    no_parquet, link, fifo,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_of_coverage_is_made_anew_in_the_same_run(output, again, damage) -> None:
    before = tables(output)
    damage(first(output / "coverage"))
    again()
    assert tables(output) == before


@pytest.mark.parametrize("damage", [flip_page, lose_footer, no_parquet, link])
def test_a_damaged_file_of_tiles_is_made_anew_in_the_same_run(output, again, damage) -> None:
    before = tables(output)
    damage(first(output / "tiles"))
    assert again().unchanged == 2
    assert tables(output) == before


def rows_of_another_slide(path: Path) -> None:
    table = pq.read_table(path)
    other = pa.array(["a-0123456789ab"] * len(table))
    rewritten(path, record_of(path), table.set_column(table.schema.get_field_index("slide_id"), "slide_id", other))


@pytest.mark.parametrize(
    "damage",
    [
        flip_page, smaller_extent, other_schema, fewer_rows, rows_of_another_slide, lose_footer, flip_record,
        empty_record, no_parquet,
    ],
)  # fmt: skip
def test_a_damaged_file_of_a_slide_that_is_gone_is_named_and_removed(finished, output, damage) -> None:
    damaged = of_slide("a.tiff", output / "coverage")
    kept = {name for name in tables(output) if damaged.name not in name}
    damage(damaged)
    found = study.run(finished[0], output=str(output), exclude=["a.tiff"]).result(raise_on_failure=False)
    [failure] = pq.read_table(output / "failures.parquet").to_pylist()
    assert (failure["path"], found.summary.put_aside) == (f"{finished[0]}/a.tiff", 1)
    assert "of a slide that is gone is damaged or holds other rows, and is removed; hint: bring" in failure["message"]
    assert tables(output).keys() == kept


def test_damaged_tiles_of_a_slide_that_is_gone_with_its_coverage_are_named_and_removed(finished, output) -> None:
    of_slide("a.tiff", output / "coverage").unlink()
    damaged = of_slide("a.tiff", output / "tiles")
    flip_page(damaged)
    study.run(finished[0], output=str(output), exclude=["a.tiff"])
    [failure] = pq.read_table(output / "failures.parquet").to_pylist()
    assert f"{str(damaged)!r} of a slide that is gone is damaged" in failure["message"]
    assert not damaged.exists()


def test_a_gone_slide_of_which_nothing_can_be_read_is_named_by_its_file(finished, output) -> None:
    damaged = [of_slide("a.tiff", output / folder) for folder in ("coverage", "tiles")]
    for path in damaged:
        lose_footer(path)
    study.run(finished[0], output=str(output), exclude=["a.tiff"])
    assert pq.read_table(output / "failures.parquet")["path"].to_pylist() == [str(damaged[0])]
    assert not [path for path in damaged if path.exists()]


def test_a_damaged_footer_goes_without_a_failure_where_gone_slides_are_dropped(finished, output, caplog) -> None:
    damaged = of_slide("a.tiff", output / "coverage")
    lose_footer(damaged)
    with caplog.at_level(logging.WARNING):
        found = study.run(finished[0], output=str(output), exclude=["a.tiff"], gone="drop")
    assert found.result(raise_on_failure=False).put_aside == 0
    assert not damaged.exists()
    assert [record for record in caplog.records if f"{str(damaged)!r} of a slide that is gone" in record.message]


def test_what_a_link_points_to_stays(output, again) -> None:
    link(first(output / "coverage"))
    elsewhere = output.parent / "elsewhere.parquet"
    before = elsewhere.read_bytes()
    again(keep=None)
    assert elsewhere.read_bytes() == before
    assert not first(output / "coverage").is_symlink()


@pytest.mark.parametrize("name", ["evil.parquet", f"{'1' * 64}.parquet"])
@pytest.mark.parametrize("slide_id", ["../../victim/v", "/elsewhere/victim/v", "a-0123456789ab"])
def test_a_record_that_names_another_file_writes_and_removes_nothing_there(output, again, name, slide_id) -> None:
    victim = output.parent / "victim" / "v.parquet"
    victim.parent.mkdir()
    victim.write_bytes(b"precious")
    evil = output / "coverage" / name
    shutil.copy(first(output / "coverage"), evil)
    content = record_of(evil)
    content["slide"]["described"] |= {
        "slide_id": slide_id.replace("/elsewhere", str(output.parent)),
        "path": "/gone.tiff",
    }
    content["slide"]["identity"]["path"] = "/gone.tiff"
    rewritten(evil, content)
    again(keep=None, tolerate=1)  # under the name of a slide's file, a record that is none is damage
    assert victim.read_bytes() == b"precious"
    assert sorted(path.name for path in victim.parent.iterdir()) == ["v.parquet"]
    assert not (output / "tiles" / f"{'0' * 64}.parquet").exists()


@pytest.mark.parametrize("changes", [{}, {"keep": None}, {"gone": "drop"}])
def test_a_copy_is_ignored_and_named_in_the_log(output, again, caplog, changes) -> None:
    copy = output / "coverage" / "copy.parquet"
    shutil.copy(first(output / "coverage"), copy)
    with caplog.at_level(logging.WARNING):
        assert again(**changes).unchanged == 2
    assert copy.exists()
    assert [record.message for record in caplog.records if repr(str(copy)) in record.message]


def test_a_second_file_of_one_slide_ends_no_run(output, again) -> None:
    """Another id, the same slide: as a crafted record could have it."""
    path = output / "coverage" / f"{'1' * 64}.parquet"
    shutil.copy(first(output / "coverage"), path)
    content = record_of(path)
    content["slide"]["described"]["slide_id"] = "1" * 64
    rewritten(path, content)
    assert again(keep=None).unchanged == 2


@pytest.mark.parametrize("suffix", [".png", ".js"])
def test_a_damaged_picture_is_drawn_anew_in_the_same_run(finished, output, again, suffix) -> None:
    again(previews=True)
    picture = min((output / "previews").glob(f"*{suffix}"))
    before = picture.read_bytes()
    picture.write_bytes(before[: len(before) // 2])
    again(previews=True)
    assert picture.read_bytes() == before


def test_a_picture_that_is_a_link_is_replaced(output, again) -> None:
    again(previews=True)
    picture, elsewhere = min((output / "previews").glob("*.png")), output.parent / "elsewhere.png"
    shutil.move(picture, elsewhere)
    picture.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    again(previews=True, force=True)
    assert not picture.is_symlink()
    assert elsewhere.read_bytes() == before
