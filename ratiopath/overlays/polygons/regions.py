"""Regions of an annotation: the area of each label, and the area that exists."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import shapely

from ratiopath.annotations import Annotations
from ratiopath.annotations.annotations import polygon_parts
from ratiopath.counting.wanted import UNCLASSIFIED, Wanted, chosen
from ratiopath.errors import TooManyValuesError
from ratiopath.geometry import MAX_PIXEL, Extent
from ratiopath.overlays.polygons.joins import Fill, Polygons, disjoint, touching, without

MAX_LABELS = 256
"""Labels that a file may have."""


@dataclass(frozen=True, slots=True)
class RegionOptions:
    """Meaning of the labels of an annotation."""

    fill: Fill = "union"
    """Area of outlines of one label that overlap."""
    within: tuple[Wanted, ...] = ()
    """Labels of the areas that were annotated: nothing exists elsewhere; empty if everything was."""
    ignore: tuple[Wanted, ...] | None = None
    """Labels of areas that do not exist; None takes those that end in * unless `within` or `named` names them."""
    on_top: tuple[Wanted, ...] = ()
    """Labels in the order they are painted, the last on top; empty if labels may overlap."""
    named: tuple[Wanted, ...] = ()
    """Labels that classes name."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Roles of the labels of an annotation."""

    within: frozenset[str]
    """Labels outside of whose areas nothing exists."""
    ignored: frozenset[str]
    """Labels in whose areas nothing exists."""
    values: frozenset[str]
    """Labels that are measured and counted; one of `within` only if a class names it."""

    @classmethod
    def of(cls, labels: Collection[str], options: RegionOptions) -> Self:
        """Assign the labels of an annotation, "<unclassified>" for outlines without one."""
        within, ignored, named = (
            chosen(wanted, labels) for wanted in (options.within, options.ignore or (), options.named)
        )
        if options.ignore is None:
            ignored = frozenset(label for label in labels if label.endswith("*")) - within - named
        return cls(within, ignored, frozenset(labels) - ignored - (within - named))


@dataclass(frozen=True, slots=True)
class Regions:
    """Regions of one annotation; frame: pixels of level 0."""

    labels: Mapping[str, Polygons]
    """Polygons of each label in alphabetical order, valid, which do not overlap one another."""
    extent: Extent | None
    """Size of level 0, beyond which nothing exists; None if it is unknown."""
    within: Polygons | None
    """Polygons outside which nothing exists, which do not overlap; None if there is no such limit."""
    ignored: Polygons
    """Polygons in which nothing exists, which do not overlap."""

    @classmethod
    def of(cls, annotations: Annotations, extent: Extent | None, options: RegionOptions) -> Self:
        """Compute the regions.

        Args:
            annotations: Polygons with labels.
            extent: Size of level 0; None if it is unknown.
            options: Meaning of the labels.

        Raises:
            TooManyValuesError: There are more than MAX_LABELS labels.
        """
        if len(annotations.labels) > MAX_LABELS:
            found = f"a label table of {len(annotations.labels):,} labels, more than {MAX_LABELS}"
            problem = f"{annotations.path!r} has {found} (instance ids used as classes)"
            hint = "export the annotation with the class of each outline as its label"
            raise TooManyValuesError(problem, path=annotations.path, hint=hint)
        drawn = drawn_polygons(annotations)
        roles = Roles.of(drawn, options)
        filled = {label: disjoint(polygons, options.fill) for label, polygons in drawn.items()}
        return cls(
            {label: filled[label] for label in sorted(roles.values)},
            extent,
            _united(filled, roles.within) if options.within else None,
            _united(filled, roles.ignored),
        )

    @property
    def frame(self) -> Polygons:
        """Polygons of what exists but for what is ignored, which do not overlap."""
        extent, far = self.extent, MAX_PIXEL
        box = shapely.box(*((-far, -far, far, far) if extent is None else (0, 0, extent.width, extent.height)))
        if self.within is None:
            return np.array([box])
        i, _ = touching(self.within, np.array([box]))
        parts, _ = polygon_parts(self.within[i] if extent is None else shapely.intersection(self.within[i], box))
        return parts

    def exist_at(self, points: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
        """Return True for each point at which something exists; the border of an area belongs to it.

        Args:
            points: shapely Points.
        """
        exists = np.full(len(points), self.within is None)
        if self.within is not None:
            exists[touching(points, self.within)[0]] = True
        if len(self.ignored):
            exists[touching(points, self.ignored)[0]] = False
        if self.extent is not None:
            x, y = shapely.get_coordinates(points).T
            exists &= (x >= 0) & (x < self.extent.width) & (y >= 0) & (y < self.extent.height)
        return exists


def drawn_polygons(annotations: Annotations) -> dict[str, Polygons]:
    """Collect the polygons of each label, less the negative ones of their layers; some may overlap."""
    positive, negative = np.flatnonzero(~annotations.is_negative), np.flatnonzero(annotations.is_negative)
    polygons, owner = annotations.polygons[positive], positive
    if len(negative):
        i, j = touching(polygons, annotations.polygons[negative])
        is_same = annotations.layer[positive[i]] == annotations.layer[negative[j]]
        polygons, part_of = without(polygons, i[is_same], annotations.polygons[negative[j[is_same]]])
        owner = positive[part_of]
    names = [label or UNCLASSIFIED for label in annotations.labels]
    index_of = {name: index for index, name in enumerate(dict.fromkeys(names))}
    label = np.array([index_of[name] for name in names], dtype=np.int64)[annotations.label_index[owner]]
    found = {name: polygons[label == index] for name, index in index_of.items()}
    return {name: some for name, some in sorted(found.items()) if len(some)}


def _united(labels: Mapping[str, Polygons], some: frozenset[str]) -> Polygons:
    """Unite the polygons of some labels."""
    together = np.concatenate([np.empty(0, dtype=np.object_), *(labels[label] for label in sorted(some))])
    return together if len(some) == 1 else disjoint(together)
