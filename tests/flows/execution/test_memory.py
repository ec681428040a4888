"""Memory of a run: that of the container or the batch job."""

import os
from pathlib import Path

import pytest

from flows.execution.memory import memory_limit, shares_of
from tests.support.control_groups import groups

MIB, GIB = 1 << 20, 1 << 30
V2, V1 = "0::/pod/run\n", "5:memory:/pod/run\n4:cpu,cpuacct:/c\n"


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        (V2, {}, None),
        (V2, {"memory.max": "max\n"}, None),
        (V2, {"memory.max": f"{GIB}\n"}, GIB),  # a container: its group is the root
        (V2, {"memory.max": "max\n", "pod/memory.max": f"{GIB}\n", "pod/run/memory.max": "max\n"}, GIB),
        (V2, {"memory.max": f"{GIB}\n", "pod/run/memory.max": f"{512 * MIB}\n"}, 512 * MIB),
        (V2, {"memory.max": "nonsense\n"}, None),
        (V1, {"memory/pod/run/memory.limit_in_bytes": f"{GIB}\n"}, GIB),
        (V1, {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),  # no limit
        ("odd", {}, None),
    ],
)
def test_the_smallest_limit_counts(tmp_path: Path, own: str, files: dict[str, str], expected: int | None) -> None:
    assert memory_limit(groups(tmp_path, own, files)) == expected


def test_a_limit_above_the_machine_is_none(tmp_path: Path) -> None:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert memory_limit(groups(tmp_path, V2, {"memory.max": f"{machine + 1}\n"})) is None


def test_ray_and_the_tasks_leave_some_of_a_limit() -> None:
    shares = shares_of(4 * GIB)
    assert shares.keys() == {"object_store_memory", "_memory"}
    assert 3 * GIB < sum(shares.values()) < 4 * GIB
    assert shares_of(None) == {}
