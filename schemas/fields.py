"""Columns and checks shared by several tables."""

import pandera.pyarrow as pap
import pyarrow as pa

from schemas.table import Column

OVERLAP = pa.map_(pa.string(), pa.float64())
"""Type of an overlap: share of each overlay value among the ROI's pixels that exist, {"0": 0.75, "255": 0.25}."""
FRACTION = pap.Check.in_range(0, 1, error="fractions lie in [0, 1]")
POSITIVE = pap.Check.gt(0, error="values are > 0")
NOT_NEGATIVE = pap.Check.ge(0, error="values are >= 0")
SLIDE_ID_FORM = "[A-Za-z0-9][A-Za-z0-9._-]{0,150}"
"""Regular expression of a slide id, which names files; hidden ones would be missing when a folder is read."""
ID_DIGITS = 12
"""Hexadecimal digits at the end of an id that is derived from a path."""
DERIVED_ID_FORM = f"[A-Za-z0-9][A-Za-z0-9._-]*-[0-9a-f]{{{ID_DIGITS}}}"
"""Regular expression of such an id; files of other programs have no such names."""
IDENTIFIER = pap.Check.str_matches(f"^{SLIDE_ID_FORM}$", error="ids are safe as names of files")

SLIDE_ID = Column("slide_id", pa.string(), (IDENTIFIER,))
PATH = Column("path", pa.string())
LEVEL = Column("level", pa.int64(), (NOT_NEGATIVE,))
MPP = (
    Column("mpp_x", pa.float64(), (POSITIVE,), nullable=True),
    Column("mpp_y", pa.float64(), (POSITIVE,), nullable=True),
)
TILE_EXTENT = (Column("tile_extent_x", pa.int64(), (POSITIVE,)), Column("tile_extent_y", pa.int64(), (POSITIVE,)))
