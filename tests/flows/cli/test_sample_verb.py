"""The verb `sample` on finished tables: a sample that joins with the tiles, and its refusals."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from flows.cli.verbs.dispatch import main
from tests.support.cohort import write_cohort


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    slides = [{"path": f"/slides/s{number}.svs"} for number in range(6)]
    return write_cohort(tmp_path_factory.mktemp("cohort") / "out", slides, [0, 1, 2, 4, 4, 4])


@pytest.fixture
def cohort(made, tmp_path) -> Path:
    """Six slides with 0 to 4 tiles, whose shares of tumor are 0.5, 0.75, 1 and 0."""
    return shutil.copytree(made, tmp_path / "out")


def run(*arguments: object) -> int:
    return main(["sample", *map(str, arguments)])


def test_a_sample_joins_with_the_tiles(cohort, tmp_path, capsys) -> None:
    assert run(cohort, "--per-slide", 2, "--where", "tumor >= 0.6", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["classes"] == [{"class": "tumor", "tiles": 7, "sampled": 7}]
    assert (answer["sampled"], answer["slides"]) == (7, 4)
    found = pd.read_parquet(cohort / "sample.parquet")
    joined = pd.read_parquet(cohort / "tiles").merge(found, on=["slide_id", "tile_x", "tile_y"])
    assert len(joined) == 7
    assert joined["tumor"].min() == 0.75
    assert not (cohort / ".work").exists()


def test_weights_sum_to_the_tiles_of_each_class(cohort, tmp_path, capsys) -> None:
    assert run(cohort, "--per-class", 3, "--seed", 4, "--to", tmp_path / "elsewhere") == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "tumor: 3 of 12 tiles",
        "no class: 3 of 3 tiles",
        f"6 of 15 tiles, of {pd.read_parquet(tmp_path / 'elsewhere')['slide_id'].nunique()} slides",
    ]
    found = pd.read_parquet(tmp_path / "elsewhere" / "sample.parquet")
    assert found.groupby("class", dropna=False)["weight"].sum().tolist() == [12, 3]
    assert not (cohort / "sample.parquet").exists()


def test_a_sample_of_nothing_is_an_empty_table(cohort) -> None:
    assert run(cohort, "--per-slide", 2, "--where", "tumor > 0.5 and tumor < 0.6") == 0
    found = pd.read_parquet(cohort / "sample.parquet")
    assert found.columns.tolist() == ["slide_id", "tile_x", "tile_y", "class", "weight"]
    assert len(found) == 0


def test_a_damaged_file_leaves_the_earlier_sample(cohort, capsys) -> None:
    assert run(cohort, "--per-slide", 1) == 0
    before = (cohort / "sample.parquet").read_bytes()
    path = max((cohort / "tiles").glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:100])
    assert run(cohort, "--per-slide", 2) == 1
    assert f"failed: '{path}' is damaged" in capsys.readouterr().err
    assert (cohort / "sample.parquet").read_bytes() == before
    assert not (cohort / ".work").exists()
