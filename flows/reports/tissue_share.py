"""The share of a slide's tissue that a class covers, beside its share of the tiles.

    % of tiles   mean of the class's shares over the tiles in which it is known
    % of tissue  mm² of the class / mm² of the class named `tissue`

Glass lowers the first and not the second. The second is not clipped: more than 100 % says that the class lies outside
of the tissue somewhere. Each mm² is a sum over the tiles in which that class is known.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from schemas.slide_report import area_of

TISSUE = "tissue"
"""Name of the class whose area is the whole."""


def has_tissue(classes: Collection[str]) -> bool:
    """Return True if there is a class of the tissue and another one."""
    return TISSUE in classes and len(classes) > 1


def tissue_share(slide: Mapping[str, Any], name: str, classes: Sequence[str]) -> float | None:
    """Divide the area of a class by that of the tissue.

    Args:
        slide: A row of `schemas.slide_report`, or of its beginning.
        name: The class.
        classes: Names of all classes.

    Returns:
        A share, 0 or more; None of the tissue itself, without a class `tissue`, if an area is unknown or the tissue has
        none.
    """
    if name == TISSUE or not has_tissue(classes):
        return None
    area, tissue = slide.get(area_of(name)), slide.get(area_of(TISSUE))
    return None if area is None or not tissue else float(area / tissue)
