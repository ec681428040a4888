"""Searching folders for slides."""

import os

import pytest

from ratiopath.errors import SlideNotFoundError
from ratiopath.slides.paths import find_slides


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
