"""The plane that exists, divided by which labels cover it.

The question: which polygons, with which sign, add up to the area of each set of labels?

The frame is one polygon that no label covers. Labels are laid over it one after another; where one covers a part of a
polygon, that part is a polygon of its own. What remains of the polygon is cut out only if few labels overlap it:
otherwise the polygon stays whole, and the part counts once with its labels and once, negative, without the new one.

    frame        {}: 1
    A            {A}: 1, {}: -1             the frame stays whole, A is taken off it
    A and B      {A, B}: 1, {A}: -1, {}: 0  ...

Areas add, so nothing is ever united, and a region with a hundred thousand cells in it needs no hole for each.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from ratiopath.annotations.annotations import polygon_parts
from ratiopath.geometry import Int64s
from ratiopath.overlays.polygons.areas import Areas, RoiWindows, window_areas
from ratiopath.overlays.polygons.joins import Polygons, close, covering, related, without
from ratiopath.overlays.polygons.regions import Regions
from ratiopath.plan import nth_of_each

Key = frozenset[int]
"""Labels that cover a place, by their index."""
Term = frozenset[tuple[Key, int]]
"""Number of times that the area of a polygon counts for each set of labels."""
MAX_CUTS = 64
"""Polygons that are cut out of another one; with more it stays whole."""
MIN_AREA = 1e-3
"""Smallest area on a whole slide in px²: less is rounding."""
FRAME: Term = frozenset({(frozenset(), 1)})
"""Term of a polygon that no label covers."""
IGNORED = -1
"""Label of what does not exist."""


@dataclass(frozen=True, slots=True)
class Partition:
    """Polygons whose areas add up to the area of each set of labels."""

    labels: tuple[str, ...]
    """Labels in alphabetical order."""
    polygons: Polygons
    """Valid polygons in pixels of level 0."""
    term: Int64s
    """Index into `terms` of each polygon."""
    terms: tuple[Term, ...]
    """Sets of labels for which polygons count."""

    @classmethod
    def of(cls, regions: Regions) -> "Partition":
        """Lay the labels of an annotation over all that exists."""
        frame, labels = regions.frame, regions.labels
        state = cls(tuple(labels), frame, np.zeros(len(frame), dtype=np.int64), (FRAME,))
        layers = [(IGNORED, regions.ignored), *enumerate(labels.values())]
        for index, polygons in sorted(layers, key=lambda layer: len(layer[1])):  # few large ones first
            state = state._covered(index, polygons)
        return state

    @property
    def keys(self) -> tuple[frozenset[str], ...]:
        """Sets of labels that occur."""
        return tuple(frozenset(self.labels[index] for index in key) for key in self._keys)

    @property
    def _keys(self) -> list[Key]:
        keys = {key for term in self.terms for key, _ in term if IGNORED not in key}
        return sorted(keys, key=sorted)

    def totals(self) -> dict[frozenset[str], float]:
        """Measure the area of each set of labels on the whole slide in px²; sets of less than MIN_AREA are left out."""
        sums = dict.fromkeys(self._keys, 0.0)
        by_term = np.bincount(self.term, weights=shapely.area(self.polygons), minlength=len(self.terms))
        for term, area in zip(self.terms, by_term.tolist(), strict=True):
            for key, times in term:
                if key in sums:
                    sums[key] += times * area
        return {name: area for name, area in zip(self.keys, sums.values(), strict=True) if area >= MIN_AREA}

    def areas(self, windows: RoiWindows) -> Areas:
        """Measure the area of each set of labels in windows.

        Returns:
            Areas whose groups are indices into `keys`; areas that are not 0 only by rounding may be negative.
        """
        found = window_areas(self.polygons, self.term, windows)
        index_of = {key: index for index, key in enumerate(self._keys)}
        shares = [sorted((index_of[key], times) for key, times in term if key in index_of) for term in self.terms]
        first = np.cumsum([0, *map(len, shares)])
        keys, times = np.array([one for share in shares for one in share], dtype=np.int64).reshape(-1, 2).T
        entry, nth = nth_of_each(np.diff(first)[found.group])
        at = first[found.group[entry]] + nth
        return Areas.summed(found.window[entry], keys[at], found.area[entry] * times[at])

    def _covered(self, label: int, polygons: Polygons) -> "Partition":
        """Lay the polygons of one label over all."""
        i, j = close(self.polygons, polygons)
        mine, its = self.polygons[i], polygons[j]
        is_inside, is_whole = covering(mine, its), covering(its, mine)
        common = np.where(is_inside, its, mine)
        other = np.flatnonzero(~is_inside & ~is_whole)
        common[other] = None
        crossing = other[related(shapely.intersects, mine[other], its[other])]
        common[crossing] = shapely.intersection(mine[crossing], its[crossing])
        parts, part_of = polygon_parts(common)
        pair = np.unique(part_of)  # the others only touch
        covered = np.unique(i[is_whole])
        is_cut = self._are_cut(np.bincount(i[pair], minlength=len(self.polygons)))
        is_cut[covered] = False
        subtracted = pair[is_cut[i[pair]]]
        rest, rest_of = without(self.polygons, i[subtracted], its[subtracted])
        stays = np.isin(rest_of, covered, invert=True)
        rest, rest_of = rest[stays], rest_of[stays]
        owner = i[part_of]
        is_taken = is_cut[owner] | np.isin(owner, covered)
        terms = [*self.terms, *(_with(term, label) for term in self.terms)]
        terms += [_minus(_with(term, label), term) for term in self.terms]
        part_term = self.term[owner] + len(self.terms) * np.where(is_taken, 1, 2)
        term, distinct = _compact(np.concatenate([self.term[rest_of], part_term]), terms)
        return Partition(self.labels, np.concatenate([rest, parts]), term, distinct)

    def _are_cut(self, overlaps: Int64s) -> npt.NDArray[np.bool_]:
        """Return True for each polygon out of which others are cut: not the frame, nor if there are many."""
        is_frame = np.array([term == FRAME for term in self.terms], dtype=np.bool_)[self.term]
        cut: npt.NDArray[np.bool_] = (overlaps > 0) & (overlaps <= MAX_CUTS) & ~is_frame
        return cut


def _with(term: Term, label: int) -> Term:
    """Add a label to every set."""
    return frozenset((key | {label}, times) for key, times in term)


def _minus(term: Term, subtracted: Term) -> Term:
    """Subtract a term that has no set in common."""
    return term | {(key, -times) for key, times in subtracted}


def _compact(term: Int64s, terms: list[Term]) -> tuple[Int64s, tuple[Term, ...]]:
    """Keep the terms that are used, each once."""
    used = np.unique(term)
    distinct = list(dict.fromkeys(terms[index] for index in used.tolist()))
    place = {one: index for index, one in enumerate(distinct)}
    renamed = np.zeros(len(terms), dtype=np.int64)
    renamed[used] = [place[terms[index]] for index in used.tolist()]
    return renamed[term], tuple(distinct)
