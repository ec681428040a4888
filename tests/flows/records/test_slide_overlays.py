"""Overlays that are there, that are missing, and that are behind a link that leads nowhere."""

from functools import partial
from pathlib import Path

import pytest

from flows.records.fingerprints import fingerprint
from flows.records.slide_overlays import find_overlays
from ratiopath.errors import SlideNotFoundError
from tests.support.study import configured


def find(slide: Path, template: str, missing: str) -> object:
    overlays = {"tissue": {"path": template, "classes": {"tissue": [255]}, "missing": missing}}
    config = configured(slide.parent, overlays=overlays, keep=None)
    ask = partial(fingerprint, by_content=False)
    return find_overlays({"path": str(slide)}, config, config.slide_folders, ask)[1]["tissue"]


@pytest.mark.parametrize("missing", ["null", "zero"])
def test_an_overlay_that_is_missing_is_none(tmp_path, missing) -> None:
    assert find(tmp_path / "a.tiff", f"{tmp_path}/masks/{{stem}}.tiff", missing) is None


@pytest.mark.parametrize("missing", ["fail", "null", "zero"])
def test_an_overlay_that_is_a_link_to_nowhere_fails_its_slide(tmp_path, missing) -> None:
    (tmp_path / "a_mask.tiff").symlink_to("nowhere.tiff")
    with pytest.raises(SlideNotFoundError, match=r"a_mask\.tiff': it is a link that leads nowhere; hint: check where"):
        find(tmp_path / "a.tiff", "{dir}/{stem}_mask.tiff", missing)


@pytest.mark.parametrize("missing", ["fail", "null", "zero"])
def test_an_overlay_in_a_folder_behind_a_link_to_nowhere_fails_its_slide(tmp_path, missing) -> None:
    (tmp_path / "masks").symlink_to("unmounted")
    with pytest.raises(SlideNotFoundError, match=r"a\.tiff': '.*/masks' is a link that leads nowhere; hint: check"):
        find(tmp_path / "a.tiff", f"{tmp_path}/masks/of/{{stem}}.tiff", missing)


@pytest.mark.parametrize("missing", ["fail", "null", "zero"])
def test_an_overlay_whose_uri_may_hold_a_credential_fails_its_slide(tmp_path, missing) -> None:
    with pytest.raises(SlideNotFoundError, match=r"path of overlay tissue of .* cannot be used: a URI has a user"):
        find(tmp_path / "x:y@z.tiff", "s3://masks/{stem}.tiff", missing)


@pytest.mark.parametrize("missing", ["null", "zero"])
def test_an_overlay_that_is_missing_on_a_store_is_none(tmp_path, missing) -> None:
    assert find(tmp_path / "a.tiff", "memory://nowhere/{stem}.tiff", missing) is None
