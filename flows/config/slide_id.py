"""Ids of slides, which name their files: readable, the same in every run, and safe as names."""

import re
import unicodedata

from flows.config.model import CoverageConfig
from ratiopath.remote.names import name_of
from ratiopath.slides.paths import slide_suffix
from ratiopath.tiling.row_hash import row_hash
from schemas.fields import ID_DIGITS

MAX_STEM = 100
"""Characters of the stem in an id."""


def slide_id_of(path: str, config: CoverageConfig) -> str:
    """Derive the id of a slide from its path and tiling, whatever the file holds.

        /slides/TCGA-02 (1).svs -> TCGA-02_1_-3f9c1e0b2d4a

    Letters of the stem lose their accents; what is not ASCII then, or not safe in a name, becomes `_`.
    """
    digits = row_hash({"path": path, **config.tiling.in_full})["id"][:ID_DIGITS]
    letters = unicodedata.normalize("NFKD", slide_stem(path))
    plain = "".join(one for one in letters if not unicodedata.combining(one))
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).lstrip("._-")[:MAX_STEM]
    return f"{stem or 'slide'}-{digits}"


def slide_stem(path: str) -> str:
    """Return a slide's name without the whole suffix: a.ome.tiff -> a."""
    name = name_of(path)
    return name.removesuffix(slide_suffix(name))
