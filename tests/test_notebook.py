"""The tutorial notebook runs in a kernel of its own, and is kept without outputs."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tutorial.ipynb"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    """Outputs of each code cell, run in a folder that is deleted."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
        NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


def text(output: Any) -> str:
    return output.text if output.output_type == "stream" else output.data["text/plain"]


def pictures(outputs: list[Any]) -> int:
    return sum("image/png" in output.get("data", {}) for output in outputs)


def test_the_notebook_draws_and_reads_the_sample(outputs: list[list[Any]]) -> None:
    tables, picture, threshold, pixels, batch = outputs

    assert "4096 x 3072" in text(tables[0])
    assert [pictures(cell) for cell in (picture, threshold, pixels)] == [1, 1, 1]
    counts = [int(line.split()[3]) for line in text(threshold[0]).splitlines()]
    assert counts == sorted(counts, reverse=True)
    assert counts[2] > 0
    assert text(batch[0]).startswith("((32, 256, 256, 3), ")
    assert [output for cell in outputs for output in cell if output.get("name") == "stderr"] == []


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells

    assert [cell for cell in cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)] == []
