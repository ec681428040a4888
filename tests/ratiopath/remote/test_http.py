"""Files on a web server: ranges of bytes, versions, and servers that answer otherwise."""

import logging
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from ratiopath.errors import SlideNotFoundError, TruncatedError, UnsupportedFormatError
from ratiopath.remote import retries
from ratiopath.remote.file import BLOCK, RemoteFile
from ratiopath.remote.listing import state_of
from ratiopath.remote.version import FileState
from ratiopath.slides import open_slide
from tests.ratiopath.slides.test_conformance import raster
from tests.support.layouts import LAYOUTS

CONTENT = np.random.default_rng(1).bytes(1000)


class Server(ThreadingHTTPServer):
    """A web server with one file, /a."""

    content = CONTENT
    status: dict[str, int]
    """Answer to each method, instead of the file."""
    has_ranges = True
    location: str | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/a"


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        """Be quiet."""

    def do_HEAD(self) -> None:
        self.answer(is_head=True)

    def do_GET(self) -> None:
        self.answer(is_head=False)

    def answer(self, *, is_head: bool) -> None:
        content, status, headers = self.server.content, 200, {"ETag": f'"{hash(self.server.content)}"'}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if self.command in self.server.status or not self.path.startswith("/a"):
            content, status = b"", self.server.status.get(self.command, 404)
        elif self.server.location and "?" not in self.path:
            content, status, headers["Location"] = b"", 302, self.server.location
        elif wanted and self.server.has_ranges:
            headers["Content-Range"] = f"bytes {wanted[1]}-{wanted[2]}/{len(content)}"
            content, status = content[int(wanted[1]) : int(wanted[2]) + 1], 206
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if not is_head:
            self.wfile.write(content)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.0)
    with Server(("127.0.0.1", 0), Handler) as server:
        server.status = {}
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_ranges_of_a_file(server: Server) -> None:
    with RemoteFile.open(server.uri) as file:
        assert (file.size, file.read_at(0, 10), file.read_at(990, 20)) == (1000, CONTENT[:10], CONTENT[990:])
    assert state_of(server.uri) == FileState(1000, f'"{hash(CONTENT)}"')
    assert state_of(f"{server.uri.removesuffix('a')}b") is None


def test_a_slide_reads_as_on_this_machine(server: Server, tmp_path: Path) -> None:
    LAYOUTS["deflate"].write(tmp_path / "a.tiff", raster(("uint8", 1, False)))
    server.content = (tmp_path / "a.tiff").read_bytes()
    with open_slide(server.uri) as remote, open_slide(str(tmp_path / "a.tiff")) as local:
        np.testing.assert_array_equal(remote.read_chunk(0, 0, 0).pixels, local.read_chunk(0, 0, 0).pixels)


@pytest.mark.parametrize("status", [403, 405, 501])
def test_a_server_without_head_is_asked_for_a_byte(server: Server, status: int) -> None:
    server.status = {"HEAD": status}
    with RemoteFile.open(server.uri) as file:
        assert (file.size, file.read_at(5, 5)) == (1000, CONTENT[5:10])


def no_ranges(server: Server) -> None:
    server.has_ranges = False


def another_file(server: Server) -> None:
    server.content = CONTENT


@pytest.mark.parametrize(
    ("change", "error", "found"),
    [
        (no_ranges, UnsupportedFormatError, "its server does not answer with ranges of bytes; hint: copy it"),
        (another_file, TruncatedError, "changed while it was read"),
        (lambda server: server.status.update(GET=503), TruncatedError, "5 tries failed, .* HttpError, HTTP status 503"),
        (lambda server: server.status.update(GET=403), TruncatedError, "HttpError, HTTP status 403.*credentials"),
    ],
)
def test_answers_that_are_errors(
    server: Server, change: Callable[[Server], None], error: type[Exception], found: str
) -> None:
    server.content = bytes(3 * BLOCK)
    with RemoteFile.open(server.uri) as file:
        change(server)
        with pytest.raises(error, match=found):
            file.read_at(BLOCK, 10)


def test_a_file_that_is_absent_or_denied(server: Server) -> None:
    with pytest.raises(SlideNotFoundError, match="no such file on its store"):
        RemoteFile.open(f"{server.uri.removesuffix('a')}b")
    server.status = {"HEAD": 401}
    for call in (RemoteFile.open, state_of):
        with pytest.raises(SlideNotFoundError, match="HTTP status 401; hint: check the credentials"):
            call(server.uri)


def test_a_signature_to_which_a_server_redirects_is_not_logged(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.location = f"{server.uri}?X-Amz-Signature=TOPSECRET"
    with caplog.at_level(logging.INFO), RemoteFile.open(server.uri) as file:
        assert file.read_at(0, 10) == CONTENT[:10]

    assert "HTTP Request: GET" in caplog.text
    assert "TOPSECRET" not in caplog.text
