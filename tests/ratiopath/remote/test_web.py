"""Files on a web server over http and https, and objects of S3 on one that hangs."""

import datetime as dt
import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ratiopath.errors import SlideError, SlideNotFoundError, TruncatedError, UnsupportedFormatError
from ratiopath.remote import arrow_store, retries, web_store
from ratiopath.remote.cache import BLOCK
from ratiopath.remote.file import RemoteFile
from ratiopath.remote.listing import state_of, version_of
from ratiopath.remote.version import FileState
from ratiopath.slides import open_slide
from tests.support import web_server as web
from tests.support.web_server import WebServer, web_server

CONTENT = np.random.default_rng(1).bytes(9 * BLOCK + 100)
SMALL = CONTENT[:1000]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.0)


@pytest.fixture
def own_clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clients with short timeouts, and with the environment of the test."""
    monkeypatch.setattr(web_store, "STALL_SECONDS", 0.1)
    monkeypatch.setattr(arrow_store, "STALL_SECONDS", 1)  # in whole seconds
    drop_clients()
    yield
    drop_clients()


def drop_clients() -> None:
    web_store._client(os.getpid()).close()
    web_store._client.cache_clear()
    arrow_store._file_system.cache_clear()


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as found:
        found.contents |= {"/b/a": CONTENT, "/b/small": SMALL, "/b/empty": b""}
        yield found


def uri_of(server: WebServer, name: str = "a") -> str:
    return f"http://{server.address}/b/{name}"


def test_a_file_is_read_by_ranges_and_its_version_comes_with_them(server: WebServer) -> None:
    with RemoteFile.open(uri_of(server)) as file:
        assert file.size == len(CONTENT)
        assert file.read_at(5, 10) == CONTENT[5:15]
        assert file.read_at(9 * BLOCK, 1000) == CONTENT[9 * BLOCK :]

    assert server.requests == [
        f"GET /b/a bytes=0-{BLOCK - 1}", f"GET /b/a bytes={9 * BLOCK}-{len(CONTENT) - 1}",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "content"), [("small", SMALL), ("empty", b"")])
@pytest.mark.parametrize("answer", [web.ranged, web.plain])
def test_a_file_of_one_block_needs_no_ranges(name: str, content: bytes, answer: web.Fault, server: WebServer) -> None:
    server.faults[:] = [answer]
    with RemoteFile.open(uri_of(server, name)) as file:
        assert file.read() == content

    assert len(server.requests) == 1


def test_a_larger_file_without_ranges_is_refused(server: WebServer) -> None:
    server.faults[:] = [web.plain]
    with pytest.raises(UnsupportedFormatError, match="does not answer with ranges of bytes; hint: copy it"):
        RemoteFile.open(uri_of(server))
    file = RemoteFile.open(uri_of(server))
    server.faults[:] = [web.plain]
    with pytest.raises(UnsupportedFormatError, match="does not answer with ranges of bytes; hint: copy it"):
        file.read_at(3 * BLOCK, 10)


ODD = {
    "other place": (lambda to: to.respond(206, b"x" * 1000, Content_Range="bytes 5-1004/1100"), "answer with ranges"),
    "compressed": (lambda to: to.respond(206, b"x", Content_Encoding="gzip"), "answer with ranges"),
    "size unknown": (lambda to: to.respond(206, b"x" * 1000, Content_Range="bytes 0-999/*"), "tell its size"),
    "no range": (lambda to: to.respond(206, b"x" * 1000), "tell its size"),
    "no length": (lambda to: to.respond(200, b"x" * 1000, Content_Length=None, Connection="close"), "tell its size"),
}


@pytest.mark.parametrize(("fault", "words"), ODD.values(), ids=ODD)
def test_odd_answers_are_refused(fault: web.Fault, words: str, server: WebServer) -> None:
    server.faults[:] = [fault]
    with pytest.raises(UnsupportedFormatError, match=words):
        RemoteFile.open(uri_of(server))


@pytest.mark.parametrize("later", [CONTENT[::-1], CONTENT[:BLOCK], CONTENT + b"x"], ids=["other", "shorter", "longer"])
def test_a_file_that_changes_is_an_error(later: bytes, server: WebServer) -> None:
    with RemoteFile.open(uri_of(server)) as file:
        server.contents["/b/a"] = later
        with pytest.raises(TruncatedError, match="changed while it was read"):
            file.read_at(3 * BLOCK, 10)


PASSING = {
    "500": web.status(500), "503": web.status(503), "429": web.status(429), "cut": web.cut, "hang": web.hang,
    "stall": web.stall,
}  # fmt: skip


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_an_error_that_passes_is_not_noticed(fault: web.Fault, server: WebServer, own_clients) -> None:
    server.faults[:] = [fault]
    with RemoteFile.open(uri_of(server)) as file:
        server.faults[:] = [fault] * 2
        assert file.read() == CONTENT


@pytest.mark.parametrize(("fault", "found"), [(web.hang, "ReadTimeout"), (web.status(503), "HTTP status 503")])
def test_an_error_that_stays_is_named(fault: web.Fault, found: str, server: WebServer, own_clients) -> None:
    server.faults[:] = [fault] * 99
    with pytest.raises(SlideNotFoundError, match=f"5 tries failed, the last with .*{found}"):
        RemoteFile.open(uri_of(server))

    assert len(server.requests) == retries.ATTEMPTS


def test_an_absent_file_is_not_found(server: WebServer) -> None:
    with pytest.raises(SlideNotFoundError, match="no such file on its store"):
        RemoteFile.open(uri_of(server, "absent"))


@pytest.mark.parametrize("status", [401, 403])
def test_denied_access_is_not_tried_again(status: int, server: WebServer) -> None:
    server.faults[:] = [web.status(status)]
    with pytest.raises(SlideNotFoundError, match="check the credentials"):
        RemoteFile.open(uri_of(server))


def test_credentials_of_the_netrc_are_sent(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_clients
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login one password two\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    def guarded(handler: web.Handler) -> None:
        is_known = handler.headers.get("Authorization") == "Basic b25lOnR3bw=="
        (web.ranged if is_known else web.status(401))(handler)

    server.faults[:] = [guarded]
    assert RemoteFile.open(uri_of(server)).size == len(CONTENT)


def test_an_address_that_moved_is_followed(server: WebServer) -> None:
    server.faults[:] = [lambda handler: handler.respond(302, Location="/b/small")]
    assert RemoteFile.open(uri_of(server)).read() == SMALL


def test_a_signature_to_which_a_server_redirects_is_not_logged(
    server: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.contents["/b/small?X-Amz-Signature=TOPSECRET"] = SMALL
    server.faults[:] = [lambda handler: handler.respond(302, Location="/b/small?X-Amz-Signature=TOPSECRET")]
    with caplog.at_level(logging.INFO), RemoteFile.open(uri_of(server)) as file:
        assert file.read_at(0, 10) == SMALL[:10]

    assert "HTTP Request: GET" in caplog.text
    assert "TOPSECRET" not in caplog.text


def test_the_state_of_a_file_is_size_and_etag(server: WebServer) -> None:
    assert state_of(uri_of(server)) == FileState(len(CONTENT), version_of(uri_of(server)).marks[0])
    assert state_of(uri_of(server, "absent")) is None
    assert version_of(uri_of(server, "absent")) is None
    for call in (state_of, version_of):
        server.faults[:] = [web.status(401)]
        with pytest.raises(SlideNotFoundError, match="HTTP status 401; hint: check the credentials"):
            call(uri_of(server))


def certificate(folder: Path) -> Path:
    """Write a certificate of this machine, signed by itself, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = dt.datetime.now(dt.UTC)
    found = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "certificate.pem").write_bytes(found.public_bytes(pem) + private)
    return folder / "certificate.pem"


