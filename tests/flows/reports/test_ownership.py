"""An output that holds files of others is refused, before anything in it is replaced or removed."""

import json
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from flows.config.errors import ConfigurationError
from flows.records.output_files import OutputFiles
from flows.reports.ownership import refuse_foreign
from flows.storage.workspace import Workspace
from tests.support import study
from tests.support.study import write_study

SLIDE_ID = "a-0123456789ab"
FOREIGN = {
    "index.html": b"<h1>mine</h1>",
    "failures.log": b"1. my own failures\n",
    "run.json": b'{"configuration": "mine"}',
    "slides.parquet": b"mine",
    "failures.parquet": b"PAR1 mine",
    ".work": b"mine",
    ".work/notes.txt": b"mine",
    f".work/{'a' * 32}": b"mine",
    ".state": b"mine",
    "index-2.html": b"<h1>mine</h1>",
    "index-names.js": b"mine()",
    f"previews/{SLIDE_ID}.png": b"mine",
    f"previews/{SLIDE_ID}.js": b"mine()",
    f"coverage/{SLIDE_ID}.parquet/notes.txt": b"mine",
    f"previews/01/{SLIDE_ID}.png": b"mine",
    f"coverage/01/{SLIDE_ID}.parquet/notes.txt": b"mine",
    "coverage/01": b"mine",
    "coverage/empty.parquet": b"mine",
    "coverage": b"mine",
}


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def refuse(output: Path, *, previews: bool = True) -> None:
    refuse_foreign(OutputFiles.of(Workspace.at(str(output))), previews=previews)


@pytest.fixture
def output(tmp_path) -> Path:
    (tmp_path / "output").mkdir()
    return tmp_path / "output"


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_others_is_named_with_the_remedy(output, name) -> None:
    write(output / name, FOREIGN[name])
    named = name.removesuffix("/notes.txt") if name.startswith("coverage") else name
    with pytest.raises(ConfigurationError, match=r"^output: .*; move it away, or set another output$") as refused:
        refuse(output)
    assert f"{output}/{named}" in str(refused.value)


@pytest.mark.parametrize("name", ["slides.parquet", "failures.parquet"])
def test_a_table_of_other_columns_is_refused(output, name) -> None:
    pq.write_table(pa.table({"path": ["a"], "mpp": [0.5]}), output / name)
    with pytest.raises(ConfigurationError, match=name):
        refuse(output)


@pytest.mark.parametrize("name", [".work", ".state", "coverage", "tiles", "previews", "coverage/3f", "previews/00"])
def test_a_folder_that_is_a_link_is_refused(output, tmp_path, name) -> None:
    (tmp_path / "elsewhere").mkdir()
    (output / name).parent.mkdir(exist_ok=True)
    (output / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match=f"{name}'"):
        refuse(output)


@pytest.mark.parametrize("name", ["index.html", "run.json", "slides.parquet"])
def test_a_file_that_is_a_link_is_refused(output, tmp_path, name) -> None:
    (output / name).symlink_to(write(tmp_path / "elsewhere", b"mine"))
    with pytest.raises(ConfigurationError, match=name):
        refuse(output)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["index.html", "run.json", "slides.parquet", "failures.log"])
def test_a_fifo_is_refused_without_being_opened(output, name) -> None:
    os.mkfifo(output / name)
    with pytest.raises(ConfigurationError, match=name):
        refuse(output)


def test_all_files_of_others_are_named_at_once(output) -> None:
    for name in ("index.html", "run.json"):
        write(output / name, FOREIGN[name])
    with pytest.raises(ConfigurationError) as refused:
        refuse(output)
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "index-1.html",
        "previews/photo.png",
        "previews/mine.js",
        "coverage/mine.parquet",
        "coverage/01/mine.parquet",
        "previews/01/photo.png",
        "tiles/README",
        "data/run.json",
        ".state/notes.txt",
    ],
)
def test_files_under_names_that_no_run_writes_are_welcome(output, name) -> None:
    write(output / name, b"mine")
    refuse(output)


def test_a_page_that_names_the_program_is_not_one_of_it(output) -> None:
    write(output / "index.html", b"<html><head><title>Results of our ratiopath flows study</title></head></html>")
    with pytest.raises(ConfigurationError, match=r"index\.html"):
        refuse(output)


def test_without_previews_a_page_of_others_may_stay(output) -> None:
    write(output / "index.html", b"mine")
    refuse(output, previews=False)


def test_a_picture_of_others_under_the_name_of_a_slide_is_refused(output) -> None:
    (output / "previews").mkdir()
    Image.new("RGB", (9, 9)).save(output / "previews" / f"{SLIDE_ID}.png")
    with pytest.raises(ConfigurationError, match="is not a picture of this program"):
        refuse(output)


def test_the_folder_of_a_killed_run_is_ours(output) -> None:
    write(output / ".work" / ("a" * 32) / "grid" / "a.parquet", b"")
    refuse(output)


@pytest.mark.parametrize("stage", ["compute overlaps", "derive overlay paths"])
def test_a_log_of_the_version_before_is_ours(output, stage) -> None:
    write(output / "failures.log", f"1. '/s/a.tiff', {stage}: TruncatedError: a TIFF holds ...\n".encode())
    refuse(output)


def test_a_damaged_table_in_an_output_of_ours_is_ours(output) -> None:
    record = {"configuration": {}, "versions": {"ratiopath-flows": "1"}}
    write(output / "run.json", json.dumps(record).encode())
    write(output / "slides.parquet", b"PAR1 cut off")
    refuse(output)


def test_an_absent_output_is_welcome(tmp_path) -> None:
    refuse(tmp_path / "absent")


@pytest.mark.usefixtures("local_ray", "server")
def test_a_finished_output_is_ours_and_one_with_a_file_of_others_is_left_as_it_is(tmp_path) -> None:
    folder, output = tmp_path / "slides", tmp_path / "output"
    folder.mkdir()
    write_study(folder, "a", "b")
    (folder / "b_tissue.tiff").write_bytes(b"no mask")
    study.run(folder, previews=True)
    refuse(output)
    assert (output / "failures.log").read_text().startswith("ratiopath flows: failed slides\n1. ")
    write(output / "index.html", b"mine")
    before = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    shutil.rmtree(folder)
    folder.mkdir()
    error = study.run(folder, previews=True).result(raise_on_failure=False)
    assert isinstance(error, ConfigurationError)
    assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == before
