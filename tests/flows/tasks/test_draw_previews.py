"""Pictures and the gallery after a run."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import tifffile
from PIL import Image

from flows.config.model import CoverageConfig
from flows.reports.previews.files import KEY
from tests.flows.reports.test_gallery import in_browser, shown
from tests.support.layouts import LAYOUTS, Raster
from tests.support.study import names, random_labels, run, settings, write_mask, write_study

pytestmark = pytest.mark.usefixtures("local_ray", "server")


def pictures(output: Path) -> dict[str, tuple[int, str]]:
    """Time of change and recorded source of each picture, by file."""
    found = {}
    for path in (output / "previews").glob("*.png"):
        with Image.open(path) as image:
            image.load()
            assert image.format == "PNG"
            found[path.name] = (path.stat().st_mtime_ns, image.info[KEY])
    return found


def write_pyramid(path: Path, seed: int = 0) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    LAYOUTS["deflate"].write(path, Raster((pixels, pixels[::2, ::2]), (0.5, 0.5)))


def write_pyramids(folder: Path, *slides: str) -> None:
    for seed, name in enumerate(slides):
        write_pyramid(folder / f"{name}.tiff", seed)
        write_mask(folder / f"{name}_tissue.tiff", random_labels(seed, (0, 255), (48, 64)))
        write_mask(folder / f"{name}_classes.ome.tiff", random_labels(seed + 100, (0, 1, 2, 3), (48, 64)))


def remove_slide(folder: Path, name: str) -> None:
    """Remove a slide and its masks, which would be taken for slides."""
    for path in folder.glob(f"{name}*"):
        path.unlink()


def damage_second_level(path: Path) -> None:
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[1]
        spans = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    with open(path, "r+b") as file:
        for offset, count in spans:
            file.seek(offset)
            file.write(b"\xff" * count)


def warnings_in(caplog) -> list[str]:
    """Warnings of missing pictures."""
    return [record.message for record in caplog.records if "no picture of" in record.message]


def test_previews_are_on_by_default(folder) -> None:
    given = settings(folder)
    del given["previews"]
    assert CoverageConfig.model_validate(given).previews


@pytest.fixture(scope="module")
def first_output(local_ray, server, tmp_path_factory) -> Path:
    """Output of a run on two good slides and one that fails."""
    folder = tmp_path_factory.mktemp("first") / "slides"
    folder.mkdir()
    write_pyramids(folder, "a", "b")
    (folder / "broken.tiff").write_bytes(b"no image")
    run(folder, previews=True, tolerate=1)
    return folder.parent / "output"


@pytest.fixture(scope="module")
def dom(first_output) -> str:
    """The page of that run in a browser; a picture that is missing would be a message on the console."""
    return shown(first_output, (first_output / "index.html").read_text(encoding="utf-8"))


class TestFirstRun:
    def test_each_slide_in_the_tables_has_a_picture(self, first_output) -> None:
        assert len(pictures(first_output)) == 2

    def test_each_picture_has_a_script_with_the_shares_of_all_tiles(self, first_output) -> None:
        for picture in pictures(first_output):
            script = (first_output / "previews" / picture).with_suffix(".js").read_text()
            name = picture.removesuffix(".png")
            content = json.loads(script.split(f'tileShares("{name}", ')[1].removesuffix(");\n"))
            tiles = pq.read_metadata(first_output / "coverage" / f"{name}.parquet").num_rows
            assert {sum(counts) for counts in content["histograms"]} == {tiles}

    def test_no_unfinished_files_are_left(self, first_output) -> None:
        assert not (first_output / ".work").exists()

    @in_browser
    def test_the_page_shows_each_picture(self, first_output, dom) -> None:
        assert set(re.findall(r'<img[^>]*src="previews/([^"]*)"', dom)) == set(pictures(first_output))

    @in_browser
    @pytest.mark.parametrize("name", ["a.tiff", "b.tiff", "broken.tiff"])
    def test_the_page_names_every_slide(self, dom, name) -> None:
        assert f">{name}</h2>" in dom

    @in_browser
    def test_the_page_shows_the_error_of_a_failed_slide(self, dom) -> None:
        assert "discover slides: UnsupportedFormatError: " in dom.split("</main>")[0]


class TestNextRun:
    @pytest.fixture
    def before(self, folder, output) -> dict[str, tuple[int, str]]:
        write_pyramids(folder, "a", "b")
        run(folder, previews=True)
        return pictures(output)

    def test_current_pictures_are_not_drawn_again(self, folder, output, before) -> None:
        run(folder, previews=True)
        assert pictures(output) == before

    def test_a_picture_without_its_script_is_drawn_again(self, folder, output, before) -> None:
        script = next((output / "previews").glob("a-*.js"))
        content = script.read_bytes()
        script.unlink()
        run(folder, previews=True)
        assert script.read_bytes() == content
        assert len(pictures(output).items() & before.items()) == 1

    def test_another_overlay_changes_the_picture_of_its_slide_only(self, folder, output, before) -> None:
        write_mask(folder / "b_tissue.tiff", random_labels(9, (0, 255), (48, 64)))
        run(folder, previews=True)
        after = pictures(output)
        assert after.keys() == before.keys()
        assert len(after.items() & before.items()) == 1

    def test_another_threshold_changes_every_picture(self, folder, output, before) -> None:
        run(folder, previews=True, keep="tissue >= 0.4")
        assert not pictures(output).items() & before.items()

    def test_the_picture_of_a_slide_that_is_gone_stays_with_its_rows(self, folder, output, before) -> None:
        remove_slide(folder, "a")
        assert run(folder, previews=True).is_completed()
        assert names(output, "tiles") == {"a.tiff", "b.tiff"}
        assert pictures(output) == before

    def test_the_picture_of_a_slide_that_fails_now_is_removed(self, folder, output, before) -> None:
        os.truncate(folder / "b.tiff", 100)
        run(folder, previews=True, tolerate=1)
        assert len(pictures(output)) == len(list((output / "previews").glob("*.js"))) == 1
        assert pictures(output).items() < before.items()

    @pytest.mark.parametrize("name", ["previews", "index.html"])
    def test_pictures_and_page_are_removed_if_previews_are_off(self, folder, output, before, name) -> None:
        run(folder, previews=False)
        assert not (output / name).exists()

    def test_an_outdated_picture_of_a_slide_that_is_gone_is_removed(self, folder, output, before) -> None:
        remove_slide(folder, "a")
        run(folder, previews=True, keep="tissue >= 0.4")
        assert names(output, "tiles") == {"a.tiff", "b.tiff"}
        assert len(pictures(output)) == 1

    def test_a_slide_that_is_gone_causes_no_warning(self, folder, before, caplog) -> None:
        remove_slide(folder, "a")
        run(folder, previews=True, keep="tissue >= 0.4")
        assert warnings_in(caplog) == []


class TestFilesOfOthers:
    @pytest.fixture
    def others(self, output) -> dict[Path, bytes]:
        (output / "previews" / "more").mkdir(parents=True)
        files = {"index.html": b"<h1>mine</h1>", "previews/notes.txt": b"mine", "previews/more/a.png": b"mine"}
        for name, content in files.items():
            (output / name).write_bytes(content)
        Image.new("RGB", (9, 9)).save(output / "previews" / "photo.png")
        return {output / name: content for name, content in files.items()}

    def test_they_stay_if_previews_are_off(self, folder, others) -> None:
        write_study(folder, "a")
        run(folder, previews=False)
        assert {path: path.read_bytes() for path in others} == others

    def test_only_pictures_of_runs_are_removed_from_their_folder(self, folder, output, others) -> None:
        write_study(folder, "a")
        run(folder, previews=True)
        run(folder, previews=False)
        assert sorted(os.listdir(output / "previews")) == ["more", "notes.txt", "photo.png"]


class TestSlideThatCannotBeDrawn:
    @pytest.fixture
    def study(self, folder) -> Path:
        write_pyramids(folder, "a", "b")
        damage_second_level(folder / "a.tiff")
        return folder

    def test_it_is_in_the_tables_all_the_same(self, study, output) -> None:
        assert run(study, previews=True).is_completed()
        assert names(output, "tiles") == {"a.tiff", "b.tiff"}

    def test_it_causes_a_warning_with_its_error(self, study, caplog) -> None:
        run(study, previews=True)
        [warning] = warnings_in(caplog)
        assert f"{study}/a.tiff: TruncatedError" in warning

    def test_the_page_shows_the_other_picture_only(self, study, output) -> None:
        run(study, previews=True)
        page = (output / "index.html").read_text(encoding="utf-8")
        assert page.count('"picture": "previews/') == len(pictures(output)) == 1


def test_a_slide_of_sixteen_bits_is_drawn_without_its_pixels(folder, output) -> None:
    pixels = np.zeros((48, 64), np.uint16)
    LAYOUTS["deflate"].write(folder / "a.tiff", Raster((pixels, pixels[::2, ::2]), (0.5, 0.5)))
    write_mask(folder / "a_tissue.tiff", random_labels(0, (0, 255)))
    write_mask(folder / "a_classes.ome.tiff", random_labels(1, (0, 1, 2, 3)))
    run(folder, previews=True)
    assert len(pictures(output)) == 1


def test_a_slide_of_one_level_is_drawn_without_its_pixels(folder, output) -> None:
    write_study(folder, "a")
    run(folder, previews=True)
    assert len(pictures(output)) == 1
