"""Base of the configuration's sections."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section: immutable, without unknown keys, NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
