"""Columns of a manifest that go through to slides.parquet, tiles/ and keep, and ids that a manifest gives."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.records.run_record import Summary
from tests.support import study
from tests.support.study import write_study

pytestmark = pytest.mark.usefixtures("local_ray", "server")


def run(root: Path, rows: str, **changes: Any) -> Summary:
    (root / "m.csv").write_text(f"path,slide_id,patient,fold\n{rows}")
    changes = {"slides": str(root / "m.csv"), "columns": ["patient", "fold"], "keep": "fold < 2", **changes}
    result = study.run(root / "slides", **changes).result()
    assert isinstance(result, Summary)
    return result


def cells(output: Path, table: str) -> set[tuple]:
    rows = pq.read_table(output / table).select(["slide_id", "patient", "fold"]).to_pylist()
    return {(row["slide_id"] if row["slide_id"] == "S-1" else "derived", row["patient"], row["fold"]) for row in rows}


def test_cells_follow_their_slides_through_runs(tmp_path: Path) -> None:
    (tmp_path / "slides").mkdir()
    write_study(tmp_path / "slides", "a", "b")
    output = tmp_path / "output"

    first = run(tmp_path, "slides/a.tiff,S-1,P1,1\nslides/b.tiff,,007,2\n")
    assert (first.new, first.tiles, first.kept) == (2, 24, 12)
    assert cells(output, "slides.parquet") == {("S-1", "P1", 1), ("derived", "007", 2)}
    assert cells(output, "tiles") == {("S-1", "P1", 1)}
    assert {path.stem == "S-1" or path.stem.startswith("b-") for path in (output / "coverage").iterdir()} == {True}

    second = run(tmp_path, "slides/a.tiff,S-1,P1,5\nslides/b.tiff,,007,0\n")  # nothing is measured again
    assert (second.unchanged, second.kept) == (2, 12)
    assert cells(output, "tiles") == {("derived", "007", 0)}

    third = run(tmp_path, "slides/a.tiff,S-1,P1,5\n", keep="fold == 0 or patient == 'P1'")  # b is gone, and stays
    assert (third.unchanged, third.gone) == (1, 1)
    assert cells(output, "tiles") == {("S-1", "P1", 5), ("derived", "007", 0)}

    tiling = {"mpp": 0.5, "tile_extent": 32}  # the same id does not hide that the grid is another
    fourth = run(tmp_path, "slides/a.tiff,S-1,P1,5\n", keep=None, tiling=tiling)
    assert (fourth.changed, fourth.unchanged, fourth.tiles) == (1, 0, 4)
    assert cells(output, "tiles") == {("S-1", "P1", 5)}


def test_a_run_with_nothing_new_writes_no_tiles(tmp_path: Path) -> None:
    (tmp_path / "slides").mkdir()
    write_study(tmp_path / "slides", "a")
    run(tmp_path, "slides/a.tiff,S-1,P1,1\n")
    written = (tmp_path / "output" / "tiles" / "S-1.parquet").stat()
    assert run(tmp_path, "slides/a.tiff,S-1,P1,1\n").unchanged == 1
    assert (tmp_path / "output" / "tiles" / "S-1.parquet").stat().st_ino == written.st_ino


@pytest.mark.parametrize("folder", ["coverage", "tiles"])
def test_a_file_of_others_under_a_given_id_is_not_replaced(tmp_path: Path, folder: str) -> None:
    (tmp_path / "slides").mkdir()
    write_study(tmp_path / "slides", "a", "b")
    foreign = tmp_path / "output" / folder / "S-1.parquet"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"mine")
    rows = "slides/a.tiff,S-1,P1,1\nslides/b.tiff,S-2,P2,1\n"
    assert run(tmp_path, rows, tolerate=1).put_aside == 1
    assert foreign.read_bytes() == b"mine"
    assert "S-1.parquet' is not a file of this program" in study.failures(tmp_path / "output")["a.tiff"][2]
