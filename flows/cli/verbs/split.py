"""Verb `split`: divides the slides of an output into parts, all slides of a patient in one of them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.progress import track

from flows.analysis.splits.clam_splits import FOLD_PARTS, clam_files
from flows.analysis.splits.cohort_split import count_lines, part_counts, split_groups, split_table
from flows.analysis.splits.parts import DEFAULT_PARTS, parse_folds, parse_parts
from flows.analysis.splits.slide_table import SlideTable
from flows.analysis.splits.split_files import write_split
from flows.cli.answer import Answer, answer_verb
from flows.config.errors import ConfigurationError
from flows.records.finished_output import FinishedOutput
from flows.storage.workspace import Workspace


def answer(arguments: Sequence[str]) -> int:
    """Run the verb; return its exit code."""
    return answer_verb(split, "split", arguments)


def split(
    output: str,
    *,
    by: str = "patient",
    parts: str | None = None,
    names: str | None = None,
    folds: int | None = None,
    stratify: str | None = None,
    label: str | None = None,
    stable: bool = False,
    seed: int = 0,
    source: Annotated[str | None, Parameter(name="--from")] = None,
    slide_names: Literal["stem", "slide_id"] = "stem",
    to: str | None = None,
) -> Answer:
    """Divide the slides into train, val and test, all slides of a patient in one part.

    Exit codes: 0 written, 1 failed, 2 refused.

    Args:
        output: Output of a finished run.
        by: Column of the group that is not divided, such as patient; slide_id for slides one by one.
        parts: Sizes that sum to 1, such as 0.7,0.15,0.15 (the default) or 2/3,1/3.
        names: Names of the parts, separated by commas; train,val,test by default.
        folds: Number of folds instead of parts; splits_K.csv tests fold K and validates on the next.
        stratify: Column of the label whose classes are divided alike.
        label: Column of the label for counts and slides.csv; that of --stratify by default.
        stable: Go by each group's hash alone: nobody moves when slides are added, and sizes are approximate.
        seed: Another whole number gives another split.
        source: CSV or Parquet with slide_id, path or stem and the columns named; slides.parquet by default.
        slide_names: Name of slides in CLAM's files.
        to: Folder or URI to write to; splits/ in the output by default.
    """
    if folds is not None and (parts is not None or names is not None):
        raise ConfigurationError("--folds: all folds are of one size; leave out --parts and --names")
    sizes = parse_parts(parts or DEFAULT_PARTS, names) if folds is None else parse_folds(folds)
    finished, label = FinishedOutput.open(output), label or stratify
    table = SlideTable.of(finished.slides, source, [name for name in (by, stratify, label) if name])
    groups, labels = table.filled(by, "--by"), table.column(label, "--label") if label else [None] * len(table)
    strata = table.column(stratify, "--stratify") if stratify else None
    found = split_groups(groups, strata, sizes, seed, is_stable=stable)
    divided = split_table(finished.slides, groups, labels, _tiles(finished), found, is_folds=folds is not None)
    texts = clam_files(divided, list(sizes), slide_names, is_labelled=label is not None)
    options = {
        "by": by,
        "parts": {name: str(size) for name, size in sizes.items()},
        "stratify": stratify,
        "label": label,
        "stable": stable,
        "seed": seed,
    }
    place, folder = (finished.storage, "splits") if to is None else (Workspace.at(to), "")
    files = write_split(divided, texts, options, place, folder)
    counts = part_counts(divided, list(sizes))
    content = {"options": options, "parts": [asdict(one) for one in counts], "files": files}
    clam = "; CLAM reads splits_0.csv beside it" if folds is not None or set(FOLD_PARTS) <= sizes.keys() else ""
    next_step = f"join {files[0]} with tiles/ by slide_id{clam}"
    return Answer(count_lines(counts, by), content, next_step)


def _tiles(finished: FinishedOutput) -> list[int]:
    """Count the tiles of each slide, with a bar on a terminal."""
    ids = finished.slides["slide_id"].to_pylist()
    console = Console(stderr=True)
    return list(
        track(finished.tile_counts(ids), "count tiles", len(ids), console=console, disable=not console.is_terminal)
    )
