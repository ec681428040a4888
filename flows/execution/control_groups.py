"""Control groups of Linux: those that hold this process and all above them, of both versions.

docs.kernel.org: admin-guide/cgroup-v2 and admin-guide/cgroup-v1.
"""

from collections.abc import Iterator
from pathlib import Path


def control_groups(controller: str, root: Path) -> Iterator[tuple[int, Path]]:
    """Yield the version and the folder of each group with a controller, this process's first.

    Args:
        controller: Name of the controller, such as cpu.
        root: Folder of proc/ and sys/.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if not controllers:
            yield from ((2, group) for group in _upwards(root / "sys/fs/cgroup", path))
        elif controller in controllers.split(","):
            yield from ((1, group) for group in _upwards(root / "sys/fs/cgroup" / controller, path))


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    """Yield a group and those above it; in a container the path may be that of the host, of which only the root is."""
    group = mount / path.strip("/")
    while True:
        yield group
        if group == mount:
            return
        group = group.parent


def setting(group: Path, name: str) -> str:
    """Read a setting of a group; empty if it has none."""
    try:
        return (group / name).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
