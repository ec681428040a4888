"""The review of a run: classes that match nothing, and slides to look at, in words and in run.json."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flows.records.review import Review
from schemas.slide_report import slide_report
from schemas.table import checked
from tests.support.study import configured

TUMOR = {"annotation": {"path": "x", "classes": {"tumor": ["1", "2"]}}}


def slide(name: str, mean: float | None, values: list[str], *suspicions: str) -> dict[str, Any]:
    row = {"slide_id": name.rjust(64, "0"), "path": f"/s/{name}.tiff", "status": "new", "seconds": 0.5, "tiles": 12}
    report = {
        "tumor_mean": mean,
        "tumor_mm2": mean,
        "values": [("annotation", values)],
        "suspicions": suspicions,
        "notes": [],
        "alignments": [],
    }
    return {**row, "kept": 5, **report}


def review(*slides: dict[str, Any], overlays: dict[str, Any] = TUMOR) -> Review:
    schema = slide_report(["tumor"])
    table = checked(pa.Table.from_pylist(list(slides), schema.arrow), schema)
    return Review.of(table, configured(Path("/s"), overlays=overlays, keep=None))


def test_a_class_that_occurs_everywhere_is_not_mentioned() -> None:
    assert review(slide("a", 0.5, ["0", "1"]), slide("b", 0.1, ["2"])).lines == []


def test_a_class_that_occurs_nowhere_is_named_with_the_values_that_do() -> None:
    found = review(slide("a", 0.0, ["0", "255"]), slide("b", 0.0, ["0"]))
    values = "1, 2 in none of 2 slides; overlay annotation has 0 (2 slides), 255 (1 slide)"
    hint = "hint: correct overlays.annotation.classes.tumor"
    assert found.lines == [f"class tumor matches nothing: {values}; {hint}"]


def test_a_class_that_some_slides_lack_is_named_with_the_values_of_these() -> None:
    found = review(slide("a", 0.0, ["0", "3"]), slide("b", 0.2, ["0", "1"]))
    expected = "class tumor: 1, 2 not in 1 of 2 slides; there overlay annotation has 0 (1 slide), 3 (1 slide)"
    assert found.lines == [expected]


def test_a_class_that_some_slides_lack_is_clean() -> None:
    assert review(slide("a", 0.0, ["0"]), slide("b", 0.2, ["1"])).is_clean


def test_a_class_that_matches_nothing_is_not_clean() -> None:
    assert not review(slide("a", 0.0, ["0"])).is_clean


def test_slides_without_the_overlay_do_not_count() -> None:
    assert review(slide("a", 0.5, ["1"]), slide("b", 0.0, []), slide("c", None, [])).lines == []


def test_a_class_whose_overlay_no_slide_has_matches_nothing() -> None:
    expected = ["class tumor matches nothing: no slide has pixels of overlay annotation"]
    assert review(slide("a", None, [])).lines == expected


def test_a_run_without_slides_is_clean() -> None:
    assert review().is_clean


def test_the_commonest_value_comes_first_and_at_most_ten_are_named() -> None:
    many = [str(number) for number in range(100, 130)]
    [found] = review(slide("a", 0.0, [*many, "7"]), slide("b", 0.0, ["7"])).absent
    assert found.found == (("7", 2), *((value, 1) for value in many[:9]))


def test_values_with_equally_many_slides_are_ordered_by_their_rank() -> None:
    [found] = review(slide("a", 0.0, ["9", "8"]), slide("b", 0.0, ["9", "8"])).absent
    assert found.found == (("9", 2), ("8", 2))


def test_slides_to_review_are_counted_by_reason() -> None:
    size = "overlay annotation differs in size: {} µm along x, the slide 9 µm"
    found = review(
        slide("a", 0.5, ["1"], "nothing kept", size.format(1), size.format(2)),
        slide("b", 0.5, ["1"], size.format(3)),
        slide("c", 0.5, ["1"]),
    )
    assert found.lines == [
        "2 of 3 slides to review: overlay annotation differs in size (2 slides), nothing kept (1 slide)"
    ]


def test_a_slide_to_review_is_not_clean() -> None:
    assert not review(slide("a", 0.5, ["1"], "nothing kept")).is_clean


@pytest.mark.parametrize(("count", "end"), [(10, "1009 in none"), (12, "1009 and 2 more in none")])
def test_a_class_of_many_values_is_named_by_ten_of_them(count, end) -> None:
    classes = {"tumor": list(range(1000, 1000 + count))}
    [line] = review(slide("a", 0.0, ["0"]), overlays={"annotation": {"path": "x", "classes": classes}}).lines
    assert end in line


def test_the_record_holds_counts_and_values() -> None:
    record = review(slide("a", 0.0, ["0"], "nothing kept")).to_json()
    assert record == {
        "to_review": 1,
        "reasons": {"nothing kept": 1},
        "absent_classes": [
            {
                "name": "tumor", "overlay": "annotation", "values": ("1", "2"), "slides": 1, "absent": 1,
                "found": [{"value": "0", "slides": 1}],
            }
        ],
    }  # fmt: skip


def test_a_label_of_a_file_cannot_control_the_terminal() -> None:
    assert all(line.isprintable() for line in review(slide("a", 0.0, ["0", "\x1b[2J"])).lines)
