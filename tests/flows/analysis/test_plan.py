"""The plan of a run: its counts are those of the run that follows, and nothing is written or started."""

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from flows.analysis.plan import Plan, plan_run
from flows.cli.main import run
from flows.cli.verbs.dispatch import main
from flows.records.run_record import Summary
from tests.support import study
from tests.support.population import Population
from tests.support.study import (
    configured,
    failures,
    random_labels,
    settings,
    truncate,
    write_mask,
    write_settings,
    write_slide_without_mpp,
    write_study,
)


def planned(folder: Path, **changes: Any) -> Plan:
    return plan_run(configured(folder, **changes))


def count_files(root: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(root))


@pytest.mark.usefixtures("local_ray", "server")
class TestTheRunThatFollows:
    def expect(self, folder: Path, output: Path, **changes: Any) -> dict[str, int]:
        """Plan, run, and compare the counts and the failures; return the counts."""
        plan = planned(folder, **changes)
        result = study.run(folder, **changes).result(raise_on_failure=False)
        summary = result if isinstance(result, Summary) else result.summary
        names = ("found", "new", "changed", "recomputed", "unchanged", "put_aside", "gone", "tiles")
        assert {name: plan.counts[name] for name in names} == {name: getattr(summary, name) for name in names}
        told = {os.path.basename(slide.path): slide.failure for slide in plan.put_aside}
        found = failures(output)
        assert {name: (one["stage"], one["error"]) for name, one in told.items()} == {
            name: (stage, error) for name, (stage, error, _) in found.items()
        }
        assert all(found[name][2].startswith(one["message"]) for name, one in told.items())
        return plan.counts

    def test_has_the_planned_counts_and_failures(self, folder, output) -> None:
        population = Population(folder, Random(0))  # noqa: S311 - no secret
        population.add(8)
        write_slide_without_mpp(folder / "bare.tiff")
        first = self.expect(folder, output)
        assert (first["new"], first["put_aside"], first["tiles_to_measure"]) == (8, 1, 96)
        population.ran()
        population.change(0.15)
        (folder / "slide 00008_classes.ome.tiff").unlink()
        write_mask(folder / "slide 00000_tissue.tiff", random_labels(0, (0, 255), (100, 32)))
        second = self.expect(folder, output)
        assert min(second[name] for name in ("unchanged", "put_aside", "gone")) >= 1
        same = planned(folder, force=True)
        assert same.counts["recomputed"] == second["unchanged"] + second["changed"]


def test_states_need_no_pixels(folder) -> None:
    write_study(folder, "a", "b")
    (folder / "b_classes.ome.tiff").unlink()
    plan = planned(folder)
    size = sum((folder / name).stat().st_size for name in ("a_tissue.tiff", "a_classes.ome.tiff"))
    assert plan.counts["bytes_to_read"] == size
    assert plan.missing == {"tissue": 0, "annotation": 1}
    [slide] = plan.put_aside
    assert slide.failure["error"] == "OverlayNotFoundError"


def test_a_damaged_file_beside_whole_ones_fails_alone(folder) -> None:
    names = [f"s{number}" for number in range(12)]
    write_study(folder, *names)
    truncate(folder / "s3.tiff")
    plan = plan_run(configured(folder), threads=8)
    assert [os.path.basename(slide.path) for slide in plan.put_aside] == ["s3.tiff"]


def test_a_detected_mask_that_is_not_there_is_planned_as_new(folder) -> None:
    write_study(folder, "a")
    (folder / "a_tissue.tiff").unlink()
    (folder / "a_classes.ome.tiff").unlink()
    overlays = {"seen": {"detect": "saturation", "classes": {"tissue": [1]}}}
    plan = planned(folder, overlays=overlays)
    assert (plan.counts["new"], plan.counts["bytes_to_read"], plan.missing) == (1, 0, {})


def test_paths_and_ids_of_a_manifest_are_those_of_the_plan(folder) -> None:
    write_study(folder, "a", "b")
    manifest = folder.parent / "slides.csv"
    rows = [f"{folder}/a.tiff,{folder}/a_tissue.tiff,first,p1", f"{folder}/b.tiff,,second,p2"]
    manifest.write_text("\n".join(["path,mask,slide_id,patient", *rows]))
    overlays = {"tissue": {"path": {"column": "mask"}, "classes": {"tissue": [255]}, "missing": None}}
    plan = planned(folder, slides=str(manifest), columns=["patient"], overlays=overlays)
    assert [(one.slide_id, one.status, one.missing) for one in plan.slides] == [
        ("first", "new", ()), ("second", "new", ("tissue",)),
    ]  # fmt: skip


@pytest.fixture
def file(folder, tmp_path) -> str:
    return write_settings(tmp_path / "coverage.yaml", settings(folder))


def test_the_verb_writes_nothing_and_starts_neither_ray_nor_prefect(folder, file, tmp_path) -> None:
    write_study(folder, "a")
    before = count_files(tmp_path)
    code = (
        "import sys; from flows.cli.verbs.dispatch import main; code = main(sys.argv[1:]); import ray;"
        "print(ray.is_initialized(), 'prefect' in sys.modules); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, "plan", "--config", file]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, *_, step, is_started = done.stdout.splitlines()
    assert first == "1 slides found: 1 new, 0 changed, 0 unchanged, 0 to be put aside; 0 gone"
    assert step.endswith(f" coverage --config {file}")
    assert is_started == "False False"
    assert count_files(tmp_path) == before


def test_the_verb_ends_with_3_if_more_would_fail_than_are_tolerated(folder, file, capsys) -> None:
    write_study(folder, "a", "b")
    (folder / "b_tissue.tiff").unlink()
    assert main(["plan", "--config", file, "--json"]) == 3
    printed = capsys.readouterr()
    assert json.loads(printed.out)["counts"]["put_aside"] == 1
    assert printed.err.startswith(f"to be put aside '{folder}/b.tiff', derive overlay paths: OverlayNotFoundError: ")
    assert main(["plan", "--config", file, "--tolerate", "1", "-q"]) == 0
    assert main(["plan", "--config", file, "--keep", "tumour > 0"]) == 2


def test_a_dry_run_is_the_plan(folder, file, capsys) -> None:
    write_study(folder, "a")
    with pytest.raises(SystemExit) as ended:
        run(["--config", file, "--dry-run"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("1 slides found: 1 new, ")
