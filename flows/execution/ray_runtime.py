"""The Ray runtime of a run: started on this machine, or a cluster that RAY_ADDRESS names."""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import ray
import ray.data
from ray.exceptions import AuthenticationError

from flows.config.errors import ConfigurationError
from flows.config.resources import Request
from flows.execution.address import reason, require_cluster, shown
from flows.execution.memory import memory_limit, shares_of
from flows.execution.processors import usable_processors
from flows.execution.quick_import import import_tasks
from flows.execution.ray_processes import need_no_actors, none_but_needed
from flows.execution.start_error import StartError

PACKAGES = ("flows", "ratiopath", "schemas")
"""Packages shipped to the workers; their dependencies are part of the workers' image."""
DEFAULT_MEMORY = 1 << 30
"""Memory that a Ray task reserves by default, in bytes. A worker takes 0.13 GB for a common mask, also with a million
tiles; the rest is room for several overlays and for codecs that decode large strips."""
MIN_SPACE = 1 << 26
"""Free bytes of Ray's temporary folder below which Ray is not started: it would hang for 30 s and say nothing."""
MIN_OF_CLUSTER = 16
"""Processors that are expected of a cluster, which may start its nodes when there is work."""
_TEMP_HINT = f"set RAY_TMPDIR to a short path of a folder that can be written and has {MIN_SPACE >> 20} MiB free"
_AUTH_HINT = "if it asks for a token, set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"


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
        raise ConfigurationError(
            f"RAY_ADDRESS: Ray Data does not run over Ray Client, found {shown(found)!r}; {remedy}"
        )
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
    """Start Ray on this machine, or connect to the cluster that RAY_ADDRESS names, once.

    Raises:
        ConfigurationError: RAY_ADDRESS or RATIOPATH_CODE is wrong.
        StartError: Ray does not start, or the cluster does not answer or refuses this program.
    """
    if not ray.is_initialized():
        cluster = address()
        if cluster is None:
            _start_local()
        else:
            _connect(cluster)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def _start_local() -> None:
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - as Ray chooses it
    _require_space(folder)
    processors, memory = usable_processors(), shares_of(memory_limit())
    need_no_actors()
    for is_last in (False, True):
        try:
            with _silent(), none_but_needed():
                # "local", or Ray would join one that runs already
                _init(address="local", include_dashboard=False, num_cpus=processors, **memory)
        except OSError as error:
            used = str(error.filename or folder)
            is_temporary = error.filename is None or used.startswith(os.path.join(folder, "ray"))
            hint = _TEMP_HINT if is_temporary else "set HOME to a folder that can be written"  # for Ray's own token
            raise StartError(f"Ray cannot use {used!r}: {error.strerror or error}", hint=hint) from error
        except ValueError as error:
            hint = "free memory, or give the container more (--memory and --shm-size of docker run)"
            raise StartError(f"Ray has too little memory for its object store: {error}", hint=hint) from error
        except Exception as error:  # Ray raises it bare when it is not up in its time
            shut_down()
            if is_last:
                hint = f"the logs in {os.path.join(folder, 'ray', 'session_latest', 'logs')} say more; run it again"
                raise StartError(f"Ray did not start, tried twice: {error}", hint=hint) from error
        else:
            return


def _require_space(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise StartError(f"Ray cannot use {folder!r}: {error.strerror}", hint=_TEMP_HINT) from error
    if free < MIN_SPACE:
        raise StartError(f"Ray cannot use {folder!r}: {free / (1 << 20):.1f} MiB are free", hint=_TEMP_HINT)


def _connect(cluster: str) -> None:
    environment = runtime_env()
    require_cluster(cluster)
    name = repr(shown(cluster))
    try:
        with _silent():
            _init(address=cluster, runtime_env=environment)
    except AuthenticationError:
        raise StartError(f"the Ray cluster {name} asks for a token; found none", hint=_AUTH_HINT) from None
    except ConnectionError:
        hint = f"{_AUTH_HINT}; else check RAY_ADDRESS"
        raise StartError(f"the Ray cluster {name} refuses this program", hint=hint) from None
    except Exception as error:  # noqa: BLE001 - Ray raises many classes
        hint = f"check RAY_ADDRESS, and that the cluster runs Ray {ray.__version__}"
        problem = f"the connection to the Ray cluster {name} failed: {reason(error, cluster)}"
        raise StartError(problem, hint=hint) from None


def shut_down() -> None:
    """End this process's Ray, in silence: it reports tasks that still run then, such as those of `warm_up`, as lost."""
    with _silent():
        ray.shutdown()


@contextmanager
def _silent() -> Iterator[None]:
    """Discard what is written to stderr: Ray's C++ code prints lines there, whatever its log level."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _init(**options: Any) -> None:
    ray.init(logging_level="ERROR", log_to_driver=False, **options)


def warm_up() -> None:
    """Start Ray and let its local workers import the tasks, without waiting for them; Ray needs the main thread."""
    ensure_ray()
    if os.environ.get("RAY_ADDRESS"):
        return
    load = ray.remote(num_cpus=1)(import_tasks)
    for _ in range(int(ray.available_resources().get("CPU", 1))):
        load.remote()


def ray_processors() -> int:
    """Return the number of processors of Ray; of a cluster, which may grow, at least `MIN_OF_CLUSTER`."""
    ensure_ray()
    found = int(ray.cluster_resources().get("CPU", 1))
    return max(found, 1 if address() is None else MIN_OF_CLUSTER)


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
