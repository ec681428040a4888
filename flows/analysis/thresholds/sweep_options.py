"""Options of a sweep, checked against the configuration of the run."""

from dataclasses import dataclass

from flows.analysis.thresholds.sweep import thresholds_of
from flows.config.errors import ConfigurationError
from flows.config.keep_expression import Part, keep_parts
from flows.config.model import CoverageConfig
from ratiopath.geometry import Float64s

DEFAULT_STEP = 0.05
"""Distance of two thresholds, unless another one is asked for."""


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """Options of a sweep, checked against the output's configuration."""

    thresholds: Float64s
    """Thresholds, float64, ascending from 0 to 1."""
    keep: str | None
    """Condition of the funnel; None has no parts."""
    parts: tuple[Part, ...]
    """Parts of the condition."""
    least: int
    """Number of tiles below which a slide drops out, at least 1."""

    @classmethod
    def of(cls, config: CoverageConfig, step: float, keep: str | None, least: int) -> "SweepOptions":
        """Check options.

        Args:
            config: Configuration of the run.
            step: Distance of two thresholds.
            keep: Condition of the funnel; None takes that of the run.
            least: Number of tiles below which a slide drops out.

        Raises:
            ConfigurationError: One of them is refused.
        """
        if least < 1:
            raise ConfigurationError(f"--per-slide-min: {least} is no number of tiles to have; give 1 or more")
        condition = config.keep if keep is None else keep
        try:
            parts = keep_parts(condition, config.keep_names) if condition is not None else ()
        except ValueError as error:
            raise ConfigurationError(f"--keep: {error}") from None
        return cls(thresholds_of(step), condition, parts, least)
