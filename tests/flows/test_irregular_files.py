"""Only regular files are opened: a FIFO would never answer, a device never end."""

import os
import socket
from contextlib import closing

import pytest

from flows.config.errors import ConfigurationError
from flows.inputs.discovery import discover
from flows.records.fingerprints import fingerprint
from ratiopath.errors import SlideNotFoundError
from ratiopath.slides import open_slide
from tests.support.study import configured, failures, names, run, write_study

KINDS = {"fifo": "a FIFO", "socket": "a socket", "zero": "a device", "folder": "a directory"}


def make(kind, path) -> None:
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "zero":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        with closing(socket.socket(socket.AF_UNIX)) as listener:
            listener.bind(os.path.relpath(path))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by_content", [False, True])
def test_what_is_no_regular_file_has_no_fingerprint(tmp_path, monkeypatch, kind, by_content) -> None:
    monkeypatch.chdir(tmp_path)
    make(kind, tmp_path / "x.svs")
    with pytest.raises(SlideNotFoundError, match=f"x.svs': is {KINDS[kind]}; hint: "):
        fingerprint(str(tmp_path / "x.svs"), by_content=by_content)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_not_opened_as_a_slide(tmp_path, monkeypatch, kind) -> None:
    monkeypatch.chdir(tmp_path)
    make(kind, tmp_path / "x.svs")
    with pytest.raises(SlideNotFoundError):
        open_slide(str(tmp_path / "x.svs"))


@pytest.mark.timeout(60)
def test_a_part_of_a_mirax_slide_that_is_a_fifo_is_refused(tmp_path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x.mrxs").touch()
    os.mkfifo(tmp_path / "x" / "Data0001.dat")
    with pytest.raises(SlideNotFoundError, match=r"Data0001\.dat': is a FIFO"):
        fingerprint(str(tmp_path / "x.mrxs"), by_content=True)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["slides.csv", "slides.parquet"])
def test_a_manifest_that_is_a_fifo_is_refused(tmp_path, name) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(ConfigurationError, match="is a FIFO"):
        discover(configured(tmp_path, slides=str(tmp_path / name)))


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("local_ray", "server")
def test_slides_and_overlays_that_are_no_files_are_put_aside_and_the_others_go_on(folder, output) -> None:
    write_study(folder, "a", "b", "c")
    os.mkfifo(folder / "x.svs")
    (folder / "link.svs").symlink_to("nowhere.svs")
    for name in ("loop.svs", "c_tissue.tiff"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(name)
    (folder / "b_tissue.tiff").unlink()
    (folder / "b_tissue.tiff").symlink_to("/dev/zero")
    run(folder, changes="content", tolerate=5)
    assert names(output, "tiles") == {"a.tiff"}
    found = failures(output)
    assert found.keys() == {"b.tiff", "c.tiff", "x.svs", "link.svs", "loop.svs"}
    assert {error for _, error, _ in found.values()} == {"SlideNotFoundError"}
    assert "link.svs': no such file or directory; hint: check where the link leads" in found["link.svs"][2]
    for name in ("loop.svs", "c.tiff"):
        assert "': too many levels of symbolic links; hint: check where the link leads" in found[name][2]
