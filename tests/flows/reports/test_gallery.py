"""The gallery, as a browser renders it."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from flows.reports import gallery
from flows.reports.gallery import Place, exported_file, is_page_name, render_page, split_pages
from flows.reports.previews.scene import Canvas, SampledValues
from flows.reports.previews.tile_shares import Histogram, Layout, write_script
from flows.storage.workspace import Workspace
from schemas.failures import FAILURES
from schemas.slide_report import slide_report
from tests.support.previews import grid_of
from tests.support.study import configured

CHROMIUM = shutil.which("chromium")
in_browser = pytest.mark.skipif(CHROMIUM is None, reason="the Debian package chromium is not installed")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
FAILED = {
    "path": "/s/x", "stage": "discover slides", "error": "TruncatedError", "message": "'/s/x' is truncated",
}  # fmt: skip


def slide(path: str, tiles: int = 10, kept: int = 5, mean: float | None = 0.5, **changes: Any) -> dict[str, Any]:
    row = {"slide_id": path, "path": path, "status": "new", "seconds": None, "tiles": tiles, "kept": kept}
    mm2 = None if mean is None else mean * 2
    return {**row, "tissue_mean": mean, "tissue_mm2": mm2, "suspicions": [], **changes}


def shown(folder: Path, page: str, view: str = "") -> str:
    """Render the page and return its DOM after the script ran; a console message fails the test."""
    (folder / "index.html").write_text(page, encoding="utf-8")
    assert CHROMIUM is not None
    command = [CHROMIUM, *QUIET, f"--user-data-dir={folder}/profile", "--enable-logging=stderr", "--dump-dom"]
    done = subprocess.run(
        [*command, f"file://{folder}/index.html#{view}"], capture_output=True, text=True, check=True, timeout=300
    )
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    return done.stdout


def script_with(action: str) -> str:
    """A script that acts on the page after it was built."""
    return f"<script>{action}</script></body>"


def names(dom: str) -> list[str]:
    return re.findall(r"<h2[^>]*>(.*?)</h2>", dom, re.DOTALL)


SLIDES = [
    slide("/s/a", kept=7, mean=0.9),
    slide("/s/b", kept=0, mean=0.0, suspicions=["nothing kept"]),
    slide("/s/c10", kept=6, mean=None),
    slide("/s/c9", kept=8, mean=0.3),
]
VIEWS = {
    ("to review first", False, ""): ["b", "x", "a", "c9", "c10"],
    ("name", False, ""): ["a", "b", "c9", "c10", "x"],
    ("kept", True, ""): ["c9", "a", "c10", "b", "x"],
    ("tissue, % of tiles", False, ""): ["b", "c9", "a", "c10", "x"],
    ("tissue, % of tiles", True, ""): ["a", "c9", "b", "c10", "x"],
    ("to review first", False, "TRUNCATED"): ["x"],
    ("name", False, "c1"): ["c10"],
}
"""Names of the slides in order, by the key, the direction and the search."""
SHOW = """
  const told = VIEWS.map(([key, down, text]) => {
    at("sort").value = [...at("sort").options].find(option => option.text === key).value;
    at("down").checked = down;
    at("filter").value = text;
    at("filter").dispatchEvent(new Event("input"));
    return [...document.querySelectorAll("h2")].map(name => name.textContent);
  });
  document.querySelector("h1").textContent = JSON.stringify(told);"""
"""A script that shows one view after the other, and writes the names in each."""


@in_browser
def test_slides_are_sorted_and_searched_and_unknown_values_stand_last(tmp_path) -> None:
    page = render_page(SLIDES, [FAILED], ["tissue"], {})
    script = script_with(SHOW.replace("VIEWS", json.dumps([*VIEWS])))
    dom = shown(tmp_path, page.replace("</body>", script))
    assert json.loads(re.findall(r"<h1>(.*?)</h1>", dom)[0]) == [*VIEWS.values()]


@in_browser
def test_a_link_leads_to_a_view(tmp_path) -> None:
    page = render_page(SLIDES, [FAILED], ["tissue"], {})
    assert names(shown(tmp_path, page, "sort=kept&down=1&filter=/s/c")) == ["c9", "c10"]


@in_browser
def test_a_failed_slide_shows_its_task_and_error(tmp_path) -> None:
    dom = shown(tmp_path, render_page([], [FAILED], ["tissue"], {}))
    assert "discover slides: TruncatedError: '/s/x' is truncated" in dom.split("</main>")[0]


HOSTILE = "/s/</script><script>console.error('in')</script>\"'&\n{{ 7 }}<img src=x onerror=alert(1)>ž😀.svs"


@in_browser
def test_a_hostile_name_is_only_text(tmp_path) -> None:
    dom = shown(tmp_path, render_page([slide(HOSTILE, suspicions=[HOSTILE])], [], ["tissue"], {}))
    assert "{{ 7 }}&lt;img src=x onerror=alert(1)&gt;ž😀.svs" in names(dom)[0]
    assert "<img" not in dom.split("</main>")[0]


def reports(count: int) -> pa.Table:
    """Reports on slides named by number, the last one to review."""
    rows = [
        slide(f"/s/{number:05}", slide_id=f"s-{number}", notes=[], values=[], alignments=[]) for number in range(count)
    ]
    rows[-1]["suspicions"] = ["nothing kept"]
    return slide_report(["tissue"]).table(rows)


def pages(count: int) -> list[str]:
    """All pages of a number of slides and of one that failed."""
    return [
        render_page(slides.to_pylist(), failed.to_pylist(), ["tissue"], {}, place=place)
        for place, slides, failed in split_pages(reports(count), FAILURES.table([FAILED]))
    ]


def slides_of(page: str) -> list[str]:
    """Paths of the slides in a page."""
    return re.findall(r'"path": "([^"]*)"', page)


def test_pages_hold_five_hundred_slides_each_and_those_to_look_at_first() -> None:
    first, *middle, last = [slides_of(page) for page in pages(1200)]
    assert [len(first), *map(len, middle), len(last)] == [500, 500, 201]
    assert {"/s/x", "/s/01199", "/s/00000"} <= {*first}
    assert last[-1] == "/s/01198"
    assert len({*first, *middle[0], *last}) == 1201


def test_pages_and_names_that_are_no_longer_needed_are_removed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(gallery, "PER_PAGE", 2)
    workspace, config = Workspace.at(str(tmp_path)), configured(tmp_path)
    written = {}
    for count in (4, 1, 0):
        failed = FAILURES.table([{**FAILED, "path": str(number)} for number in range(count)])
        (tmp_path / "index-9.html").write_text("mine")
        gallery.publish_gallery(
            slide_report(config.classes).table([]), failed, pa.chunked_array([], pa.string()), config, workspace
        )
        written[count] = sorted(path.name for path in tmp_path.glob("index*"))
    assert written[4] == ["index-2.html", "index-9.html", "index-names.js", "index.html"]
    assert written[1] == written[0] == ["index-9.html", "index.html"]


def test_an_output_without_slides_has_one_page() -> None:
    [(place, slides, failed)] = split_pages(reports(1).slice(1), FAILURES.table([]))
    assert (place.name, slides.num_rows, failed.num_rows) == ("index.html", 0, 0)


@pytest.mark.parametrize("name", ["index.html", "index-2.html", "index-10.html", "index-names.js"])
def test_files_of_a_gallery_are_known_by_name(name) -> None:
    assert is_page_name(name)


@pytest.mark.parametrize("name", ["index-1.html", "index-02.html", "index-a.html", "index.html~", "run.json"])
def test_other_files_are_none_of_a_gallery(name) -> None:
    assert not is_page_name(name)


@in_browser
def test_a_search_hides_rows_and_names_the_other_pages_that_match(tmp_path) -> None:
    listed = [["x", "00000"], ["00599", "00600"], ["00001"]]
    (tmp_path / "index-names.js").write_text(f"slideNames({json.dumps(listed)});")
    page = render_page([slide("/s/00600"), slide("/s/7")], [FAILED], ["tissue"], {}, place=Place(1, 3))
    search = "at('filter').value = '006'; at('filter').dispatchEvent(new Event('input'));"
    dom = shown(tmp_path, page.replace("</body>", script_with(search)))
    assert names(dom) == ["00600"]
    assert re.findall(r'href="(index[^"]*)">([^<]*)</a>', dom.split('id="elsewhere"')[1]) == [
        ("index-2.html#filter=006", "page 2 (1)")
    ]


@in_browser
def test_many_slides_are_rendered_a_few_at_a_time(tmp_path) -> None:
    assert len(names(shown(tmp_path, pages(500)[0]))) == 60


def test_a_page_is_small() -> None:
    assert len(pages(500)[0]) < 300_000


def write_previews(folder: Path) -> None:
    """A folder with a picture of slide a, and the shares of its two rows of four tiles, the last one unknown."""
    canvas = Canvas.of(*grid_of((64, 32), 16), 64)
    sampled = SampledValues(canvas)
    shares = np.array([0, 0.25, 0.5, 1, 0.25, 0.35, 0.5, np.nan])
    sampled.add(np.tile(np.arange(4) * 16, 2), np.repeat(np.arange(2) * 16, 4), shares)
    counted = Histogram()
    counted.add(shares)
    layout = Layout(100, 80, ((12, 20),))
    folder.mkdir(parents=True)
    script = write_script("a", layout, canvas, {"tissue": sampled}, {"tissue": counted})
    (folder / "a.js").write_text(script)
    Image.new("RGB", (100, 80)).save(folder / "a.png")


MOVE = """
addEventListener("load", () => {
  const slider = document.querySelector("#limits input"), canvas = document.querySelector("canvas"), told = [];
  canvas.getContext("2d", {willReadFrequently: true});  // no advice on the console
  for (const limit of LIMITS) {
    slider.value = limit;
    slider.dispatchEvent(new Event("input"));
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    told.push([document.querySelector(".above").textContent, pixels.filter((a, at) => at % 4 === 3 && a).length]);
  }
  loaded.get("a").is_whole = false;  // as if the slide had more tiles
  slider.value = 50;
  slider.dispatchEvent(new Event("input"));
  told.push(document.querySelector(".above").textContent);
  document.querySelector("h1").textContent = JSON.stringify(told);
});"""
"""A script that moves the slider of the first class, and writes the text and the coloured pixels each time."""


@in_browser
def test_a_slider_recolours_the_tiles_that_reach_it(tmp_path) -> None:
    write_previews(tmp_path / "previews")
    reached = {25: 6, 35: 4, 36: 3, 50: 3, 51: 1, 100: 1}
    script = script_with(MOVE.replace("LIMITS", str([*reached, 0])))
    page = render_page([slide("a")], [], ["tissue"], {"a": "previews/a.png"})
    told = json.loads(re.findall(r"<h1>(.*?)</h1>", shown(tmp_path, page.replace("</body>", script)))[0])
    expected = [[f"{tiles} of 8 tiles reach the thresholds", tiles * 16 * 16] for tiles in reached.values()]
    assert told == [*expected, ["", 0], "about 37.5 % of the tiles reach the thresholds"]


@pytest.fixture(scope="module")
def card(tmp_path_factory) -> str:
    """The card of a slide with two classes, a picture in a subfolder, an export and a name that changes direction."""
    folder = tmp_path_factory.mktemp("card")
    write_previews(folder / "previews/3f")
    row = slide("/s/a\u202egnp.svs", slide_id="a", tumor_mean=0.25, tumor_mm2=0.5)
    page = render_page([row], [], ["tissue", "tumor"], {"a": "previews/3f/a.png"}, {"a.geojson"})
    return shown(folder, page).split("<main")[1].split("</main>")[0]


@in_browser
class TestCard:
    def test_a_histogram_counts_all_tiles(self, card) -> None:
        title = re.findall(r"<title>(.*?)</title>", card, re.DOTALL)[0]
        counts = [int(line.split(": ")[1]) for line in title.splitlines()]
        assert counts == [1, *[0] * 4, 2, 0, 1, 0, 0, 2, *[0] * 9, 1]

    @pytest.mark.parametrize("link", ["exports/qupath/a.geojson", "previews/3f/a.png"])
    def test_it_links_to_its_files(self, card, link) -> None:
        assert f'<a href="{link}">' in card

    def test_headings_say_of_what_a_share_is(self, card) -> None:
        head, tissue, tumor = (re.findall(r"<t[hd][^r>]*>([^<]*)", row) for row in card.split("<tr>")[1:])
        assert head == ["class", "% of tiles", "% of tissue", "mm²", "tiles by share"]
        assert tissue[:4] == ["tissue", "50.0", "-", "1"]
        assert tumor[:4] == ["tumor", "25.0", "50.0", "0.5"]

    def test_a_change_of_direction_in_its_name_is_an_escape(self, card) -> None:
        assert names(card) == [r"a\u202egnp.svs"]

    def test_its_picture_is_loaded_only_when_it_is_scrolled_to(self, card) -> None:
        assert re.search(r'<img loading="lazy"[^>]*src="previews/3f/a.png"', card)


def test_a_link_to_qupath_needs_the_file() -> None:
    row = {"slide_id": "a-0123456789ab", "path": "/s/a.ome.tiff"}
    assert exported_file(row, {"b.geojson"}) is None
    assert exported_file({"path": "/s/a.ome.tiff"}, {"a.geojson"}) is None  # a failed slide; the file is another's
    assert exported_file(row, {"a.geojson"}) == "exports/qupath/a.geojson"
    assert exported_file(row, {"a.geojson", "a-0123456789ab.geojson"}) == "exports/qupath/a-0123456789ab.geojson"


def test_the_page_names_no_other_host() -> None:
    assert "://" not in render_page([slide("a")], [], ["tissue"], {})
