"""Where a run writes."""

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Literal
from uuid import uuid4

from pyarrow.fs import FileSystem

from flows.storage.filesystem import Storage
from schemas.failures import STAGES


@dataclass(frozen=True, slots=True)
class Workspace:
    """The output, and a hidden folder in it for what the tasks hand on, which workers on other machines read too."""

    storage: Storage
    """Where the output is."""
    run: str = field(default_factory=lambda: uuid4().hex)
    """Names this run, so that a worker left by a dead one writes elsewhere."""

    @classmethod
    def at(cls, output: str) -> "Workspace":
        """Of a new run.

        Args:
            output: A path or a URI.
        """
        return cls(Storage.at(output))

    @property
    def output(self) -> str:
        """What users call the output: an absolute path, or the URI."""
        return self.storage.name

    @property
    def files(self) -> FileSystem:
        """What reads the output's files."""
        return self.storage.files

    @property
    def hidden(self) -> str:
        """Unfinished files and tables between the tasks; in the output's storage, so that files can be moved."""
        return posixpath.join(self.storage.root, ".work", self.run)

    def published(self, *names: str) -> str:
        """A file that users read."""
        return posixpath.join(self.storage.root, *names)

    def of_slide(self, folder: Literal["coverage", "tiles"], slide_id: str) -> str:
        """The file of one slide in a folder that is one table."""
        return self.published(folder, f"{slide_id}.parquet")

    def between(self, *names: str) -> str:
        """A file that only the next task reads."""
        return posixpath.join(self.hidden, *names)

    def failures(self, stage: str) -> str:
        """The slides that one task put aside."""
        return self.between("failures", f"{STAGES.index(stage)}.parquet")

    def tidy(self) -> None:
        """Remove the hidden folder, of this run and of others that were killed."""
        self.storage.remove_folder(posixpath.join(self.storage.root, ".work"))

    @contextmanager
    def atomic_write(self, path: str) -> Iterator[BinaryIO]:
        """A file to write to, which appears under its name when the block ends without an error."""
        with self.storage.atomic_write(path, self.hidden) as file:
            yield file
