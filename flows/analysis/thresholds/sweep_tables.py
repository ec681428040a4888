"""The tables of a sweep as CSV: totals by threshold, the funnel, and the counts of every slide."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from flows.analysis.thresholds.funnel import CohortFunnel, SlideFunnel
from flows.analysis.thresholds.sweep import ClassLeft, CohortLeft
from flows.config.keep_expression import Part
from flows.records.slides import Slide
from ratiopath.geometry import Float64s

SWEEP, FUNNEL, SLIDES, KEPT = "sweep.csv", "funnel.csv", "slides.csv", "slides_keep.csv"
"""Totals by class and threshold, totals by part of `keep`, and both by slide."""
ALL = "all tiles"
"""Name of the row of the funnel before its first part."""

Row = dict[str, Any]


def sweep_rows(cohort: Mapping[str, CohortLeft], thresholds: Float64s) -> Iterator[Row]:
    """Yield the rows of sweep.csv: one per class and threshold."""
    for name, left in cohort.items():
        mm2 = left.mm2
        for number, threshold in enumerate(thresholds.tolist()):
            yield {
                "class": name,
                "threshold": threshold,
                "tiles": int(left.tiles[number]),
                "slides": int(left.slides[number]),
                "slides_without": int(left.slides_without[number]),
                "slides_below": int(left.slides_below[number]),
                "mm2": None if mm2 is None else float(mm2[number]),
            }


def funnel_rows(cohort: CohortFunnel, parts: Sequence[Part]) -> Iterator[Row]:
    """Yield the rows of funnel.csv: all tiles, then one per part, in order."""
    for number, text in enumerate([ALL, *(part.text for part in parts)]):
        yield {
            "part": text,
            "tiles_alone": int(cohort.tiles_alone[number]),
            "slides_alone": int(cohort.slides_alone[number]),
            "tiles_in_order": int(cohort.tiles[number]),
            "slides_in_order": int(cohort.slides[number]),
            "slides_below": int(cohort.slides_below[number]),
        }


def write_csv(path: Path, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Write rows with a header; None is an empty cell."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


class SlideTables:
    """slides.csv and slides_keep.csv, a slide at a time."""

    def __init__(self, folder: Path, thresholds: Float64s, parts: int, least: int) -> None:
        """Prepare without opening the files.

        Args:
            folder: Folder of the files.
            thresholds: Thresholds, float64, ascending.
            parts: Number of parts of `keep`.
            least: Number of tiles below which a slide drops out.
        """
        self._folder, self._thresholds, self._least = folder, thresholds.tolist(), least
        self._heads = (
            ["slide_id", "path", "class", "drops_at", *map(column_of, self._thresholds)],
            ["slide_id", "path", "drops_at", "tiles", *(f"part_{number + 1}" for number in range(parts))],
        )

    def add(self, slide: Slide, left: Mapping[str, ClassLeft], funnel: SlideFunnel) -> None:
        """Append the rows of one slide.

        Args:
            slide: The slide.
            left: Tiles that the thresholds leave, by class.
            funnel: Tiles that the parts leave.
        """
        key = [slide.slide_id, slide.path]
        for name, one in left.items():
            index = one.drops_at(self._least)
            drops_at = None if index is None else self._thresholds[index]
            self._classes.writerow([*key, name, drops_at, *one.tiles.tolist()])
        counts = funnel.in_order.tolist()
        drops_at = next((number for number, count in enumerate(counts) if count < self._least), None)
        self._kept.writerow([*key, drops_at, *counts])

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            files = [
                opened.enter_context((self._folder / name).open("w", newline="", encoding="utf-8"))
                for name in (SLIDES, KEPT)
            ]
            self._classes, self._kept = map(csv.writer, files)
            for writer, head in zip((self._classes, self._kept), self._heads, strict=True):
                writer.writerow(head)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._opened.close()


def column_of(threshold: float) -> str:
    """Return the column of slides.csv with the tiles at a threshold, such as ge_0_05."""
    return f"ge_{threshold:.10g}".replace(".", "_")
