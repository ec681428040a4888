"""The lock of an output folder: one run at a time."""

import pytest

from flows.storage.filesystem import OutputError, Storage
from flows.storage.lock import output_lock


def test_a_second_run_on_an_output_is_refused_until_the_first_ends(tmp_path):
    with (
        output_lock(Storage.at(str(tmp_path))),
        pytest.raises(OutputError, match=r"another run is writing to .*; hint: wait for it"),
        output_lock(Storage.at(str(tmp_path))),
    ):
        pass
    with output_lock(Storage.at(str(tmp_path))):
        pass
