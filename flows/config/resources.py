"""Resources that the Ray tasks of each step reserve on their node, so that a node is never overcommitted."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from flows.config.fields import plain_number
from flows.config.section import Section


class Request(Section):
    """CPUs and memory reserved by one Ray task."""

    num_cpus: Annotated[float, Field(gt=0), BeforeValidator(plain_number)] = Field(
        1, description="CPUs reserved by each Ray task of this step"
    )
    memory: Annotated[int, Field(gt=0, lt=1 << 63), BeforeValidator(plain_number)] | None = Field(
        None,
        description="bytes reserved by each Ray task of this step; null reserves 1 GiB, or all memory of the largest"
        " node if that is less",
    )


DEFAULT = Request()
"""One CPU and the default memory."""


class Resources(Section):
    """A request per step that runs on Ray."""

    discover_slides: Request = Field(DEFAULT, description="opening slides and reading their metadata")
    tile_slides: Request = Field(DEFAULT, description="computing tile grids")
    detect_tissue: Request = Field(DEFAULT, description="reading slides and writing masks of their tissue")
    derive_overlay_paths: Request = Field(DEFAULT, description="locating overlay files")
    compute_overlaps: Request = Field(DEFAULT, description="reading overlays and counting their values per tile")
    filter_by_coverage: Request = Field(DEFAULT, description="filtering tiles")
    export_tiles: Request = Field(DEFAULT, description="writing the exports")
    draw_previews: Request = Field(DEFAULT, description="drawing one picture per slide")
