"""One run at a time."""

import pytest

from flows.lock import only_run
from flows.storage import Storage
from flows.tables import OutputError


def test_a_second_run_on_an_output_is_refused_until_the_first_ends(tmp_path):
    with (
        only_run(Storage.at(str(tmp_path))),
        pytest.raises(OutputError, match="another is running; wait for it"),
        only_run(Storage.at(str(tmp_path))),
    ):
        pass
    with only_run(Storage.at(str(tmp_path))):
        pass
