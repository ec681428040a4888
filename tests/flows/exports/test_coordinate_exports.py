"""Exports in the formats trident and clam through the command line."""

import csv
import json

import h5py

from flows.cli.verbs.dispatch import main
from tests.support.finished import HandmadeSlide, write_output


def slide(name: str, *kept: bool, mpp: float | None = 0.25) -> HandmadeSlide:
    return HandmadeSlide(f"/slides/{name}", len(kept), {"tumor": [0.5] * len(kept)}, list(kept), mpp=mpp)


def test_a_slide_without_resolution_is_put_aside_and_the_others_are_exported_to_trident(tmp_path, capsys) -> None:
    tiling = {"level": 1, "tile_extent": 16, "stride": 16}
    slides = [slide("a.svs", True, False, True), slide("b.svs", True, mpp=None), slide("c.svs", False)]
    write_output(tmp_path / "output", slides, tiling=tiling)
    assert main(["export", "trident", str(tmp_path / "output"), "--to", str(tmp_path / "to"), "--json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert [one["path"] for one in answer["put_aside"]] == ["/slides/b.svs"]
    assert answer["put_aside"][0]["reason"].startswith("MissingMppError: slide '/slides/b.svs' has no level0_mpp_x")
    found = {}
    for path in (tmp_path / "to" / "level1_16px_0px_overlap" / "patches").iterdir():
        with h5py.File(path, "r") as file:
            found[path.name] = file["coords"][:].tolist(), file["coords"].attrs["target_magnification"]
    # 0.25 µm/px at level 0, a level of half of that, tiles of 16 px = 32 px of level 0
    assert found == {"a_patches.h5": ([[0, 0], [64, 0]], 20.0), "c_patches.h5": ([], 20.0)}
    assert answer["next_steps"][0].endswith("--coords_dir level1_16px_0px_overlap --patch_encoder uni_v1")


def test_clam_gets_the_slides_that_have_tiles(tmp_path, capsys) -> None:
    write_output(tmp_path / "output", [slide("a.svs", True, False, True), slide("c.svs", False)])
    assert main(["export", "clam", str(tmp_path / "output"), "--to", str(tmp_path / "to")]) == 0
    assert [path.name for path in (tmp_path / "to" / "patches").iterdir()] == ["a.h5"]
    with (tmp_path / "to" / "process_list_autogen.csv").open(newline="") as file:
        assert [row["slide_id"] for row in csv.DictReader(file)] == ["a.svs"]
    assert "next: python extract_features_fp.py --data_h5_dir" in capsys.readouterr().out
