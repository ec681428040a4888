"""The Ray runtime of a run: started on this machine, or a cluster that RAY_ADDRESS names."""

import logging
import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

if not os.environ.get("RAY_ADDRESS"):  # Ray reads this on import: under `uv run` it would pack the working directory,
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # and start each worker through uv in a copy of it
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
import ray.data

from flows.config.errors import ConfigurationError
from flows.config.resources import Request

PACKAGES = ("flows", "ratiopath", "schemas")
"""Packages shipped to the workers; their dependencies are part of the workers' image."""
DEFAULT_MEMORY = 1 << 30
"""Memory that a Ray task reserves by default, in bytes. A worker takes 0.13 GB for a common mask, also with a million
tiles; the rest is room for several overlays and for codecs that decode large strips."""


def address() -> str | None:
    """Return the address of the cluster that RAY_ADDRESS names; None if Ray is to be started on this machine.

    Raises:
        ConfigurationError: The address is one of Ray Client, over which Ray Data does not run.
    """
    found = os.environ.get("RAY_ADDRESS") or None
    if found is not None and found.startswith("ray://"):
        remedy = (
            "give the address of the cluster itself, such as head:6379, from a machine in its network, or submit the "
            "run: ray job submit -- python -m flows.coverage --config FILE"
        )
        raise ConfigurationError(f"RAY_ADDRESS: Ray Data does not run over Ray Client, found {found!r}; {remedy}")
    return found


def runtime_env() -> dict[str, Any]:
    """Return the runtime environment of the workers: this process's packages, unless their image has them.

    Raises:
        ConfigurationError: RATIOPATH_CODE is neither ship nor image.
    """
    code = os.environ.get("RATIOPATH_CODE", "ship")
    if code not in {"ship", "image"}:
        remedy = "set ship, or image where the workers' image holds this very code"
        raise ConfigurationError(f"RATIOPATH_CODE: found {code!r}; {remedy}")
    folders = [next(iter(spec.submodule_search_locations or ())) for name in PACKAGES if (spec := find_spec(name))]
    return {"py_modules": folders} if code == "ship" else {}


def ensure_ray() -> None:
    """Start Ray on this machine, or connect to the cluster that RAY_ADDRESS names, once."""
    if not ray.is_initialized():
        cluster = address()
        local = {"address": "local", "include_dashboard": False}  # or Ray would join whichever runs on this machine
        options = local if cluster is None else {"address": cluster, "runtime_env": runtime_env()}
        ray.init(logging_level="ERROR", log_to_driver=False, **options)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def warm_up() -> None:
    """Start Ray and let its local workers import the tasks, without waiting for them; Ray needs the main thread."""
    ensure_ray()
    if os.environ.get("RAY_ADDRESS"):
        return
    load = ray.remote(num_cpus=1)(import_module)
    for _ in range(int(ray.available_resources().get("CPU", 1))):
        load.remote("flows.tasks")


def reserved_for(request: Request) -> dict[str, float]:
    """Return the resources that a Ray task reserves on the nodes of this runtime.

    Raises:
        ConfigurationError: No node can ever run it.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return reserved(request, nodes, may_grow=address() is not None)


def reserved(request: Request, nodes: list[dict[str, float]], *, may_grow: bool) -> dict[str, float]:
    """Return the resources that a Ray task reserves.

    Args:
        request: Resources of the configuration.
        nodes: Total resources of each node.
        may_grow: True if larger nodes may join; else a Ray task that fits none would wait for ever.

    Raises:
        ConfigurationError: No node can ever run it.
    """
    largest = {name: max((node.get(name, 0) for node in nodes), default=0) for name in ("CPU", "memory")}
    memory = min(DEFAULT_MEMORY, largest["memory"]) if request.memory is None else request.memory
    if not may_grow and (request.num_cpus > largest["CPU"] or memory > largest["memory"]):
        has = f"{largest['CPU']:g} processors and {largest['memory']:.0f} bytes"
        raise ConfigurationError(
            f"resources: num_cpus {request.num_cpus:g} and memory {memory:.0f} do not fit this machine, which has "
            f"{has}; ask for less"
        )
    return {"num_cpus": request.num_cpus, "memory": memory}
