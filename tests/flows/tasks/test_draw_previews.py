"""Pictures and the gallery, as runs leave them."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from flows.config.model import CoverageConfig
from flows.reports.previews.files import KEY
from tests.flows.reports.test_gallery import in_browser, shown
from tests.support.layouts import LAYOUTS, Raster
from tests.support.study import configured, names, random_labels, run, settings, write_mask, write_study

pytestmark = pytest.mark.usefixtures("local_ray", "server")


def pictures(output: Path) -> dict[str, tuple[int, str]]:
    """When each picture was written and what it says it shows, by file."""
    found = {}
    for path in (output / "previews").iterdir():
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


def test_previews_are_drawn_unless_they_are_switched_off(folder) -> None:
    given = settings(folder)
    del given["previews"]
    assert CoverageConfig.model_validate(given).previews
    assert not configured(folder).previews


@in_browser
def test_a_run_leaves_a_picture_of_each_slide_and_a_page_that_shows_them(folder, output) -> None:
    write_pyramids(folder, "a", "b")
    (folder / "broken.tiff").write_bytes(b"no image")
    run(folder, previews=True, tolerate=1)
    assert len(pictures(output)) == 2
    assert not (output / ".work").exists()
    page = (output / "index.html").read_text(encoding="utf-8")
    dom = shown(output, page)  # a picture that is not there would be a message on the console
    assert dom.count("<img") == 2
    assert all(f"previews/{name}" in dom for name in pictures(output))
    assert [dom.count(name) > 0 for name in ("a.tiff", "b.tiff", "broken.tiff")] == [True] * 3
    assert "NotAnImageError" in dom


def test_a_picture_is_drawn_again_only_when_it_would_show_something_else(folder, output) -> None:
    write_pyramids(folder, "a", "b")
    run(folder, previews=True)
    first = pictures(output)
    run(folder, previews=True)
    assert pictures(output) == first

    write_mask(folder / "b_tissue.tiff", random_labels(9, (0, 255), (48, 64)))
    run(folder, previews=True)
    second = pictures(output)
    assert len(second.items() & first.items()) == 1
    assert second.keys() == first.keys()

    run(folder, previews=True, keep="tissue >= 0.4")
    assert not pictures(output).items() & second.items()


def test_pictures_that_are_not_true_any_more_are_removed(folder, output) -> None:
    write_pyramids(folder, "a", "b", "c")
    run(folder, previews=True)
    kept = pictures(output)
    (folder / "a.tiff").unlink()
    os.truncate(folder / "b.tiff", 100)
    run(folder, previews=True, tolerate=1)
    assert names(output, "tiles") == {"a.tiff", "c.tiff"}  # a is gone: its rows stay, and so does its picture
    assert pictures(output).items() < kept.items()
    assert len(pictures(output)) == 2

    run(folder, tolerate=1)
    assert not (output / "previews").exists()
    assert not (output / "index.html").exists()


def test_a_slide_that_is_gone_is_nothing_to_warn_of(folder, output, caplog) -> None:
    write_pyramids(folder, "a", "b")
    run(folder, previews=True)
    (folder / "a.tiff").unlink()
    run(folder, previews=True, keep="tissue >= 0.4")
    assert names(output, "tiles") == {"a.tiff", "b.tiff"}
    assert len(pictures(output)) == 1
    assert not [record.message for record in caplog.records if "no picture of" in record.message]


def test_what_is_somebody_elses_stays(folder, output) -> None:
    write_study(folder, "a")
    (output / "previews" / "more").mkdir(parents=True)
    others = {output / "index.html": b"<h1>mine</h1>", output / "previews" / "notes.txt": b"mine"}
    others |= {output / "previews" / "more" / "a.png": b"mine"}
    for path, content in others.items():
        path.write_bytes(content)
    Image.new("RGB", (9, 9)).save(output / "previews" / "photo.png")
    run(folder)
    assert {path: path.read_bytes() for path in others} == others
    run(folder, previews=True)
    run(folder)
    assert sorted(os.listdir(output / "previews")) == ["more", "notes.txt", "photo.png"]


def test_a_slide_that_cannot_be_drawn_is_in_the_tables_all_the_same(folder, output, caplog) -> None:
    write_pyramids(folder, "a", "b")
    with tifffile.TiffFile(folder / "a.tiff") as tiff:
        page = tiff.pages[1]
        spans = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    with open(folder / "a.tiff", "r+b") as file:
        for offset, count in spans:
            file.seek(offset)
            file.write(b"\xff" * count)
    state = run(folder, previews=True)
    assert state.is_completed()
    assert names(output, "tiles") == {"a.tiff", "b.tiff"}
    assert len(pictures(output)) == 1
    [warning] = [record.message for record in caplog.records if "no picture of" in record.message]
    assert f"{folder}/a.tiff: TruncatedError" in warning
    assert (output / "index.html").read_text(encoding="utf-8").count('"picture": "previews/') == 1


def test_a_slide_of_sixteen_bits_is_drawn_without_its_pixels(folder, output) -> None:
    pixels = np.zeros((48, 64), np.uint16)
    LAYOUTS["deflate"].write(folder / "a.tiff", Raster((pixels, pixels[::2, ::2]), (0.5, 0.5)))
    write_mask(folder / "a_tissue.tiff", random_labels(0, (0, 255)))
    write_mask(folder / "a_classes.ome.tiff", random_labels(1, (0, 1, 2, 3)))
    assert run(folder, previews=True).is_completed()
    assert len(pictures(output)) == 1


def test_a_study_of_single_levels_is_drawn_too(folder, output) -> None:
    write_study(folder, "a")
    run(folder, previews=True)
    assert len(pictures(output)) == 1
