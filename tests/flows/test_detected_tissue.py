"""Runs whose tissue is no file: masks are made once a slide, kept, and replaced with their slide."""

import os
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from flows.config.errors import ConfigurationError
from flows.inputs.discovery import discover
from flows.records.output_files import OutputFiles
from flows.records.stored_files import ForeignFileError
from flows.reports.ownership import refuse_foreign
from flows.storage.workspace import Workspace
from flows.tasks.detect_tissue import _detect
from ratiopath.overlays import detect_tissue
from tests.support import study
from tests.support.layouts import LAYOUTS, Raster
from tests.support.study import configured, failures

DETECT = {"tissue": {"detect": "saturation"}}
FLOW = pytest.mark.usefixtures("local_ray", "server")


def write_stained(path: Path, left: int = 20, side: int = 96) -> np.ndarray:
    """Write a slide at 8 µm/px with a square of tissue of 40 px."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((side, side, 3), (243, 241, 244), dtype=np.uint8)
    pixels[20:60, left : left + 40] = (210, 130, 180)
    LAYOUTS["deflate"].write(path, Raster((pixels,), (8.0, 8.0)))
    return pixels


def run(folder: Path, **changes):
    tiling = {"mpp": 8, "tile_extent": 16}
    return study.run(folder, **{"overlays": DETECT, "tiling": tiling, "keep": "tissue > 0.5", **changes})


def masks_of(output: Path) -> dict[str, tuple[int, bytes]]:
    """Return time and content of each mask by the name of its slide; every mask belongs to a slide that was found."""
    slides = pq.read_table(output / "slides.parquet").to_pylist()
    name_of = {f"{row['slide_id']}.tiff": Path(row["path"]).stem for row in slides}
    found = {name_of[path.name]: path for path in (output / "tissue").iterdir()}
    return {name: (path.stat().st_mtime_ns, path.read_bytes()) for name, path in sorted(found.items())}


@FLOW
def test_a_run_without_any_mask_makes_its_own_once_and_again_only_for_a_replaced_slide(folder, output) -> None:
    write_stained(folder / "a.tiff")
    write_stained(folder / "b.tiff", left=30)
    LAYOUTS["deflate"].write(folder / "c.tiff", Raster((np.zeros((64, 64), np.uint8),), (8.0, 8.0)))
    state = run(folder, tolerate=1, previews=True)
    assert (state.is_completed(), state.result().new, state.result().put_aside) == (True, 2, 1)
    assert failures(output)["c.tiff"][:2] == ("detect tissue", "UnsupportedImageError")
    first = masks_of(output)
    assert list(first) == ["a", "b"]
    rows = pq.read_table(output / "coverage").to_pylist()
    found = {name: detect_tissue(str(folder / f"{name}.tiff")).is_tissue for name in first}
    for row in rows:
        x, y = row["tile_x"], row["tile_y"]
        assert row["tissue"] == pytest.approx(found[Path(row["path"]).stem][y : y + 16, x : x + 16].mean())
        assert row["tissue_path"] == str(output / "tissue" / f"{row['slide_id']}.tiff")
    assert {row["tissue"] for row in rows} >= {0.0, 1.0}
    assert run(folder, tolerate=1, previews=True).result().unchanged == 2
    assert masks_of(output) == first
    write_stained(folder / "b.tiff", left=40)
    again = run(folder, tolerate=1, previews=True).result()
    second = masks_of(output)
    assert (again.unchanged, again.changed) == (1, 1)
    assert second["a"] == first["a"]
    assert second["b"][1] != first["b"][1]
    os.unlink(folder / "c.tiff")
    os.unlink(folder / "b.tiff")
    run(folder)  # keeps the rows of slides that are gone, and their masks
    assert len(list((output / "tissue").iterdir())) == 2
    run(folder, gone="drop")
    assert masks_of(output) == {"a": second["a"]}


@FLOW
def test_a_damaged_mask_and_another_detector_make_new_ones(folder, output) -> None:
    write_stained(folder / "ž a.tiff")
    run(folder)
    [(_, whole)] = masks_of(output).values()
    [path] = (output / "tissue").iterdir()
    path.write_bytes(whole[:-100] + b"x" + whole[-99:])
    assert run(folder).result().unchanged == 1  # the same slide gives the same bytes
    assert path.read_bytes() == whole
    assert run(folder, force=True).result().recomputed == 1
    assert path.read_bytes() == whole
    assert run(folder, overlays={"tissue": {"detect": "saturation", "pen": "drop"}}).result().changed == 1
    assert b'"pen": "drop"' in path.read_bytes()


def test_a_mask_of_others_is_refused_only_where_masks_are_written(output) -> None:
    path = output / "tissue" / "a-0123456789ab.tiff"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    (path.parent / "notes.txt").write_text("mine")
    refuse_foreign(OutputFiles.of(Workspace.at(str(output))), previews=True)
    with pytest.raises(ConfigurationError, match="is not a mask of this program; move it away"):
        refuse_foreign(OutputFiles.of(Workspace.at(str(output))), previews=True, masks=True)


def test_a_mask_of_others_under_a_given_id_is_not_replaced(folder, output) -> None:
    write_stained(folder / "a.tiff")
    path = output / "tissue" / "S-1.tiff"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    config = configured(folder, overlays=DETECT)
    row = {"path": str(folder / "a.tiff"), "slide_id": "S-1", "identity": '{"mpp": null}', "state": "{}"}
    detect = partial(_detect, settings=config.detected.tissue, detector=config.detected.detector)
    with pytest.raises(ForeignFileError, match=r"'.*/S-1\.tiff' is not a mask of this program; hint: move it away"):
        detect(row, config, Workspace.at(str(output)))
    assert path.read_bytes() == b"mine"


def test_a_mask_is_no_slide_of_the_next_run(folder) -> None:
    write_stained(folder / "a.tiff")
    write_stained(folder / "output" / "tissue" / "mask.tiff")
    config = configured(folder, output=str(folder / "output"), overlays=DETECT)
    assert [Path(path).name for path in discover(config).table["path"].to_pylist()] == ["a.tiff"]


def test_a_detected_overlay_has_a_class_of_its_own_name() -> None:
    config = configured(Path("slides"), overlays={"specimen": {"detect": "saturation"}}, keep="specimen > 0.5")
    assert config.classes == ["specimen"]
    assert config.overlays["specimen"].classes == {"specimen": [1]}


@pytest.mark.parametrize("option", [{"dominant": True}, {"uncertainty": True, "stats": ["mean"]}])
def test_options_of_classes_hold_for_the_class_of_its_own_name(option) -> None:
    config = configured(Path("slides"), overlays={"tissue": {"detect": "saturation", **option}})
    assert config.overlays["tissue"].classes == {"tissue": [1]}
