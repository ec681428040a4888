"""The verb `split` on finished tables: no patient in two parts, CLAM's files, and the columns of a given table."""

import csv
import json
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.cli.verbs.dispatch import main
from tests.support.cohort import write_cohort

PARTS = ("train", "val", "test")


def cell(number: int, patient: str | None, label: str | None = None) -> dict[str, str | None]:
    return {"path": f"/slides/s{number:02}.svs", "patient": patient, "label": label}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    slides = [cell(number, f"p{number // 2}", ("benign", "tumor")[number // 2 % 2]) for number in range(40)]
    return write_cohort(tmp_path_factory.mktemp("cohort") / "out", slides, [0, *[2] * 39])


@pytest.fixture
def cohort(made, tmp_path) -> Path:
    """Twenty patients with two slides each; odd patients have tumors, and slide 0 has no tiles."""
    return shutil.copytree(made, tmp_path / "out")


def run(*arguments: object) -> int:
    return main(["split", *map(str, arguments)])


def refusal(capsys, *arguments: object) -> str:
    assert run(*arguments) == 2
    return capsys.readouterr().err


def test_parts_are_exact_and_clam_reads_them(cohort, capsys) -> None:
    assert run(cohort, "--parts", "0.6,0.2,0.2", "--stratify", "label", "--seed", 3, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["groups"], one["slides"]) for one in answer["parts"]] == [
        ("train", 12, 24), ("val", 4, 8), ("test", 4, 8),
    ]  # fmt: skip
    assert [one["labels"] for one in answer["parts"]] == [{"benign": n, "tumor": n} for n in (12, 4, 4)]
    assert sum(one["tiles"] for one in answer["parts"]) == 39 * 2

    table = pd.read_parquet(cohort / "splits" / "splits.parquet")
    assert table.groupby("group")["split"].nunique().max() == 1
    found = pd.read_csv(cohort / "splits" / "splits_0.csv", dtype=object)  # as CLAM reads it
    for part in PARTS:
        expected = [path[8:-4] for path in table[(table["split"] == part) & (table["tiles"] > 0)]["path"]]
        assert found[part].dropna().tolist() == expected
    cases = pd.read_csv(cohort / "splits" / "slides.csv")
    assert cases.columns.tolist() == ["case_id", "slide_id", "label"]
    assert set(cases["slide_id"]) == {f"s{number:02}" for number in range(1, 40)}  # s0 has no tiles
    assert not (cohort / ".work").exists()


def test_the_part_joins_with_the_tiles(cohort) -> None:
    assert run(cohort, "--seed", 1) == 0
    tiles = duckdb.read_parquet(f"{cohort}/tiles/*.parquet")
    joined = tiles.join(duckdb.read_parquet(f"{cohort}/splits/splits.parquet"), "slide_id")
    counts = dict(joined.aggregate("split, count(*)").fetchall())
    expected = pd.read_parquet(cohort / "splits" / "splits.parquet").groupby("split")["tiles"].sum()
    assert counts == expected.to_dict()


def test_each_fold_is_tested_once_and_never_trained_on(cohort, capsys) -> None:
    assert run(cohort, "--folds", 5, "--stratify", "label", "-q") == 0
    assert capsys.readouterr().out == ""
    splits = [pd.read_csv(cohort / "splits" / f"splits_{fold}.csv") for fold in range(5)]
    tested = [name for split in splits for name in split["test"].dropna()]
    assert sorted(tested) == sorted(f"s{number:02}" for number in range(1, 40))
    patient = {f"s{number:02}": number // 2 for number in range(40)}
    for split in splits:
        groups = [{patient[name] for name in split[part].dropna()} for part in PARTS]
        assert [len(group) for group in groups] == [12, 4, 4]
        assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
    assert pd.read_parquet(cohort / "splits" / "splits.parquet").groupby("fold")["group"].nunique().tolist() == [4] * 5


def test_files_of_an_earlier_split_are_removed_and_those_of_others_are_not(cohort, capsys) -> None:
    assert run(cohort, "--folds", 5, "--stratify", "label") == 0
    assert run(cohort, "--folds", 3) == 0
    folder = cohort / "splits"
    left = ["splits.parquet", "splits_0.csv", "splits_1.csv", "splits_2.csv"]
    assert sorted(path.name for path in folder.iterdir()) == left
    (folder / "splits_3.csv").touch()
    assert "splits_3.csv of another split" in refusal(capsys, cohort)
    assert sorted(path.name for path in folder.iterdir()) == [*left, "splits_3.csv"]


def test_clam_is_named_only_for_the_parts_that_it_asks_for(cohort, capsys) -> None:
    assert run(cohort, "--parts", "0.5,0.5") == 0
    assert "CLAM" not in capsys.readouterr().out
    assert run(cohort) == 0
    assert "; CLAM reads splits_0.csv" in capsys.readouterr().out


@pytest.mark.parametrize("key", ["slide_id", "path", "stem"])
def test_patients_may_come_from_a_table(cohort, tmp_path, key) -> None:
    slides = pq.read_table(cohort / "slides.parquet").to_pylist()
    named = {"slide_id": "slide_id", "path": "path"}.get(key)
    with (tmp_path / "clinical.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([key, "case"])
        writer.writerows((row[named] if named else row["path"][8:-4], f"00{n % 7}") for n, row in enumerate(slides))
        writer.writerow(["another", "009"])
    target = tmp_path / "elsewhere"
    assert run(cohort, "--by", "case", "--from", tmp_path / "clinical.csv", "--to", target) == 0
    found = pq.read_table(target / "splits.parquet")
    assert found["group"].to_pylist() == [f"00{n % 7}" for n in range(40)]
    assert sorted(path.name for path in target.iterdir()) == ["splits.parquet", "splits_0.csv"]


def test_relative_paths_of_a_table_count_from_its_folder(tmp_path) -> None:
    paths = [str(tmp_path / "slides" / f"{name}.svs") for name in "abc"]
    write_cohort(tmp_path / "out", [{"path": path} for path in paths], [1, 1, 1])
    pq.write_table(
        pa.table({"path": [f"slides/{name}.svs" for name in "cba"], "patient": [3, 2, 1]}), tmp_path / "given.parquet"
    )
    assert run(tmp_path / "out", "--from", tmp_path / "given.parquet", "--parts", "1/3,1/3,1/3") == 0
    assert pq.read_table(tmp_path / "out/splits/splits.parquet")["group"].to_pylist() == ["1", "2", "3"]


def test_slides_without_a_patient_are_named(tmp_path, capsys) -> None:
    write_cohort(tmp_path / "out", [cell(0, "a"), cell(1, " "), cell(2, None)], [1, 1, 1])
    assert "2 of 3 slides have no patient in 'slides.parquet': '/slides/s01.svs', '/slides/s02.svs';" in refusal(
        capsys, tmp_path / "out"
    )
    assert not (tmp_path / "out" / "splits").exists()


def test_equal_stems_are_refused_unless_ids_name_them(tmp_path, capsys) -> None:
    write_cohort(tmp_path / "out", [{"path": path} for path in ("/a/s.svs", "/b/s.svs", "/c/s.svs")], [1, 1, 1])
    arguments = (tmp_path / "out", "--by", "slide_id", "--parts", "1/3,1/3,1/3")
    assert "'/a/s.svs' and '/b/s.svs' have the same name 's'" in refusal(capsys, *arguments)
    assert run(*arguments, "--slide-names", "slide_id") == 0
    listed = pd.read_csv(tmp_path / "out/splits/splits_0.csv").to_numpy().ravel().tolist()
    assert sorted(listed) == pq.read_table(tmp_path / "out/slides.parquet")["slide_id"].to_pylist()


def test_a_stable_split_takes_the_label_for_counts_only(cohort, capsys) -> None:
    assert run(cohort, "--stable", "--label", "label", "--parts", "0.5,0.5", "--json") == 0
    parts = json.loads(capsys.readouterr().out)["parts"]
    assert [one["name"] for one in parts] == ["train", "test"]
    assert sum(one["labels"]["tumor"] for one in parts) == 20
    metadata = pq.read_schema(cohort / "splits" / "splits.parquet").metadata
    assert json.loads(metadata[b"ratiopath.split"])["stable"] is True


def test_a_store_holds_the_same_splits(cohort, bucket) -> None:
    for path in [*cohort.glob("*.*"), *cohort.glob("tiles/*")]:
        bucket.client.upload_file(str(path), bucket.name, f"out/{path.relative_to(cohort)}")
    assert run(cohort, "--stratify", "label", "-q") == 0
    assert run(bucket.uri("out"), "--stratify", "label", "-q") == 0
    assert run(cohort, "--stratify", "label", "-q", "--to", bucket.uri("elsewhere")) == 0
    own = {name: one for name, one in bucket.objects("out").items() if name.startswith("splits/")}
    assert sorted(own) == ["splits/slides.csv", "splits/splits.parquet", "splits/splits_0.csv"]
    expected = pq.read_table(cohort / "splits" / "splits.parquet")
    assert bucket.table("out/splits/splits.parquet").equals(expected)
    assert bucket.table("elsewhere/splits.parquet").equals(expected)
