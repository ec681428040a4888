"""Where a run writes."""

import os
from dataclasses import dataclass

from schemas.failures import STAGES


@dataclass(frozen=True, slots=True)
class Workspace:
    """The output folder, and the hidden folder in it for what the tasks hand on."""

    output: str
    """Absolute path."""

    @property
    def hidden(self) -> str:
        """Unfinished files and tables between the tasks; on the output's file system, so that files can be moved."""
        return os.path.join(self.output, ".work")

    def published(self, *names: str) -> str:
        """A file that users read."""
        return os.path.join(self.output, *names)

    def between(self, *names: str) -> str:
        """A file that only the next task reads."""
        return os.path.join(self.hidden, *names)

    def failures(self, stage: str) -> str:
        """The slides that one task put aside."""
        return self.between("failures", f"{STAGES.index(stage)}.parquet")
