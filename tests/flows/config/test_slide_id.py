"""Ids of slides: readable, stable, safe as names."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.config.model import CoverageConfig
from flows.config.slide_id import slide_id_of
from flows.storage.workspace import checked_id, is_slide_id
from tests.support.study import settings

CONFIG = CoverageConfig.model_validate(settings(Path("/s")))
OTHER = CoverageConfig.model_validate(settings(Path("/s"), tiling={"mpp": 0.5, "tile_extent": 32}))


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("/s/TCGA-02-0001.svs", "TCGA-02-0001"),
        ("/s/a.ome.tiff", "a"),
        ("/s/a b (1).svs", "a_b_1_"),
        ("/s/Příbram.svs", "Pribram"),
        ("/s/患者.svs", "slide"),
        ("/s/.hidden.svs", "hidden"),
        ("/s/-x.svs", "x"),
        (f"/s/{'x' * 200}.svs", "x" * 100),
    ],
)
def test_an_id_is_the_stem_and_twelve_digits(path: str, stem: str) -> None:
    assert re.fullmatch(f"{re.escape(stem)}-[0-9a-f]{{12}}", slide_id_of(path, CONFIG))


@given(st.text().filter(lambda text: "\0" not in text))
def test_an_id_is_safe_whatever_the_name(name: str) -> None:
    found = slide_id_of(f"/s/{name}", CONFIG)
    assert is_slide_id(found)
    assert checked_id(found) == found


def test_an_id_depends_on_path_and_tiling_alone() -> None:
    assert slide_id_of("/s/a.svs", CONFIG) == slide_id_of("/s/a.svs", CONFIG)
    assert len({slide_id_of(path, one) for path in ("/s/a.svs", "/t/a.svs") for one in (CONFIG, OTHER)}) == 4


@pytest.mark.parametrize("name", ["../a", "a/b", "", ".a", "_a", "a\n", "x" * 152])
def test_an_id_that_could_name_another_file_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no slide id"):
        checked_id(name)


@pytest.mark.parametrize("name", ["notes", "TCGA-02", "a-0123456789a", "a-0123456789AB", "0" * 64])
def test_names_of_other_files_are_no_derived_ids(name: str) -> None:
    assert not is_slide_id(name)
