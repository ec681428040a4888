"""What a Ray task of each step asks its node for, so that no node runs more of them than it can hold."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Request(BaseModel):
    """Of one step."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    num_cpus: Annotated[float, Field(gt=0)] = Field(1, description="processors that a task of this step reserves")
    memory: Annotated[int, Field(gt=0)] | None = Field(
        None, description="bytes that a task of this step reserves; null for 1 GiB, or what the largest node has"
    )


DEFAULT = Request()


class Resources(BaseModel):
    """Of each step."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    discover_slides: Request = Field(DEFAULT, description="opening slides and reading their metadata")
    tile_slides: Request = Field(DEFAULT, description="laying grids")
    derive_overlay_paths: Request = Field(DEFAULT, description="looking for overlays")
    compute_overlaps: Request = Field(DEFAULT, description="reading overlays and measuring tiles")
    filter_by_coverage: Request = Field(DEFAULT, description="filtering tiles")
    draw_previews: Request = Field(DEFAULT, description="drawing a picture of each slide")
