"""Processes of a Ray on this machine that no run needs: each takes half a second of a processor to start."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray._private.node import Node  # `ray.init` has no parameter for them

_STARTS = ("start_monitor", "start_log_monitor", "start_api_server")
"""Methods that start the autoscaler, the copier of the workers' output, and the dashboard's server, for which
`ray.init` waits also without a dashboard. A release of Ray that has another name for one starts that one."""


@contextmanager
def none_but_needed() -> Iterator[None]:
    """Start a node in this block without these processes."""
    kept = {name: getattr(Node, name) for name in _STARTS if hasattr(Node, name)}
    for name in kept:
        setattr(Node, name, _not_started)
    try:
        yield
    finally:
        for name, start in kept.items():
            setattr(Node, name, start)


def _not_started(_node: Node, **_options: Any) -> None:
    pass
