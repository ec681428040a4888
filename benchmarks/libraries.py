"""The public column expressions of this library and of the seed's, each in its own interpreter."""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.job import ROIS

OURS, SEED, ARRAYS = "ours, through Ray", "seed library, through Ray", "ours, without Ray"
SEED_INSTALL = (
    "python3.12 -m venv seed && seed/bin/pip install --no-deps ratiopath==1.5.0"
    " && seed/bin/pip install geopandas imagecodecs openslide-bin openslide-python pandas pillow 'pyvips[binary]'"
    " rasterio 'ray[data]' scikit-image shapely tifffile zarr"
)
"""An environment for the seed's library without PyTorch, which these expressions do not use."""


@dataclass(frozen=True, slots=True)
class Request:
    """A column to compute."""

    what: str
    """overlap, overlay or slide tiles."""
    table: pa.Table
    """Rows, in order."""
    rows_per_block: int
    """Rows of a Ray block."""
    roi: str = "box"
    """Name of the region of interest."""

    def line(self, folder: Path) -> str:
        """Serialise the request for `benchmarks/expressions.py`; the table is written into a folder."""
        path = folder / f"{self.what}-{self.table.num_rows}-{id(self.table)}.parquet"
        if not path.exists():
            pq.write_table(self.table, path)
        wkt, rows = ROIS[self.roi].wkt, self.rows_per_block
        return json.dumps({"what": self.what, "table": str(path), "roi": wkt, "rows_per_block": rows}) + "\n"


class Library:
    """A process with one of the libraries."""

    def __init__(self, python: str, script: str = "expressions.py") -> None:
        """Start it.

        Args:
            python: Interpreter with the library.
            script: Script to run, with Ray or without.
        """
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [python, str(Path(__file__).parent / script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd="/",
        )

    def ask(self, request: Request) -> dict[str, Any]:
        """Compute a column; return its `seconds` and the memory of the largest worker afterwards, `worker_mb`."""
        self._process.stdin.write(request.line(Path(self._folder.name)))
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        self._folder.cleanup()


def interpreters(seed: str | None) -> dict[str, str]:
    """Map the libraries to measure to their interpreters."""
    return {OURS: sys.executable, **({SEED: seed} if seed else {})}


def whole_process(python: str, request: Request, script: str = "expressions.py") -> float:
    """Time a whole process: imports, start and end of Ray if used, one column."""
    began = time.perf_counter()
    with Library(python, script) as library:
        library.ask(request)
    return time.perf_counter() - began
