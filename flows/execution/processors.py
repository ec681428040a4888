"""Processors that a run may use: those of the container, the batch job or `-j`, not those of the host.

Ray sees the quota of a container whose control group is the root that it can see. It does not see processor sets of
version 2 and of batch systems, nor quotas of nested groups.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

from flows.config.errors import ConfigurationError
from flows.execution.control_groups import control_groups, setting

VARIABLE = "RATIOPATH_JOBS"
"""Environment variable with the largest number of processors that a run uses; `-j` sets it."""


def usable_processors(root: str = "/") -> int:
    """Return the number of processors that this process may use, at least 1.

    It is the smallest of those it is bound to, the quotas of its control group and of all groups above, rounded down,
    and RATIOPATH_JOBS.

    Args:
        root: Folder of proc/ and sys/.

    Raises:
        ConfigurationError: RATIOPATH_JOBS is not a whole number > 0.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [math.floor(quota) for quota in _quotas(Path(root))]
    wanted = [asked] if (asked := _asked()) else []
    return max(1, min(bound, *quotas, *wanted)) if quotas or wanted else bound


def _asked() -> int | None:
    text = os.environ.get(VARIABLE, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1 << 20):
        raise ConfigurationError(
            f"-j ({VARIABLE}): found {text[:80]!r}; give a whole number of processors > 0, such as -j 4"
        )
    return int(text)


def _quotas(root: Path) -> Iterator[float]:
    """Yield the quota of each control group that holds this process, in processors."""
    for version, group in control_groups("cpu", root):
        if version == 1:
            quota, period = (setting(group, f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        else:
            quota, _, period = setting(group, "cpu.max").partition(" ")
        yield from _ratio(quota, period)


def _ratio(quota: str, period: str) -> Iterator[float]:
    """Yield the quota over the period; none if there is no limit, which is "max" or -1."""
    if quota.isdigit() and period.isdigit() and int(period) > 0:
        yield int(quota) / int(period)
