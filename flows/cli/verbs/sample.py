"""Verb `sample`: draws tiles per slide and per class, the same ones for the same seed."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
from rich.console import Console
from rich.progress import track

from flows.analysis.splits.sample import Sampler
from flows.analysis.splits.sampling import Sampling
from flows.cli.answer import Answer, answer_verb
from flows.records.finished_output import FinishedOutput
from flows.storage.parquet import write_groups
from flows.storage.workspace import Workspace
from schemas.samples import SAMPLE


def answer(arguments: Sequence[str]) -> int:
    """Run the verb; return its exit code."""
    return answer_verb(sample, "sample", arguments)


def sample(
    output: str,
    *,
    per_slide: int | None = None,
    per_class: int | None = None,
    by: str | None = None,
    where: str | None = None,
    seed: int = 0,
    to: str | None = None,
) -> Answer:
    """Draw kept tiles, each with the number of tiles that it stands for, into sample.parquet.

    Exit codes: 0 written, 1 failed, 2 refused.

    Args:
        output: Output of a finished run.
        per_slide: Largest number of tiles of each slide.
        per_class: Largest number of tiles of each class in all slides together.
        by: Overlay, or classes separated by commas, of which the one with the greatest share is a tile's class.
        where: Condition on tiles, in the language of `keep`, such as 'tissue > 0.9'.
        seed: Another whole number draws other tiles.
        to: Folder or URI to write to; the output by default.
    """
    finished = FinishedOutput.open(output)
    sampler = Sampler(Sampling.of(finished.config, per_slide, per_class, by, where, seed))
    place = finished.storage if to is None else Workspace.at(to)
    path = place.published("sample.parquet")
    with place.own_files():
        count = write_groups(sampler.groups(_tiles(finished, sampler.sampling.columns)), path, SAMPLE.arrow, place)
    lines = [
        f"{'no class' if name is None else name}: {sampler.chosen[name]:,} of {tiles:,} tiles"
        for name, tiles in sorted(sampler.tiles.items(), key=lambda one: (one[0] is None, one[0]))
        if sampler.sampling.classes
    ]
    content = {
        "file": path,
        "sampled": count,
        "slides": sampler.slides,
        "classes": [
            {"class": name, "tiles": tiles, "sampled": sampler.chosen[name]} for name, tiles in sampler.tiles.items()
        ],
    }
    total = f"{count:,} of {sampler.tiles.total():,} tiles, of {sampler.slides:,} slides"
    next_step = f"join {path} with tiles/ by slide_id, tile_x and tile_y; multiply counts by weight"
    return Answer([*lines, total], content, next_step)


def _tiles(finished: FinishedOutput, columns: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    """Yield each slide with its tiles, with a bar on a terminal."""
    existing = finished.ids_in("tiles")
    ids = [one for one in finished.slides["slide_id"].to_pylist() if one in existing]
    tables = zip(ids, finished.tiles_of(ids, ["tile_x", "tile_y", *columns]), strict=True)
    console = Console(stderr=True)
    yield from track(tables, "sample tiles", len(ids), console=console, disable=not console.is_terminal)
