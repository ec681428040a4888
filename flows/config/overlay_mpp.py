"""Resolution of an overlay: a number, a pair, or a column of the manifest."""

from typing import Annotated

from pydantic import Field

from flows.config.fields import MppValue, expecting
from flows.config.section import Section


class MppColumn(Section):
    """A resolution read from a column of the manifest."""

    column: str = Field(
        min_length=1,
        description="column of the manifest, µm per pixel; an empty cell leaves that of the file",
    )


OverlayMpp = Annotated[
    MppValue | tuple[MppValue, MppValue] | MppColumn,
    expecting("a number > 0 in µm per pixel, two of them as [x, y], or {column: name} of the manifest"),
]
