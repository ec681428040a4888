"""Splits as CLAM reads them: splits_0.csv and so on with a column of slides per part, and slides.csv with labels."""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Literal

import pyarrow as pa

from flows.config.errors import ConfigurationError
from flows.config.slide_id import slide_stem

FOLD_PARTS = ("train", "val", "test")
"""Parts of each split of a cross-validation, and those that CLAM asks for."""


def clam_files(
    table: pa.Table, parts: Sequence[str], naming: Literal["stem", "slide_id"], *, is_labelled: bool
) -> dict[str, str]:
    """Return the text of each file by its name.

    Only slides with kept tiles are listed, since CLAM stops at a slide without features; where labels are known, only
    slides with one. With folds, split K tests fold K, validates on the next one, and trains on the others.

    Args:
        table: Table of `schemas.splits`.
        parts: Names of the parts or numbers of the folds, in order.
        naming: Name of a slide in the files: that of its file without suffix, or its id.
        is_labelled: True to write slides.csv too: case_id, slide_id, label.

    Raises:
        ConfigurationError: Two slides have the same name.
    """
    rows = [row for row in table.to_pylist() if row["tiles"] and not (is_labelled and row["label"] is None)]
    names = [slide_stem(row["path"]) if naming == "stem" else row["slide_id"] for row in rows]
    _refuse_equal(names, [row["path"] for row in rows])
    by_part: dict[str, list[str]] = {part: [] for part in parts}
    for name, row in zip(names, rows, strict=True):
        by_part[str(row[table.column_names[-1]])].append(name)
    splits = list(_folds(list(by_part.values()))) if "fold" in table.column_names else [list(by_part.values())]
    header = FOLD_PARTS if "fold" in table.column_names else parts
    files = {f"splits_{number}.csv": _csv(header, zip_longest(*split)) for number, split in enumerate(splits)}
    if is_labelled:
        cases = ((row["group"], name, row["label"]) for name, row in zip(names, rows, strict=True))
        files["slides.csv"] = _csv(("case_id", "slide_id", "label"), cases)
    return files


def _folds(folds: Sequence[list[str]]) -> Iterator[list[list[str]]]:
    """Yield train, val and test of each split."""
    for number, test in enumerate(folds):
        held = (number, (number + 1) % len(folds))
        train = [name for other, fold in enumerate(folds) if other not in held for name in fold]
        yield [train, folds[held[1]], test]


def _csv(header: Sequence[str], rows: Iterator[tuple[str | None, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _refuse_equal(names: Sequence[str], paths: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for name, path in zip(names, paths, strict=True):
        other = seen.setdefault(name, path)
        if other != path:
            raise ConfigurationError(
                f"--slide-names: {other!r} and {path!r} have the same name {name!r} in CLAM's files; give slide_id"
            )
