"""Memory that a run may use: that of the container or the batch job, not that of the host.

Ray sees the limit of a container whose control group is the root that it can see, not those of nested groups.
"""

import os
from pathlib import Path

from flows.execution.control_groups import control_groups, setting

_NAMES = {1: "memory.limit_in_bytes", 2: "memory.max"}
"""Limit of a group by the version, in bytes; without one it is "max", or more than any machine has."""
OF_OBJECTS, OF_TASKS = 0.3, 0.6
"""Parts of a limit for Ray's object store and for what tasks reserve; the rest is for Ray, the driver and Prefect."""


def memory_limit(root: str = "/") -> int | None:
    """Return the smallest memory limit of the control group of this process and of all above, in bytes.

    Args:
        root: Folder of proc/ and sys/.

    Returns:
        The limit; None if there is none below the memory of the machine.
    """
    settings = [setting(group, _NAMES[version]) for version, group in control_groups("memory", Path(root))]
    smallest = min((int(text) for text in settings if text.isdigit()), default=None)
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return smallest if smallest is not None and smallest < machine else None


def shares_of(limit: int | None) -> dict[str, int]:
    """Return the options of `ray.init` for a limit; none without one, so that Ray divides the memory of the machine."""
    if limit is None:
        return {}
    return {"object_store_memory": int(OF_OBJECTS * limit), "_memory": int(OF_TASKS * limit)}
