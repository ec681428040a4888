"""The gallery, as a browser renders it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from flows.reports.gallery import render_gallery

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


def names(dom: str) -> list[str]:
    return re.findall(r"<h2[^>]*>(.*?)</h2>", dom, re.DOTALL)


@in_browser
@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("", ["b", "x", "a", "c9", "c10"]),
        ("sort=to review first", ["b", "x", "a", "c9", "c10"]),
        ("sort=name", ["a", "b", "c9", "c10", "x"]),
        ("sort=kept&down=1", ["c9", "a", "c10", "b", "x"]),
        ("sort=tissue, mean", ["b", "c9", "a", "c10", "x"]),
        ("sort=tissue, mean&down=1", ["a", "c9", "b", "c10", "x"]),
        ("filter=truncated", ["x"]),
        ("sort=name&filter=c1", ["c10"]),
    ],
)
def test_slides_are_sorted_and_filtered_and_unknown_values_stand_last(tmp_path, view, expected) -> None:
    slides = [
        slide("/s/a", kept=7, mean=0.9),
        slide("/s/b", kept=0, mean=0.0, suspicions=["nothing kept"]),
        slide("/s/c10", kept=6, mean=None),
        slide("/s/c9", kept=8, mean=0.3),
    ]
    assert names(shown(tmp_path, render_gallery(slides, [FAILED], ["tissue"], []), view)) == expected


@in_browser
def test_a_failed_slide_shows_its_task_and_error(tmp_path) -> None:
    dom = shown(tmp_path, render_gallery([], [FAILED], ["tissue"], []))
    assert "discover slides: TruncatedError: '/s/x' is truncated" in dom.split("</main>")[0]


HOSTILE = "/s/</script><script>console.error('in')</script>\"'&\n{{ 7 }}<img src=x onerror=alert(1)>ž😀.svs"


@in_browser
def test_a_hostile_name_is_only_text(tmp_path) -> None:
    dom = shown(tmp_path, render_gallery([slide(HOSTILE, suspicions=[HOSTILE])], [], ["tissue"], []))
    assert "{{ 7 }}&lt;img src=x onerror=alert(1)&gt;ž😀.svs" in names(dom)[0]
    assert "<img" not in dom.split("</main>")[0]


@pytest.fixture(scope="module")
def large_page():
    """A page of ten thousand slides."""
    return render_gallery([slide(f"/s/{number}") for number in range(10_000)], [], ["tissue"], [])


@in_browser
def test_ten_thousand_slides_are_rendered_a_few_at_a_time(tmp_path, large_page) -> None:
    assert len(names(shown(tmp_path, large_page))) == 120


def test_a_page_of_ten_thousand_slides_is_small(large_page) -> None:
    assert len(large_page) < 3_000_000


@in_browser
def test_a_slide_without_a_picture_says_so(tmp_path) -> None:
    dom = shown(tmp_path, render_gallery([slide("b")], [], ["tissue"], []))  # a request for one would be on the console
    assert "no picture" in dom.split("</main>")[0]


@in_browser
def test_a_picture_is_loaded_only_when_it_is_scrolled_to(tmp_path) -> None:
    (tmp_path / "previews").mkdir()
    shutil.copy(Path(__file__).parents[3] / "docs" / "tiles.png", tmp_path / "previews" / "a.png")
    dom = shown(tmp_path, render_gallery([slide("a")], [], ["tissue"], {"a"}))
    assert re.search(r'<img loading="lazy"[^>]*src="previews/a.png"', dom)


def test_the_page_names_no_other_host() -> None:
    assert "://" not in render_gallery([slide("a")], [], ["tissue"], [])
