"""Sample of tiles by their hashes: the same for any order of slides and tiles, in one pass and bounded memory.

1. of each slide, the tiles with the smallest hashes of its id, tile_x, tile_y and the seed
2. of each class, the tiles of step 1 with the smallest hashes of another kind: else large slides, whose tiles have
   smaller hashes after step 1, would be preferred
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flows.analysis.splits.sampling import Sampling
from flows.analysis.splits.seeded_hash import tile_hashes
from schemas.samples import SAMPLE
from schemas.table import checked

GROUP_ROWS = 100_000
"""Rows of a row group."""
_ROW = np.dtype([("slide", "i8"), ("y", "i8"), ("x", "i8"), ("code", "i8"), ("weight", "f8"), ("hash", "u8")])
Rows = npt.NDArray[np.void]
"""Tiles with the number of their slide and class (-1 for none), their weight, and the hash of step 2."""


@dataclass(slots=True)
class Sampler:
    """Sample of the slides that are given to it."""

    sampling: Sampling
    """Rules."""
    tiles: Counter[str | None] = field(default_factory=Counter)
    """Tiles of each class that `where` leaves, None for tiles without one."""
    chosen: Counter[str | None] = field(default_factory=Counter)
    """Those of them that are sampled."""
    slides: int = 0
    """Slides with sampled tiles."""

    def groups(self, slides: Iterable[tuple[str, pa.Table]]) -> Iterator[pa.Table]:
        """Yield the sample in row groups, in the order of the slides, row-major in each.

        Args:
            slides: Id and tiles of each slide, each slide once, with the columns tile_x, tile_y and
                `sampling.columns`.

        Yields:
            Tables of `schemas.samples`. The weight of a tile is the number of tiles that it stands for: tiles over
            sampled tiles of its slide, times the same of its class.
        """
        ids: list[str] = []
        waiting: list[Rows] = []
        count = 0
        classes: dict[int, _Smallest] = {}
        for number, (slide_id, table) in enumerate(slides):
            ids.append(slide_id)
            rows = self._of_slide(number, slide_id, table)
            if self.sampling.per_class is None:
                waiting.append(rows)
                count += len(rows)
                if count >= GROUP_ROWS:
                    yield self._table(np.concatenate(waiting), ids)
                    waiting, count = [], 0
                continue
            for code in np.unique(rows["code"]).tolist():
                classes.setdefault(code, _Smallest(self.sampling.per_class)).add(rows[rows["code"] == code])
        waiting += [kept.weighted() for kept in classes.values()]
        rest = np.concatenate([np.zeros(0, _ROW), *waiting])
        rest = rest[np.lexsort((rest["x"], rest["y"], rest["slide"]))]
        for start in range(0, len(rest), GROUP_ROWS):
            yield self._table(rest[start : start + GROUP_ROWS], ids)

    def _of_slide(self, number: int, slide_id: str, table: pa.Table) -> Rows:
        """Sample one slide."""
        if self.sampling.where is not None and table.num_rows:
            table = table.filter(self.sampling.where)
        x, y = (table[name].to_numpy() for name in ("tile_x", "tile_y"))
        rows = np.zeros(len(x), _ROW)
        rows["slide"], rows["x"], rows["y"], rows["weight"] = number, x, y, 1
        rows["code"] = _codes(table, self.sampling.classes)
        for code, count in zip(*np.unique(rows["code"], return_counts=True), strict=True):
            self.tiles[self._name(code)] += int(count)
        limit = self.sampling.per_slide
        if limit is not None and len(rows) > limit:
            smallest = np.argsort(tile_hashes(slide_id, x, y, self.sampling.seed), kind="stable")[:limit]
            rows = rows[np.sort(smallest)]
            rows["weight"] = len(x) / limit
        if self.sampling.per_class is not None:
            rows["hash"] = tile_hashes(f"{slide_id}/class", rows["x"], rows["y"], self.sampling.seed)
        return rows

    def _name(self, code: int) -> str | None:
        return self.sampling.classes[code] if code >= 0 else None

    def _table(self, rows: Rows, ids: list[str]) -> pa.Table:
        for code, count in zip(*np.unique(rows["code"], return_counts=True), strict=True):
            self.chosen[self._name(code)] += int(count)
        self.slides += len(np.unique(rows["slide"]))
        columns = (
            pa.array(ids, pa.string()).take(pa.array(rows["slide"])),
            pa.array(rows["x"]),
            pa.array(rows["y"]),
            pa.array(self.sampling.classes, pa.string()).take(pa.array(rows["code"], mask=rows["code"] < 0)),
            pa.array(rows["weight"]),
        )
        return checked(pa.Table.from_arrays(list(columns), schema=SAMPLE.arrow), SAMPLE)


class _Smallest:
    """Tiles of one class with the smallest hashes so far."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.seen = self.count = 0
        self.parts: list[Rows] = []
        self.bound = np.uint64(2**64 - 1)

    def add(self, rows: Rows) -> None:
        """Add tiles; those that cannot be among the smallest are only counted."""
        self.seen += len(rows)
        near = rows[rows["hash"] <= self.bound]
        self.parts.append(near)
        self.count += len(near)
        if self.count > 2 * self.limit + GROUP_ROWS:
            kept = self.kept()
            self.parts, self.count, self.bound = [kept], len(kept), kept["hash"].max()

    def kept(self) -> Rows:
        """Return the tiles with the smallest hashes; of equal ones the first by slide, y and x."""
        rows = np.concatenate(self.parts)
        kept: Rows = rows[np.lexsort((rows["x"], rows["y"], rows["slide"], rows["hash"]))[: self.limit]]
        return kept

    def weighted(self) -> Rows:
        """Return these tiles, each standing for more."""
        kept = self.kept()
        kept["weight"] *= self.seen / len(kept)
        return kept


def _codes(table: pa.Table, classes: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Return the number of the class with the greatest share in each tile, the first of several; -1 if none is > 0."""
    if not classes or not table.num_rows:
        return np.full(table.num_rows, -1)
    shares = np.stack([np.nan_to_num(table[name].to_numpy().astype(np.float64)) for name in classes])
    return np.where(shares.max(axis=0) > 0, shares.argmax(axis=0), -1)
