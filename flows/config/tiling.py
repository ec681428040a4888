"""Section `tiling`: level, size and stride of the tiles."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from flows.config.fields import LevelIndex, MppValue, PixelPair, plain_number
from flows.config.section import Section
from ratiopath.geometry import Extent

TOLERANCE = 0.1
"""Default of `tiling.tolerance`."""


class Tiling(Section):
    """Level, size and stride of the tiles."""

    mpp: MppValue | None = Field(
        None, description="resolution to tile, µm per pixel: the closest level is taken; give mpp or level"
    )
    level: LevelIndex | None = Field(None, description="level to tile, 0 is the finest; give mpp or level")
    tile_extent: PixelPair = Field(description="tile size in pixels of that level, one number or [width, height]")
    stride: PixelPair | None = Field(
        None, description="pixels from one tile to the next, one number or [x, y]; null takes tile_extent"
    )
    last: Literal["keep", "drop", "shift"] = Field(
        "keep", description="treatment of a last tile that crosses the border: keep it, drop it, or shift it inside"
    )

    tolerance: Annotated[float, Field(ge=0), BeforeValidator(plain_number)] = Field(
        TOLERANCE,
        description="largest difference of the level's mpp from mpp on either axis, as a share of mpp; a slide without"
        " such a level fails",
    )
    resolution: Literal["level", "exact"] = Field(
        "level",
        description="level: tiles are tile_extent pixels of the closest level; exact: tiles are tile_extent x mpp µm,"
        " cut from the closest finer level in whole pixels of it",
    )

    @model_validator(mode="after")
    def _one_level(self) -> Self:
        if (self.mpp is None) == (self.level is None):
            found = "neither mpp nor level" if self.mpp is None else f"both mpp {self.mpp} and level {self.level}"
            raise ValueError(f"found {found}; give exactly one of them")
        if self.resolution == "exact" and self.mpp is None:
            raise ValueError("found resolution exact with a level; give mpp instead of level")
        return self

    @property
    def extent(self) -> Extent:
        """Size of a tile in pixels of its level."""
        return _pair(self.tile_extent)

    @property
    def step(self) -> Extent:
        """Stride along x and y in pixels of the level."""
        return _pair(self.tile_extent if self.stride is None else self.stride)

    @property
    def in_full(self) -> dict[str, Any]:
        """Settings in canonical form: equal for every equivalent way to write them.

        Tolerance and resolution only appear where they decide something else than their defaults: slide ids of runs
        without them stay the same.
        """
        chosen = {"tolerance": (self.tolerance, TOLERANCE), "resolution": (self.resolution, "level")}
        others = {name: value for name, (value, default) in chosen.items() if value != default}
        return {
            **({} if self.mpp is None else others),
            "mpp": self.mpp,
            "level": self.level,
            "tile_extent": [self.extent.width, self.extent.height],
            "stride": [self.step.width, self.step.height],
            "last": self.last,
        }


def _pair(pixels: int | tuple[int, int]) -> Extent:
    return Extent(pixels, pixels) if isinstance(pixels, int) else Extent(*pixels)
