"""Processes of a Ray on this machine that no run needs: each takes half a second or more of a processor to start.

`ray.init` and Ray Data have no settings for them. A release of Ray that has another name for one starts that one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any

import ray
from ray._private import worker
from ray._private.node import Node
from ray.data._internal.execution import streaming_executor
from ray.data._internal.execution.interfaces import ExecutionResources
from ray.data._internal.stats import _StatsManager

_STARTS = ("start_monitor", "start_log_monitor", "start_api_server")
"""Methods of a node that start the autoscaler, the copier of the workers' output, and the dashboard's server, for
which `ray.init` waits also without a dashboard."""
_REPORTS = ("register_dataset_to_stats_actor", "update_execution_metrics", "update_iteration_metrics")
"""Functions that report to an actor, from which the dashboard and Prometheus read."""


@contextmanager
def none_but_needed() -> Iterator[None]:
    """Start a node in this block without these processes."""
    kept = {name: getattr(Node, name) for name in _STARTS if hasattr(Node, name)}
    for name in kept:
        setattr(Node, name, _nothing)
    try:
        yield
    finally:
        for name, start in kept.items():
            setattr(Node, name, start)


@cache
def need_no_actors() -> None:
    """Let Ray Data run without its actors for scaling and for metrics, wherever this process has started the node."""
    for name in _REPORTS:
        if hasattr(_StatsManager, name):
            setattr(_StatsManager, name, staticmethod(_unless_own_node(getattr(_StatsManager, name), _nothing)))
    if hasattr(streaming_executor, "create_cluster_autoscaler"):
        scaled = streaming_executor.create_cluster_autoscaler
        streaming_executor.create_cluster_autoscaler = _unless_own_node(scaled, _OneNode)


class _OneNode:
    """The autoscaler of a dataset that has this node and no other (`ray.data._internal.cluster_autoscaler`)."""

    def __init__(self, *_arguments: object, **_options: object) -> None:
        pass

    def try_trigger_scaling(self) -> None:
        pass

    def on_executor_shutdown(self) -> None:
        pass

    def get_total_resources(self) -> ExecutionResources:
        return ExecutionResources.from_resource_dict(ray.cluster_resources())


def _unless_own_node(kept: Callable[..., Any], instead: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is another one on a node that this process has started."""

    @wraps(kept)
    def chosen(*arguments: Any, **options: Any) -> Any:
        node = worker._global_node  # noqa: SLF001 - no public function tells
        return (instead if node is not None and node.is_head() else kept)(*arguments, **options)

    return chosen


def _nothing(*_arguments: object, **_options: object) -> None:
    pass
