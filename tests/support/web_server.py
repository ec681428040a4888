"""A web server of files in memory, which answers ranges, records its requests, and fails on demand.

pyarrow reads s3:// from it too: it asks with HEAD and GET for /BUCKET/KEY. `python -m tests.support.web_server SECONDS
RATE FILE...` serves files below /b/ as if from a distance, and prints host and port.
"""

import io
import math
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TIME = "Tue, 15 Nov 1994 12:45:26 GMT"


class Handler(BaseHTTPRequestHandler):
    """Answers a request; a fault may answer instead."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for the head and the first bytes, or the other side waits 40 ms to confirm the head
    server: "WebServer"

    def do_HEAD(self) -> None:
        self.server.requests.append(f"HEAD {self.path}")
        self.whole(self.server.contents.get(self.path))

    def do_GET(self) -> None:
        self.server.requests.append(f"GET {self.path} {self.headers.get('Range', '')}".rstrip())
        fault = self.server.faults.pop(0) if self.server.faults else ranged
        fault(self)

    def respond(self, status: int, body: bytes = b"", **headers: object) -> None:
        """Write an answer; underscores in names of headers stand for hyphens, None leaves one out."""
        time.sleep(self.server.delay + len(body) * (self.command == "GET") / self.server.rate)
        self.send_response(status)
        for name, value in ({"Content_Length": len(body)} | headers).items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def whole(self, content: bytes | None, **headers: object) -> None:
        """Answer with the whole file."""
        if content is None:
            self.respond(404)
        else:
            self.respond(200, content, **marks(content), **headers)

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


class WebServer(ThreadingHTTPServer):
    """The server. `address` is its host and port."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.contents: dict[str, bytes] = {}
        """Files by path."""
        self.requests: list[str] = []
        """Requests in order, with their ranges."""
        self.faults: list[Fault] = []
        """Answers to the next GETs; the others are `ranged`."""
        self.delay, self.rate = 0.0, math.inf
        """Seconds before an answer, and bytes per second of each."""
        self.ended = threading.Event()
        self.address = f"127.0.0.1:{self.server_port}"

    def handle_error(self, *arguments: Any) -> None:
        """Keep quiet about clients that go."""


Fault = Callable[[Handler], None]


def marks(content: bytes) -> dict[str, object]:
    """Return the headers that tell a version."""
    return {"ETag": f'"{hash(content)}"', "Last_Modified": TIME}


def ranged(handler: Handler) -> None:
    """Answer with the range that is asked for."""
    content, asked = handler.server.contents.get(handler.path), handler.headers.get("Range")
    if content is None or asked is None:
        handler.whole(content)
        return
    first, _, last = asked.removeprefix("bytes=").partition("-")
    part = content[int(first) : int(last) + 1]
    if part:
        place = f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"
        handler.respond(206, part, Content_Range=place, **marks(content))
    else:
        handler.respond(416, Content_Range=f"bytes */{len(content)}")


def plain(handler: Handler) -> None:
    """A server that knows no ranges."""
    handler.whole(handler.server.contents.get(handler.path))


def status(number: int) -> Fault:
    """A fault that is a status."""
    return lambda handler: handler.respond(number)


def hang(handler: Handler) -> None:
    """A fault: no answer comes."""
    handler.server.ended.wait()


def stall(handler: Handler) -> None:
    """A fault: the answer stops in the middle."""
    cut(handler)
    handler.wfile.flush()
    handler.server.ended.wait()


def cut(handler: Handler) -> None:
    """A fault: the connection ends in the middle of the answer."""
    whole, handler.wfile = handler.wfile, io.BytesIO()
    ranged(handler)
    answer, handler.wfile = handler.wfile.getvalue(), whole
    handler.wfile.write(answer[: len(answer) // 2])
    handler.close_connection = True


@contextmanager
def web_server(certificate: str | None = None) -> Iterator[WebServer]:
    """Serve in threads of this process.

    Args:
        certificate: File with a certificate and its key, for https.
    """
    with WebServer() as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()


def main() -> None:
    with WebServer() as server:
        server.delay, server.rate = float(sys.argv[1]), float(sys.argv[2])
        server.contents |= {f"/b/{Path(path).name}": Path(path).read_bytes() for path in sys.argv[3:]}
        sys.stdout.write(f"{server.address}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
