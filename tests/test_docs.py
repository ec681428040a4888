"""Examples in docs/: configurations validate, Python code runs on the sample, generated tables are complete."""

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest
import yaml

from flows.cli.sample import make_sample
from flows.cli.verbs.dispatch import main
from flows.config.model import CoverageConfig
from flows.config.yaml_file import read_yaml
from flows.pipeline import coverage
from ratiopath.geometry import Mpp
from ratiopath.slides import open_slide

DOCS = Path(__file__).parents[1] / "docs"
BASE = {
    "slides": "slides/",
    "output": "coverage/",
    "tiling": {"mpp": 0.5, "tile_extent": 512},
    "overlays": {"tissue": {"path": "{dir}/{stem}_tissue_mask.tiff", "classes": {"tissue": [255]}}},
}
"""Configuration that the fragments on the pages are parts of."""


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def section(page: str, title: str, language: str) -> str:
    text = (DOCS / page).read_text("utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    return "".join(re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE))


CONFIGURATIONS = [
    pytest.param(block, id=f"{page}-{number}")
    for page in ("recipes.md", "tutorial.md", "configuration.md", "cluster.md", "heatmaps.md", "tissue.md")
    for number, block in enumerate(blocks(page, "yaml"), start=1)
]


@pytest.mark.parametrize("block", CONFIGURATIONS)
def test_the_configurations_on_the_pages_are_valid(block: str) -> None:
    fragment: dict[str, Any] = yaml.safe_load(block)

    CoverageConfig.model_validate(BASE | fragment)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_sample("coverage-sample")
    return folder


def test_the_recipe_for_a_notebook_runs_on_the_sample(
    sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(sample)

    exec(section("recipes.md", "One slide in a notebook", "python"), {})  # noqa: S102 - the page is ours

    tiles, tumor = capsys.readouterr().out.split()
    assert (tiles, float(tumor)) == ("192", 1.0)


def test_the_tissue_of_the_sample_is_detected_in_python(
    sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(sample)

    exec(section("tissue.md", "In Python", "python"), {})  # noqa: S102 - the page is ours

    assert capsys.readouterr().out.startswith("Mpp(x=4.0, y=4.0) ")
    with open_slide("coverage-sample/tissue.tiff") as mask:
        assert (mask.dtype, mask.pyramid.mpp) == (bool, Mpp(4.0, 4.0))


@pytest.fixture(scope="module")
def covered_sample(sample: Path, local_ray: None, server: None) -> Path:
    """The sample after a run on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(sample)
        config = read_yaml("coverage-sample/coverage.yaml")
        coverage(CoverageConfig.model_validate(config | {"previews": False}), return_state=True).result()
    return sample


def test_the_tutorial_counts_the_kept_tiles(covered_sample: Path) -> None:
    assert ds.dataset(covered_sample / "coverage-sample/coverage/tiles").count_rows() == 98
    assert "98 of 384 tiles" in (DOCS / "tutorial.md").read_text("utf-8")


def test_the_tutorial_prints_an_overlap_and_ends_with_a_plot(
    covered_sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(covered_sample)

    exec("".join(blocks("tutorial.md", "python")), {})  # noqa: S102 - the page is ours

    assert capsys.readouterr().out.splitlines()[-1] in (DOCS / "tutorial.md").read_text("utf-8")
    assert Path("coverage-sample/tumor.png").read_bytes() == (DOCS / "tumor.png").read_bytes()


@pytest.mark.parametrize("title", ["Another threshold, without reading pixels", "Tiles at the edge"])
def test_the_recipes_on_tables_run(
    covered_sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], title: str
) -> None:
    monkeypatch.chdir(covered_sample)

    exec(section("recipes.md", title, "python"), {})  # noqa: S102 - the page is ours

    assert capsys.readouterr().out != ""


def test_the_page_on_training_runs_up_to_torch(
    covered_sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(covered_sample)
    assert main(["sample", "coverage-sample/coverage", "--per-slide", "20", "--seed", "1", "-q"]) == 0
    capsys.readouterr()
    scope: dict[str, Any] = {}
    code = section("training.md", "Tiles by index", "python") + section("training.md", "Many tiles", "python")

    exec(code, scope)  # noqa: S102 - the page is ours

    first, sampled = capsys.readouterr().out.splitlines()
    assert first.startswith("(256, 256, 3) sample-")
    assert (sampled.split()[0], len(scope["dataset"])) == ("40", 98)


def hook(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_every_column_of_every_table_is_on_the_page() -> None:
    tables = hook("tables")
    page = tables.on_page_markdown((DOCS / "tables.md").read_text("utf-8"))

    columns = {name for schema in tables.MARKS.values() for name in schema.arrow.names}
    assert columns == {name for name in columns if f"| `{name}` |" in page}


def test_every_count_of_a_run_is_on_the_page() -> None:
    tables = hook("tables")

    fields = tables.Summary.__dataclass_fields__.keys() - {"review", "exports"}
    assert [name for name in fields if f"| `{name}` |" not in tables.summary_table()] == []


def test_every_field_of_the_configuration_is_on_the_page() -> None:
    table = hook("configuration_table").table()

    assert [name for name in CoverageConfig.model_fields if f"| `{name}` |" not in table] == []


PAGES = [DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md", *DOCS.rglob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS.parent)))
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"`((?:flows|ratiopath|schemas|tests|docs|deploy)/[\w/.-]+)`", page.read_text("utf-8"))

    assert [path for path in named if not (DOCS.parent / path).exists()] == []


def test_the_decisions_that_the_code_cites_exist() -> None:
    sources = [
        path for folder in ("flows", "ratiopath", "schemas", "tests") for path in (DOCS.parent / folder).rglob("*.py")
    ]
    cited = {
        name for path in sources for name in re.findall(r"docs/decisions/(\d[\w.-]+\.md)", path.read_text("utf-8"))
    }

    assert cited - {path.name for path in (DOCS / "decisions").iterdir()} == set()
