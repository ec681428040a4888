"""Files of control groups as Linux shows them, in a folder."""

from pathlib import Path


def groups(root: Path, own: str, files: dict[str, str]) -> str:
    """Write the groups of a process, and settings of groups by their path; return the folder."""
    for name, text in {
        "proc/self/cgroup": own,
        **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return str(root)
