"""The report on a run: tables of bounded length, slides to review first, and text that no name can break."""

from typing import Any

import pyarrow as pa
import pytest
import yaml

from flows.records.review import Review
from flows.records.run_record import Summary
from flows.reports.artifacts import FAILED, REPORT, SLIDES
from flows.reports.prefect_progress import artifact_key
from flows.reports.run_report import MAX_ROWS, MAX_TEXT, MAX_YAML, render_report, tabulate_failures, tabulate_slides
from schemas.failures import FAILURES
from tests.support.study import configured


def slide(name: str, *suspicions: str, mean: float | None = 0.123456, mm2: float | None = 1.23456, **changes: Any):
    row = {"slide_id": name, "path": f"/s/{name}.tiff", "status": "new", "seconds": 0.567, "tiles": 12, "kept": 5}
    row |= {"suspicions": list(suspicions), "notes": [], "alignments": []}
    return {**row, "tissue_mean": mean, "tissue_mm2": mm2, **changes}


def failed(path: str, message: str = "m") -> dict[str, str]:
    return {"path": path, "stage": "discover slides", "error": "E", "message": message}


def summary(**changes: Any) -> Summary:
    counts = {"found": 1234, "new": 1000, "changed": 200, "recomputed": 70, "unchanged": 30, "put_aside": 4, "gone": 0}
    return Summary(**{"output": "/o", **counts, "tolerated": 2.5, "tiles": 9, "kept": 8, **changes})


class TestTableOfSlides:
    def test_slides_to_review_come_first_then_those_that_were_measured(self) -> None:
        slides = [
            slide("a"),
            slide("b", "nothing kept", seconds=None),
            slide("c", seconds=None),
            slide("d", "no tiles"),
        ]
        rows = tabulate_slides(pa.Table.from_pylist(slides), ["tissue"]).rows
        assert [row["slide"] for row in rows] == ["/s/d.tiff", "/s/b.tiff", "/s/a.tiff", "/s/c.tiff"]

    def test_a_row_holds_counts_and_rounded_numbers(self) -> None:
        expected = {
            "slide": "/s/a.tiff", "review": "", "notes": "", "tiles": 12, "kept": 5,
            "tissue, % of tiles": 12.35, "tissue, mm²": 1.235,
            "seconds": 0.57, "status": "new",
        }  # fmt: skip
        assert tabulate_slides(pa.Table.from_pylist([slide("a")]), ["tissue"]).rows == [expected]

    def test_all_reasons_to_review_a_slide_are_in_its_row(self) -> None:
        [row] = tabulate_slides(pa.Table.from_pylist([slide("a", "no tiles", "odd")]), ["tissue"]).rows
        assert row["review"] == "no tiles; odd"

    def test_unknown_numbers_stay_empty(self) -> None:
        [row] = tabulate_slides(pa.Table.from_pylist([slide("a", mean=None, mm2=None, seconds=None)]), ["tissue"]).rows
        assert (row["tissue, % of tiles"], row["tissue, mm²"], row["seconds"]) == (None, None, None)

    def test_shares_of_the_tissue_stand_beside_those_of_the_tiles(self) -> None:
        [row] = tabulate_slides(
            pa.Table.from_pylist([slide("a", tumor_mean=0.01, tumor_mm2=0.61728)]), ["tissue", "tumor"]
        ).rows
        shares = {name: value for name, value in row.items() if name.endswith(("% of tiles", "% of tissue"))}
        assert shares == {"tissue, % of tiles": 12.35, "tumor, % of tiles": 1.0, "tumor, % of tissue": 50.0}

    def test_the_description_counts_slides_to_review(self) -> None:
        table = tabulate_slides(pa.Table.from_pylist([slide("a"), slide("b", "no tiles")]), ["tissue"])
        assert table.description == "2 slides in the tables; 1 to review, listed first"

    def test_a_slide_to_review_is_listed_however_many_come_before_it(self) -> None:
        slides = [*(slide(str(n)) for n in range(MAX_ROWS)), slide("last", "everything kept")]
        assert tabulate_slides(pa.Table.from_pylist(slides), ["tissue"]).rows[0]["slide"] == "/s/last.tiff"

    def test_the_description_of_a_cut_table_names_the_file_with_all_rows(self) -> None:
        table = tabulate_slides(pa.Table.from_pylist([slide(str(n)) for n in range(MAX_ROWS + 1)]), ["tissue"])
        expected = (
            "501 slides in the tables, the first 500 shown (all are in slides.parquet); 0 to review, listed first"
        )
        assert table.description == expected


