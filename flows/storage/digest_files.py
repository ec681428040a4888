"""Files in .state/ that have the SHA-256 of their bytes in their names, so that a damaged one counts as absent.

OUTPUT/.state/NAME-SHA256.index     Parquet, which has no checksum of its footer
"""

import hashlib
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from flows.storage.filesystem import output_errors
from flows.storage.workspace import STATE, Workspace


@dataclass(frozen=True, slots=True)
class DigestFiles:
    """Files of one kind in an output."""

    workspace: Workspace
    """Workspace of the run."""
    pattern: str
    """Regular expression of what stands before the digest in their names."""

    def names(self) -> list[str]:
        """Return their names, sorted."""
        try:
            names = self.workspace.names(self.workspace.published(STATE))
        except NotADirectoryError:  # the output is refused: flows.reports.ownership
            return []
        form = re.compile(f"{self.pattern}-[0-9a-f]{{64}}\\.index")
        return list(filter(form.fullmatch, names))

    def read(self, name: str) -> pa.Buffer | None:
        """Return the bytes of a file; None if it is gone or damaged."""
        try:
            with self.workspace.files.open_input_file(self._path(name)) as file:
                content = file.read_buffer()
        except OSError:
            return None
        return content if name.endswith(f"-{_digest(content)}.index") else None

    def write(self, start: str, content: pa.Buffer) -> str:
        """Write a file, which is complete when this returns; return its name, which begins with this."""
        name = f"{start}-{_digest(content)}.index"
        with output_errors(self._path(name)), self.workspace.atomic_write(self._path(name)) as file:
            file.write(content)
        return name

    def remove(self, names: Iterable[str]) -> None:
        """Remove files."""
        for name in names:
            self.workspace.remove(self._path(name))

    def _path(self, name: str) -> str:
        return posixpath.join(self.workspace.published(STATE), name)


def _digest(content: pa.Buffer) -> str:
    return hashlib.sha256(content).hexdigest()
