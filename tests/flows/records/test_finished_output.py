"""Finished outputs, as a notebook shows them."""

from flows.records.finished_output import FinishedOutput
from tests.support.cohort import write_cohort


def test_an_output_is_printed_in_one_line(tmp_path) -> None:
    folder = write_cohort(tmp_path / "out", [{"path": "/slides/a.svs"}, {"path": "/slides/b.svs"}], [1, 0])
    assert repr(FinishedOutput.open(str(folder))) == f"FinishedOutput({str(folder)!r}, 2 slides)"
