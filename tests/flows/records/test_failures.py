"""Slides that cannot be measured: named, with stage and reason, while the others go on."""

import os
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from prefect.client.schemas.objects import State

from flows.records.run_record import PutAsideError
from tests.support.study import (
    failures,
    names,
    random_labels,
    run,
    settings,
    truncate,
    write_mask,
    write_slide,
    write_slide_without_mpp,
    write_study,
)

pytestmark = pytest.mark.usefixtures("local_ray", "server")


def write_broken(folder: Path) -> Path:
    """Write a good slide among bad ones."""
    write_study(folder, "good", "bare", "under_text", "under_cut")
    write_slide_without_mpp(folder / "no_mpp.tiff")
    (folder / "text.tiff").write_text("not an image")
    truncate(write_slide(folder / "cut.tiff", size=(480, 640)), 0.01)
    (folder / "bare_tissue.tiff").unlink()
    (folder / "under_text_tissue.tiff").write_text("not an image")
    truncate(folder / "under_cut_tissue.tiff", 0.5)
    return folder


@pytest.fixture
def broken(folder) -> Path:
    return write_broken(folder)


class TestOneGoodSlideAmongSix:
    @pytest.fixture(scope="class")
    @classmethod
    def slides(cls, tmp_path_factory) -> Path:
        return write_broken(tmp_path_factory.mktemp("broken") / "slides")

    @pytest.fixture(scope="class")
    @classmethod
    def state(cls, slides, local_ray, server) -> State:
        return run(slides)

    @pytest.fixture(scope="class")
    @classmethod
    def tables(cls, state, slides) -> Path:
        return slides.parent / "output"

    def test_fails_the_run(self, state) -> None:
        assert (state.type.value, state.name) == ("FAILED", "PutAside")

    def test_raises_an_error_with_their_number(self, state) -> None:
        with pytest.raises(PutAsideError, match="6 put aside"):
            state.result()

    def test_is_counted_in_the_message(self, state) -> None:
        assert state.message.startswith("1 of 7 slides in the tables, 6 put aside; ")

    def test_is_followed_in_the_message_by_the_tolerance(self, state) -> None:
        assert state.message.endswith("0 tolerated: see failures.parquet for each slide and reason")

    def test_leaves_each_failure_with_its_task_and_error(self, tables) -> None:
        assert {name: failure[:2] for name, failure in failures(tables).items()} == {
            "no_mpp.tiff": ("discover slides", "MissingMppError"),
            "text.tiff": ("discover slides", "UnsupportedFormatError"),
            "cut.tiff": ("discover slides", "TruncatedError"),
            "bare.tiff": ("derive overlay paths", "OverlayNotFoundError"),
            "under_text.tiff": ("compute overlaps", "UnsupportedFormatError"),
            "under_cut.tiff": ("compute overlaps", "TruncatedError"),
        }

    @pytest.mark.parametrize(
        ("slide", "message"),
        [
            ("no_mpp.tiff", "hint: set slide_mpp, or tile by level, which suffices without overlays"),
            ("bare.tiff", "bare_tissue.tiff"),
            ("bare.tiff", "correct overlays.tissue.path, or set overlays.tissue.missing to null or zero"),
            ("under_text.tiff", "under_text_tissue.tiff"),
        ],
    )
    def test_leaves_messages_that_name_file_and_remedy(self, tables, slide, message) -> None:
        assert message in failures(tables)[slide][2]

    @pytest.mark.parametrize("table", ["coverage", "tiles"])
    def test_is_alone_in_the_tables(self, tables, table) -> None:
        assert names(tables, table) == {"good.tiff"}

    def test_is_listed_with_all_readable_slides(self, tables) -> None:
        assert names(tables, "slides.parquet") == {"good.tiff", "bare.tiff", "under_text.tiff", "under_cut.tiff"}


def test_the_log_has_the_traceback_of_every_slide_put_aside(broken, output) -> None:
    run(broken)
    entries = re.split(r"^(?=\d+\. ')", (output / "failures.log").read_text(), flags=re.MULTILINE)[1:]
    for name, (stage, error, message) in failures(output).items():
        text, number = re.fullmatch(r"(.*) \[failures\.log, no\. (\d+)\]", message).groups()
        entry = entries[int(number) - 1]
        assert entry.startswith(
            f"{number}. '{broken}/{name}', {stage}: {error}: {text}\nTraceback (most recent call last):"
        )
        assert re.search("flows/(records|tasks)/", entry)
    for path in broken.iterdir():
        path.unlink()
    write_study(broken, "good")
    assert run(broken).is_completed()
    assert not (output / "failures.log").exists()


