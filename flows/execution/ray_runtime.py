"""A Ray cluster that is there already: where it is, and how this code gets to its workers."""

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
"""What is shipped; what they import is for the image of the workers to have."""
DEFAULT_MEMORY = 1 << 30
"""Bytes for a task. Workers were measured at 0.13 GB on a common mask, with a million tiles too; the rest is room for
several overlays and for codecs that decode large strips."""


def address() -> str | None:
    """Of the cluster that RAY_ADDRESS names, None where Ray is to be started on this machine.

    Raises:
        ConfigurationError: It goes through Ray Client, over which Ray Data does not run.
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
    """What workers need of this process: its packages, unless RATIOPATH_CODE=image says that their image has them.

    Raises:
        ConfigurationError: RATIOPATH_CODE is something else.
    """
    where = os.environ.get("RATIOPATH_CODE", "ship")
    if where not in {"ship", "image"}:
        remedy = "give ship, or image where the workers' image holds this very code"
        raise ConfigurationError(f"RATIOPATH_CODE: says how workers get the code, found {where!r}; {remedy}")
    folders = [next(iter(spec.submodule_search_locations or ())) for name in PACKAGES if (spec := find_spec(name))]
    return {"py_modules": folders} if where == "ship" else {}


def reserved(request: Request, nodes: list[dict[str, float]], *, may_grow: bool) -> dict[str, float]:
    """The resources that a task asks for.

    Args:
        request: Of the configuration.
        nodes: What each node has in all.
        may_grow: Whether larger nodes may come; else a task that fits none would wait for ever.

    Raises:
        ConfigurationError: No node can ever run it.
    """
    largest = {name: max((node.get(name, 0) for node in nodes), default=0) for name in ("CPU", "memory")}
    memory = min(DEFAULT_MEMORY, largest["memory"]) if request.memory is None else request.memory
    if not may_grow and (request.num_cpus > largest["CPU"] or memory > largest["memory"]):
        has = f"{largest['CPU']:g} processors and {largest['memory']:.0f} bytes"
        raise ConfigurationError(
            f"resources: a task fits a node, found num_cpus {request.num_cpus:g} and memory {memory:.0f}, this machine "
            f"gives {has}; ask for less"
        )
    return {"num_cpus": request.num_cpus, "memory": memory}


def ensure_ray() -> None:
    """Start Ray once, on this machine or, where RAY_ADDRESS says so, on a"""
    if not ray.is_initialized():
        there = address()
        local = {"address": "local", "include_dashboard": False}  # or Ray would join whichever runs on this machine
        options = local if there is None else {"address": there, "runtime_env": runtime_env()}
        ray.init(logging_level="ERROR", log_to_driver=False, **options)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def warm_up() -> None:
    """Start Ray and let its local workers load the tasks, without waiting for them. Ray wants the main thread."""
    ensure_ray()
    if os.environ.get("RAY_ADDRESS"):
        return
    load = ray.remote(num_cpus=1)(import_module)
    for _ in range(int(ray.available_resources().get("CPU", 1))):
        load.remote("flows.tasks")


def reserved_for(request: Request) -> dict[str, float]:
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return reserved(request, nodes, may_grow=address() is not None)
