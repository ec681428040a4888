"""Paths of an output's files in each layout, and subfolders that go with their last file."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from flows.records.masks import is_inside, remove_masks
from flows.storage.workspace import Workspace, subfolder_of

SLIDE_ID = "a-3f9c1e0b2d4a"


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return replace(Workspace.at(str(tmp_path)), layout="subfolders")


def write(path: str, content: bytes = b"") -> Path:
    made = Path(path)
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_bytes(content)
    return made


@pytest.mark.parametrize(
    ("slide_id", "subfolder"),
    [("TCGA-02_1_-3f9c1e0b2d4a", "3f"), ("a.b-00ffffffffff", "00"), ("S-1", "66"), ("a-3F9c1e0b2d4a", "01")],
)
def test_a_subfolder_is_named_by_the_first_two_digits_of_the_id(slide_id, subfolder) -> None:
    assert subfolder_of(slide_id) == subfolder


def test_an_id_that_could_name_a_file_elsewhere_is_refused(workspace) -> None:
    with pytest.raises(ValueError, match="is no slide id"):
        workspace.of_slide("tiles", "../tiles")


@pytest.mark.parametrize("folder", ["coverage", "tiles", "previews", "tissue"])
def test_a_new_file_has_its_place_by_the_layout(tmp_path, folder) -> None:
    names = {}
    for layout in ("flat", "subfolders", "mixed"):
        names[layout] = replace(Workspace.at(str(tmp_path)), layout=layout).name_of(folder, SLIDE_ID).split("/")[:-1]
    assert names == {"flat": [folder], "subfolders": [folder, "3f"], "mixed": [folder, "3f"]}


def test_a_mask_stays_where_it_is(tmp_path, workspace) -> None:
    flat = write(f"{tmp_path}/tissue/{SLIDE_ID}.tiff")
    write(f"{tmp_path}/coverage/{SLIDE_ID}.parquet")
    assert workspace.of_slide("tissue", SLIDE_ID) == str(flat)
    assert workspace.name_of("coverage", SLIDE_ID) == f"coverage/3f/{SLIDE_ID}.parquet"
    flat.unlink()
    assert workspace.name_of("tissue", SLIDE_ID) == f"tissue/3f/{SLIDE_ID}.tiff"


@pytest.mark.parametrize(("name", "found"), [("tissue/a.tiff", True), ("tissue/3f/a.tiff", True), ("a.tiff", False),
                                             ("3f/a.tiff", False), ("tissue/3f/3f/a.tiff", False)])  # fmt: skip
def test_a_mask_is_known_by_its_folder(workspace, name, found) -> None:
    assert is_inside(workspace.published(name), workspace) is found


def test_a_subfolder_goes_with_its_last_file_and_other_folders_stay(workspace) -> None:
    mask = b'{"ratiopath.mask_of"'
    first, second = (write(workspace.of_slide("tissue", f"{name}-3f9c1e0b2d4a"), mask) for name in "ab")
    others = write(workspace.of_slide("tissue", "c-3f9c1e0b2d4a"), b"mine")
    alone = write(workspace.of_slide("tissue", "d-009c1e0b2d4a"), mask)
    remove_masks(workspace, but=pa.array([first.stem]))
    assert (first.exists(), second.exists(), others.exists(), alone.parent.exists()) == (True, False, True, False)
    others.unlink()
    remove_masks(workspace, but=pa.array([], pa.string()))
    assert not first.parent.exists()
    assert first.parent.parent.exists()