@pytest.mark.parametrize(("tolerate", "is_completed"), [(6, True), (0.85, False)])
def test_tolerated_slides_do_not_fail_the_run(broken, tolerate: float, is_completed: bool) -> None:
    state = run(broken, tolerate=tolerate)
    assert state.is_completed() == is_completed
    assert "6 put aside" in state.message


def test_a_slide_is_put_aside_once_for_its_first_reason(folder, output) -> None:
    write_study(folder, "a")
    for name in ("a_tissue.tiff", "a_classes.ome.tiff"):
        (folder / name).unlink()
    assert run(folder).name == "PutAside"
    [(stage, _, message)] = failures(output).values()
    assert (stage, "has no overlay tissue" in message) == ("derive overlay paths", True)


@pytest.mark.parametrize(("missing", "share", "kept"), [("null", None, 12), ("zero", 0.0, 24)])
def test_a_missing_overlay_may_be_null_or_zero(folder, output, missing: str, share: float | None, kept: int) -> None:
    write_study(folder, "a", "b")
    (folder / "a_tissue.tiff").unlink()
    overlays = settings(folder)["overlays"]
    overlays["tissue"]["missing"] = missing
    assert run(folder, overlays=overlays, keep="tissue >= 0").is_completed()
    rows = [row for row in pq.read_table(output / "coverage").to_pylist() if row["path"].endswith("a.tiff")]
    assert {(row["tissue"], row["tissue_path"], row["tissue_inside"]) for row in rows} == {(share, None, 0.0)}
    assert pq.read_table(output / "tiles").num_rows == kept


def test_a_slide_put_aside_leaves_the_tables(folder, output) -> None:
    write_study(folder, "a", "b")
    run(folder)
    (folder / "a_tissue.tiff").unlink()
    assert run(folder).name == "PutAside"
    assert names(output, "coverage") == {"b.tiff"}
    write_study(folder, "a")
    assert run(folder).is_completed()
    assert names(output, "coverage") == {"a.tiff", "b.tiff"}
    assert failures(output) == {}


def test_a_name_that_is_no_text_is_put_aside(folder, output) -> None:
    write_study(folder, "a")
    with open(os.fsencode(folder) + b"/b\xff.tiff", "wb"):
        pass
    assert run(folder).name == "PutAside"
    [(name, failure)] = failures(output).items()
    assert (name, failure[:2]) == ("b\\udcff.tiff", ("discover slides", "UnicodeEncodeError"))
    assert failure[2].endswith("is not UTF-8; hint: rename the file [failures.log, no. 1]")


def test_a_level_needs_no_mpp_but_an_overlay_of_another_shape_does(folder, output) -> None:
    write_slide_without_mpp(folder / "a.tiff")
    write_mask(folder / "a_tissue.tiff", random_labels(1, (0, 255), (32, 24)))
    write_mask(folder / "a_classes.ome.tiff", random_labels(1, (0, 3)))
    assert run(folder, tiling={"level": 0, "tile_extent": 16}).name == "PutAside"
    assert failures(output)["a.tiff"][:2] == ("compute overlaps", "MissingMppError")
    run(folder, tiling={"level": 1, "tile_extent": 16})
    assert failures(output)["a.tiff"][:2] == ("discover slides", "UnsupportedImageError")


def test_a_template_does_not_leave_the_folders_of_the_configuration(folder, output, tmp_path) -> None:
    write_study(folder / "a", "slide")
    masks = tmp_path / "masks"
    write_mask(masks / "slide.tiff", random_labels(0, (0, 255)))
    write_mask(folder / "masks" / "slide.tiff", random_labels(0, (0, 255)))

    def over(template: str) -> dict[str, object]:
        return {
            "overlays": {"tissue": {"path": template, "classes": {"tissue": [255]}}},
            "exclude": ["masks/*", "*_*"],
        }

    assert run(folder, **over("{dir}/../../masks/{stem}.tiff")).name == "PutAside"
    stage, error, message = failures(output)["slide.tiff"]
    assert (stage, error) == ("derive overlay paths", "OverlayOutsideError")
    assert f"write overlays.tissue.path as an absolute path, such as '{masks}/{{stem}}.tiff'" in message
    assert run(folder, **over(f"{masks}/{{stem}}.tiff")).is_completed()
    assert run(folder, **over("{dir}/../masks/{stem}.tiff")).is_completed()  # it is in the folder of the slides
