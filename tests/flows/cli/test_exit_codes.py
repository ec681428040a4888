"""Exit codes of the command, and the lines that it prints last."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.cli.main import main
from flows.storage.filesystem import Storage
from flows.storage.lock import output_lock
from tests.support.study import FIRST_LINE, settings, write_settings, write_slide_without_mpp, write_study


@pytest.mark.usefixtures("local_ray", "server")
class TestExitCodes:
    def test_0_when_every_slide_is_in_the_tables(self, folder, file, capsys) -> None:
        write_study(folder, "a")
        assert main(["--config", file, "--keep", "null"]) == 0
        first, result, following = capsys.readouterr().out.splitlines()
        assert f"{first}\n" == FIRST_LINE
        assert result.startswith("1 of 1 slides in the tables, 0 put aside; 1 new, ")
        assert following.startswith(
            f"next: read the tiles from {folder.parent}/output/tiles; python -m flows sweep and "
        )

    def test_0_and_a_warning_without_slides(self, file, capsys) -> None:
        assert main(["--config", file]) == 0
        printed = capsys.readouterr()
        assert "warning: no slides were found; the tables are empty" in printed.err
        assert printed.out.endswith("\nnext: check slides and exclude, and run it again\n")

    @pytest.fixture
    def busy(self, folder, tmp_path) -> Iterator[None]:
        """An output that another run writes to."""
        write_study(folder, "a")
        with output_lock(Storage.at(str(tmp_path / "output"))):
            yield

    @pytest.mark.usefixtures("busy")
    def test_1_when_the_run_fails(self, file, capsys) -> None:
        assert main(["--config", file]) == 1
        assert "OutputError: another run is writing to " in capsys.readouterr().err

    @pytest.mark.usefixtures("busy")
    def test_a_failed_run_says_why_once(self, file) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "PREFECT_LOGGING_LEVEL"}
        environment["PREFECT_API_URL"] = PREFECT_API_URL.value()
        command = [sys.executable, "-m", "flows.coverage", "--config", file]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 1
        first, second = done.stderr.splitlines()
        assert first.startswith("failed: Flow run encountered an exception: OutputError: another run is writing to ")
        assert second == "  finished slides are kept; run it again: it resumes"

    def test_1_when_the_server_that_is_named_does_not_answer(self, file, capsys) -> None:
        with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
            assert main(["--config", file]) == 1
        said = capsys.readouterr().err
        assert said.startswith("failed: the Prefect server at http://127.0.0.1:9/api/ does not answer: ")
        assert said.endswith("; hint: start it, or unset PREFECT_API_URL to let the run start its own\n")

    def test_3_when_slides_are_put_aside(self, folder, file, capsys) -> None:
        write_study(folder, "a")
        write_slide_without_mpp(folder / "b.tiff")
        assert main(["--config", file]) == 3
        printed = capsys.readouterr()
        assert f"put aside '{folder}/b.tiff', discover slides: MissingMppError: '{folder}/b.tiff' has no" in printed.err
        assert printed.err.count("b.tiff") == 2  # in the path and in the message, not in the log too
        first, result, following = printed.out.splitlines()
        assert f"{first}\n" == FIRST_LINE
        assert result.startswith("1 of 2 slides in the tables, 1 put aside; ")
        assert following == "next: mend or exclude the slides put aside and run it again: it resumes"
        assert main(["--config", file, "--tolerate", "0.5", "-q"]) == 0
        assert capsys.readouterr().out == ""
        assert main(["--config", file, "--json"]) == 3
        printed = capsys.readouterr()
        answer = json.loads(printed.out)
        assert (answer["found"], answer["put_aside"], answer["unchanged"]) == (2, 1, 1)
        assert answer["failures"] == f"{folder.parent}/output/failures.parquet"
        assert "put aside" in printed.err

    @pytest.fixture
    def wrong_class(self, folder, tmp_path) -> list[str]:
        """Configuration of a slide whose mask is 0 and 255, and a class of the value 1."""
        write_study(folder, "a")
        overlays = {"tissue": {"path": "{dir}/{stem}_tissue.tiff", "classes": {"tissue": [1]}}}
        return [
            "--config",
            write_settings(tmp_path / "wrong.yaml", settings(folder, overlays=overlays, exclude=["*_classes*"])),
        ]

    def test_a_class_that_matches_nothing_is_named_in_the_last_lines(self, wrong_class, capsys) -> None:
        assert main(wrong_class) == 0
        found = "1 in none of 1 slides; overlay tissue has 255 (1 slide), 0 (1 slide)"
        assert capsys.readouterr().out.splitlines()[-3:] == [
            f"class tissue matches nothing: {found}; hint: correct overlays.tissue.classes.tissue",
            "1 of 1 slides to review: nothing kept (1 slide), overlay tissue holds none of its classes (1 slide)",
            "next: correct the classes, or look at the slides to review; the tables are complete",
        ]

    def test_3_under_strict_when_a_class_matches_nothing(self, wrong_class) -> None:
        assert main([*wrong_class, "--strict"]) == 3

    def test_a_class_that_matches_nothing_is_named_again_when_no_slide_is_read(self, wrong_class, capsys) -> None:
        main(wrong_class)
        first = capsys.readouterr().out.splitlines()[-3:]
        assert main(wrong_class) == 0
        assert capsys.readouterr().out.splitlines()[-3:] == first
