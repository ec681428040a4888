"""Tables of bounded length, suspicious slides first, and a report that no name can break."""

from typing import Any

import pytest
import yaml

from flows.records.run_record import Summary
from flows.reports.artifacts import PUT_ASIDE, REPORT, SLIDES
from flows.reports.prefect_progress import key_of
from flows.reports.run_report import MAX_ROWS, MAX_TEXT, MAX_YAML, report_text, shown_failures, shown_slides
from tests.support.study import TASKS, configured


def slide(name: str, *suspicions: str, **changes: Any) -> dict[str, Any]:
    row = {"slide_id": name, "path": f"/s/{name}.tiff", "tiles": 12, "kept": 5, "status": "new", "seconds": 0.567}
    return {**row, "tissue_mean": 0.123456, "tissue_mm2": 1.23456, "suspicions": list(suspicions), **changes}


def summary(**changes: Any) -> Summary:
    counts = {"found": 1234, "new": 1000, "changed": 200, "recomputed": 0, "unchanged": 30, "put_aside": 4, "gone": 0}
    return Summary(**{"output": "/o", **counts, "tolerated": 2.5, "tiles": 9, "kept": 8, **changes})


def test_suspicious_slides_come_first_then_those_that_were_measured() -> None:
    report = [
        slide("a"),
        slide("b", "nothing kept", seconds=None),
        slide("c", seconds=None),
        slide("d", "no tiles", "odd"),
    ]
    shown = shown_slides(report, ["tissue"])
    assert [row["slide"] for row in shown.rows] == ["/s/d.tiff", "/s/b.tiff", "/s/a.tiff", "/s/c.tiff"]
    assert shown.rows[0]["look at"] == "no tiles; odd"
    assert shown.rows[2] == {
        "slide": "/s/a.tiff", "look at": "", "tiles": 12, "kept": 5, "tissue mean": 0.1235, "tissue mm²": 1.235,
        "seconds": 0.57, "status": "new",
    }  # fmt: skip
    assert [shown.rows[1]["seconds"], shown.rows[3]["seconds"]] == [None, None]
    assert shown.description == "4 slides in the tables; 2 to look at, first"


def test_what_is_not_known_is_shown_as_nothing() -> None:
    [row] = shown_slides([slide("a", tissue_mean=None, tissue_mm2=None)], ["tissue"]).rows
    assert (row["tissue mean"], row["tissue mm²"]) == (None, None)


def test_a_table_is_cut_and_says_so() -> None:
    failures = [{"path": f"/{n}", "stage": TASKS[0], "error": "E", "message": "m"} for n in range(MAX_ROWS + 1)]
    shown, whole = shown_failures(failures), shown_failures(failures[:MAX_ROWS])
    assert (len(shown.rows), len(whole.rows)) == (MAX_ROWS, MAX_ROWS)
    assert shown.description == "501 slides put aside, the first 500 shown: failures.parquet holds all"
    assert whole.description == "500 slides put aside"


def test_a_suspicious_slide_is_shown_however_many_come_before_it() -> None:
    report = [*(slide(str(n)) for n in range(MAX_ROWS)), slide("last", "everything kept")]
    shown = shown_slides(report, ["tissue"])
    assert shown.rows[0]["slide"] == "/s/last.tiff"
    assert (
        shown.description
        == "501 slides in the tables, the first 500 shown: slides.parquet holds all; 1 to look at, first"
    )


def test_a_cell_is_one_line_of_bounded_length() -> None:
    [row] = shown_failures([{"path": "/a\nb", "stage": TASKS[0], "error": "E", "message": "x" * 10_000}]).rows
    assert row["slide"] == "/a b"
    assert (len(row["reason"]), row["reason"][-1]) == (MAX_TEXT, "…")


def test_the_report_counts_and_names_thresholds_times_and_the_configuration(folder) -> None:
    config = configured(folder, tolerate=0.25)
    lines = report_text(config, summary(), {"tile slides": 1.26}, 7, None).splitlines()
    assert "**4 of 1,234 slides were put aside**, 2.5 tolerated." in lines
    for line in (
        "| slides found | 1,234 |", "| to look at | 7 |", "| tiles kept | 8 |", "| keep | `tissue >= 0.5` |",
        "| tolerate | `0.25` |", "| tile slides | 1.3 |",
    ):  # fmt: skip
        assert line in lines
    written = "\n".join(lines[lines.index("```yaml") + 1 : -1])
    assert yaml.safe_load(written) == config.model_dump(mode="json")
    assert lines[-1] == "```"


def test_the_report_of_a_run_without_failures_says_so(folder) -> None:
    text = report_text(configured(folder, keep=None), summary(put_aside=0), {}, 0, None)
    assert "\n\nEvery slide found is in the tables.\n\n" in text
    assert "| keep | `all tiles` |" in text


@pytest.mark.parametrize(
    ("output", "shown"), [("/a|b", "`/a\\|b`"), ("/a`b", "`` /a`b ``"), ("/a``|\nb", "``` /a``\\| b ```")]
)
def test_no_name_breaks_out_of_its_cell(folder, output, shown) -> None:
    assert f"\n\nThe tables are in {shown}.\n\n" in report_text(configured(folder), summary(output=output), {}, 0, None)


def test_no_name_breaks_out_of_the_configuration(folder) -> None:
    text = report_text(configured(folder, exclude=["````", "\n```\n# x"]), summary(), {}, 0, None)
    opened = text.index("`````yaml\n")
    assert text.count("`````") == 2
    assert text.endswith("`````")
    assert opened > text.index("## Configuration")


def test_a_long_configuration_is_cut(folder) -> None:
    text = report_text(configured(folder, exclude=["x" * MAX_YAML]), summary(), {}, 0, None)
    assert len(text) < MAX_YAML + 2_000
    assert "characters more: see run.json\n```" in text


def test_keys_are_what_prefect_takes() -> None:
    assert key_of("Progress of Tile_slides!") == "progress-of-tile-slides"
    assert [key_of(key) for key in (SLIDES, PUT_ASIDE, REPORT)] == [SLIDES, PUT_ASIDE, REPORT]