def test_a_slide_is_read_over_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_clients) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (1024, 1024), np.uint8)
    file, own = io.BytesIO(), certificate(tmp_path)
    tifffile.imwrite(file, pixels, tile=(256, 256))
    with web_server(str(own)) as server:
        server.contents["/a.tiff"] = file.getvalue()
        uri = f"https://localhost:{server.server_port}/a.tiff"
        with pytest.raises(SlideError, match="5 tries failed, the last with ConnectError"):  # its issuer is unknown
            open_slide(uri)
        monkeypatch.setenv("SSL_CERT_FILE", str(own))
        drop_clients()
        with open_slide(uri) as slide:
            np.testing.assert_array_equal(slide.read_chunk(0, 3, 3).pixels, pixels[768:, 768:])


def test_an_object_whose_server_hangs_is_asked_again(server: WebServer, own_clients) -> None:
    server.faults[:] = [web.hang]
    uri = f"s3://b/a?region=us-east-1&scheme=http&endpoint_override={server.address}"
    with RemoteFile.open(uri) as file:
        assert file.read_at(0, 100) == CONTENT[:100]


def test_an_object_that_anybody_may_read_needs_no_credentials(server: WebServer) -> None:
    uri = f"s3://b/a?region=us-east-1&scheme=http&anonymous=true&endpoint_override={server.address}"

    def unsigned(handler: web.Handler) -> None:
        (web.status(403) if "Authorization" in handler.headers else web.ranged)(handler)

    server.faults[:] = [unsigned]
    assert RemoteFile.open(uri).read_at(0, 100) == CONTENT[:100]
