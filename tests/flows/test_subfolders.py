"""Runs whose output gets subfolders: nothing is measured again, rows of gone slides stay, and verbs find the files.

flat        a and b, with previews, masks and exports
moved       b and c from 2 slides on; a is gone
continued   after a run that was killed when it had moved a part of the files; a is dropped
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import ray.data

from flows.analysis.plan import plan_run
from flows.analysis.thresholds.sweep_output import sweep_finished
from flows.cli.verbs.sample import sample
from flows.records.finished_output import FinishedOutput
from flows.records.run_record import Summary
from flows.storage.workspace import subfolder_of
from tests.flows.test_detected_tissue import DETECT, write_stained
from tests.support import study
from tests.support.study import configured

pytestmark = pytest.mark.usefixtures("local_ray", "server")
FOLDERS = ("coverage", "tiles", "previews", "tissue")
FLAT_ROWS = "a.tiff,S-1\nb.tiff,\n"
"""Rows of the manifest: the id of slide a is given, that of others is derived."""
ROWS = "b.tiff,\nc.tiff,S-3\n"


def settings(root: Path, rows: str, **changes: Any) -> dict[str, Any]:
    (root / "slides" / "m.csv").write_text(f"path,slide_id\n{rows}")
    return {
        "slides": str(root / "slides" / "m.csv"),
        "overlays": DETECT,
        "tiling": {"mpp": 8, "tile_extent": 16},
        "keep": "tissue > 0.5",
        "previews": True,
        "exports": {"qupath": {}, "dataset": {}},
        **changes,
    }


def run(root: Path, rows: str, **changes: Any) -> Summary:
    return study.run(root / "slides", **settings(root, rows, **changes)).result()


def files(output: Path) -> dict[str, bytes]:
    """Read the files of the slides, by their path in the output."""
    found = (path for folder in FOLDERS for path in (output / folder).rglob("*") if path.is_file())
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in found}


def moved(name: str) -> str:
    folder, file = name.split("/")
    return name if folder == "tissue" else f"{folder}/{subfolder_of(Path(file).stem)}/{file}"


@dataclass(frozen=True)
class Study:
    """Files and summary of each run."""

    root: Path
    flat: dict[str, bytes]
    summaries: dict[str, Summary]
    moved: dict[str, bytes]
    planned: dict[str, int]
    """Counts that `plan` has for the run that continues."""
    continued: dict[str, bytes]

    @property
    def output(self) -> Path:
        return self.root / "output"


@pytest.fixture(scope="module")
def three_runs(tmp_path_factory) -> Study:
    root = tmp_path_factory.mktemp("subfolders")
    for left, name in ((20, "a"), (30, "b"), (25, "c")):
        write_stained(root / "slides" / f"{name}.tiff", left)
    output, summaries = root / "output", {}
    summaries["flat"] = run(root, FLAT_ROWS)
    flat = files(output)
    summaries["moved"] = run(root, ROWS, subfolders_from=2)
    after = files(output)
    record = json.loads((output / "run.json").read_text())
    (output / "run.json").write_text(json.dumps(record | {"layout": "mixed"}))
    for path in [*(output / "coverage").rglob("*-*.parquet"), *(output / "tiles").rglob("S-*.parquet")]:
        path.rename(path.parent.parent / path.name)
    planned = plan_run(configured(root / "slides", **settings(root, ROWS))).counts
    summaries["continued"] = run(root, ROWS, gone="drop")
    return Study(root, flat, summaries, after, planned, files(output))


def counts(summary: Summary) -> tuple[int, int, int, int]:
    return summary.new, summary.unchanged, summary.changed, summary.gone


def test_files_are_moved_as_they_are_and_new_ones_are_written_beside_them(three_runs) -> None:
    expected = {moved(name): content for name, content in three_runs.flat.items()}
    assert len(expected) == 2 * 5
    assert expected.items() <= three_runs.moved.items()
    new = three_runs.moved.keys() - expected.keys()
    own = subfolder_of("S-3")
    assert new == {f"{name}/{own}/S-3.parquet" for name in ("coverage", "tiles")} | {
        f"previews/{own}/S-3.png", f"previews/{own}/S-3.js", f"tissue/{own}/S-3.tiff"
    }  # fmt: skip


def test_no_slide_is_measured_again(three_runs) -> None:
    assert {name: counts(one) for name, one in three_runs.summaries.items()} == {
        "flat": (2, 0, 0, 0),
        "moved": (1, 1, 0, 1),
        "continued": (0, 2, 0, 1),
    }


def test_a_run_after_a_killed_one_moves_the_others_and_leaves_no_empty_subfolder(three_runs) -> None:
    left = {name: content for name, content in three_runs.moved.items() if Path(name).stem != "S-1"}
    assert three_runs.continued == left
    subfolders = [path for folder in FOLDERS for path in (three_runs.output / folder).iterdir() if path.is_dir()]
    assert subfolders
    assert all(list(path.iterdir()) for path in subfolders)


def test_a_plan_of_it_finds_the_files_in_both_places(three_runs) -> None:
    assert [three_runs.planned[name] for name in ("new", "unchanged", "changed", "gone")] == [0, 2, 0, 1]


def test_pictures_of_the_gallery_are_where_it_says(three_runs) -> None:
    named = set(re.findall(r'"(previews/[^"]+)"', (three_runs.output / "index.html").read_text()))
    assert named == {name for name in three_runs.continued if name.startswith("previews/")}


def test_tables_are_read_as_one(three_runs) -> None:
    finished = FinishedOutput.open(str(three_runs.output))
    for folder in ("coverage", "tiles"):
        ids = pq.read_table(three_runs.output / folder)["slide_id"].unique().to_pylist()
        assert set(ids) == finished.ids_in(folder) == set(finished.slides["slide_id"].to_pylist())
    rows = sum(finished.tile_counts(finished.slides["slide_id"].to_pylist()))
    assert ray.data.read_parquet(str(three_runs.output / "tiles")).count() == rows


def test_exports_read_the_tiles_and_keep_files_of_unchanged_slides(three_runs) -> None:
    lines = [line.split(",")[:2] for line in three_runs.summaries["moved"].exports]
    assert lines == [["export qupath: 2 slides", " 1 written"], ["export dataset: 2 slides", " 2 written"]]
    exported = pq.read_table(three_runs.output / "exports" / "dataset" / "tiles")
    finished = FinishedOutput.open(str(three_runs.output))
    assert exported.num_rows == sum(finished.tile_counts(finished.slides["slide_id"].to_pylist())) > 0


def test_verbs_read_the_tables(three_runs, tmp_path) -> None:
    swept = sweep_finished(str(three_runs.output), str(tmp_path / "sweep"), 0.1, None, 1)
    assert (swept.slides, swept.absent, swept.gone, swept.put_aside) == (2, 0, 0, ())
    assert sample(str(three_runs.output), per_slide=1, to=str(tmp_path)).content["sampled"] == 2