class TestTableOfFailedSlides:
    def test_a_whole_table_is_described_by_its_count(self) -> None:
        assert (
            tabulate_failures(FAILURES.table([failed(f"/{n}") for n in range(MAX_ROWS)])).description
            == "500 failed slides"
        )

    def test_a_long_table_is_cut(self) -> None:
        assert len(tabulate_failures(FAILURES.table([failed(f"/{n}") for n in range(MAX_ROWS + 1)])).rows) == MAX_ROWS

    def test_the_description_of_a_cut_table_names_the_file_with_all_rows(self) -> None:
        table = tabulate_failures(FAILURES.table([failed(f"/{n}") for n in range(MAX_ROWS + 1)]))
        assert table.description == "501 failed slides, the first 500 shown (all are in failures.parquet)"

    def test_a_row_names_the_task_and_the_error(self) -> None:
        expected = {"slide": "/a", "task": "discover slides", "error": "E", "reason": "m"}
        assert tabulate_failures(FAILURES.table([failed("/a")])).rows == [expected]

    def test_a_cell_is_one_line(self) -> None:
        assert tabulate_failures(FAILURES.table([failed("/a\nb")])).rows[0]["slide"] == "/a b"

    def test_a_name_that_changes_direction_has_an_escape(self) -> None:
        assert tabulate_failures(FAILURES.table([failed("/a\u202eb")])).rows[0]["slide"] == r"/a\u202eb"

    def test_a_long_cell_is_cut(self) -> None:
        [row] = tabulate_failures(FAILURES.table([failed("/a", "x" * 10_000)])).rows
        assert row["reason"] == "x" * (MAX_TEXT - 1) + "…"


class TestReport:
    @pytest.mark.parametrize(
        "line",
        [
            "| slides found | 1,234 |", "| failed | 4 |", "| recomputed | 70 |", "| to review | 7 |",
            "| tiles kept | 8 |", "| keep | `tissue >= 0.5` |", "| tolerate | `0.25` |", "| tile slides | 1.3 |",
        ],
    )  # fmt: skip
    def test_counts_thresholds_and_times_are_listed(self, folder, line) -> None:
        report = render_report(
            configured(folder, tolerate=0.25), summary(review=Review(9, 7)), {"tile slides": 1.26}, None
        )
        assert line in report.splitlines()

    def test_the_configuration_is_valid_yaml(self, folder) -> None:
        config = configured(folder)
        lines = render_report(config, summary(), {}, None).splitlines()
        written = "\n".join(lines[lines.index("```yaml") + 1 : -1])
        assert yaml.safe_load(written) == config.model_dump(mode="json")

    def test_failed_slides_are_counted_at_the_top(self, folder) -> None:
        report = render_report(configured(folder), summary(), {}, None)
        assert "\n\n**4 of 1,234 slides failed** (tolerated: 2.5).\n\n" in report

    def test_findings_to_review_are_listed(self, folder) -> None:
        review = Review(3, 2, {"nothing kept": 2})
        report = render_report(configured(folder), summary(review=review), {}, None)
        assert "\n\n## Review\n\n- 2 of 3 slides to review: nothing kept (2 slides)\n\n" in report

    def test_a_clean_run_has_no_section_to_review(self, folder) -> None:
        assert "## Review" not in render_report(configured(folder), summary(), {}, None)

    def test_a_run_without_failed_slides_says_so(self, folder) -> None:
        report = render_report(configured(folder), summary(put_aside=0), {}, None)
        assert "\n\nEvery slide found is in the tables.\n\n" in report

    def test_no_filter_keeps_all_tiles(self, folder) -> None:
        assert "| keep | `all tiles` |" in render_report(configured(folder, keep=None), summary(), {}, None)

    @pytest.mark.parametrize(
        ("output", "shown"), [("/a|b", "`/a\\|b`"), ("/a`b", "`` /a`b ``"), ("/a``|\nb", "``` /a``\\| b ```")]
    )
    def test_no_name_breaks_out_of_its_cell(self, folder, output, shown) -> None:
        report = render_report(configured(folder), summary(output=output), {}, None)
        assert f"\n\nThe tables are in {shown}.\n\n" in report

    def test_no_name_breaks_out_of_the_configuration(self, folder) -> None:
        config = configured(folder, exclude=["````", "\n```\n# x"])
        before, _, block = render_report(config, summary(), {}, None).partition("`````yaml\n")
        assert "`````" not in before
        assert block.index("`````") == len(block) - len("`````")

    def test_a_long_configuration_is_cut(self, folder) -> None:
        report = render_report(configured(folder, exclude=["x" * 500] * (MAX_YAML // 500)), summary(), {}, None)
        assert len(report) < MAX_YAML + 2_000
        assert "more characters: see run.json\n```" in report


def test_a_key_has_only_characters_that_prefect_accepts() -> None:
    assert artifact_key("Progress of Tile_slides!") == "progress-of-tile-slides"


@pytest.mark.parametrize("key", [SLIDES, FAILED, REPORT])
def test_the_keys_of_a_run_are_accepted_as_they_are(key) -> None:
    assert artifact_key(key) == key
