"""Searching folders for slides."""

import os
import time

import pytest

from ratiopath.errors import SlideNotFoundError
from ratiopath.slides.paths import Exclusion, find_slides


def test_links_to_folders_are_followed_once(tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "a.svs").touch()
    (tmp_path / "slides").mkdir()
    (tmp_path / "slides" / "case").symlink_to(tmp_path / "archive")
    (tmp_path / "archive" / "back").symlink_to(tmp_path / "slides")

    assert find_slides(tmp_path / "slides") == [str(tmp_path / "slides" / "case" / "a.svs")]


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)  # root may list anything

    with pytest.raises(
        SlideNotFoundError, match=r"cannot list folder .*: permission denied; hint: check its permissions"
    ):
        find_slides(tmp_path)


@pytest.mark.parametrize(
    "pattern", ["*a" * 40 + "b", "**/" * 100 + "x", "[a-z]*" * 60 + "!", "?" * 900 + "*" * 90 + "z"]
)
def test_a_pattern_takes_linear_time(pattern: str) -> None:
    exclusion = Exclusion.of([pattern], ["/slides"])
    began = time.process_time()
    assert f"/slides/{'a/' * 60}{'a' * 240}.svs" not in exclusion
    assert time.process_time() - began < 5


def test_a_name_that_is_not_utf8_is_matched_by_the_rest_of_its_name() -> None:
    exclusion = Exclusion.of(["*_mask.tiff"], ["/slides"])
    names = [b"\xff_mask.tiff", b"\xff.tiff"]
    assert [f"/slides/{os.fsdecode(name)}" in exclusion for name in names] == [True, False]
