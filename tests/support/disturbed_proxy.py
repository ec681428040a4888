"""A proxy before an S3-compatible server that answers some requests with faults, as processes everywhere see it."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "server", "date"}
Fault = Callable[["Handler"], None]
"""Answer to a request."""


class Handler(BaseHTTPRequestHandler):
    """Passes a request on; a fault may answer instead."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: "Proxy"

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""

    def answer(self) -> None:
        fault = self.server.fault_of(self)
        if fault is None:
            self.reply(*self.passed_on())
        else:
            fault(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - the names of http.server

    def passed_on(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """Ask the server itself: status, headers and body of its answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection = http.client.HTTPConnection(self.server.target, timeout=60)
        connection.request(self.command, self.path, body, dict(self.headers))
        response = connection.getresponse()
        found = response.status, response.getheaders(), response.read()
        connection.close()
        return found

    def reply(self, status: int, headers: list[tuple[str, str]], body: bytes, *, end: int | None = None) -> None:
        """Answer, with the first bytes of the body only if `end` says so."""
        lengths = [value for name, value in headers if name.lower() == "content-length"]
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", lengths[0] if self.command == "HEAD" and lengths else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:end])
        if end is not None:
            self.wfile.flush()
            self.close_connection = True


def status(number: int) -> Fault:
    """A fault: an answer without the bytes."""

    def fail(handler: Handler) -> None:
        handler.passed_on()
        handler.reply(number, [], b"")

    return fail


def cut(handler: Handler) -> None:
    """A fault: the connection ends in the middle of the body; at once where there is none."""
    found = handler.passed_on()
    if handler.command == "HEAD":
        handler.close_connection = True
    else:
        handler.reply(*found, end=len(found[2]) // 2)


def slow(handler: Handler) -> None:
    """A fault that is none."""
    found = handler.passed_on()
    time.sleep(0.2)
    handler.reply(*found)


def hang(handler: Handler) -> None:
    """A fault: no answer while the proxy runs."""
    handler.server.ended.wait()
    handler.close_connection = True


class Proxy(ThreadingHTTPServer):
    """The proxy. `address` is its host and port."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.target = target
        self.address = f"127.0.0.1:{self.server_port}"
        self.faults: list[tuple[str, Fault, int]] = []
        """Part of a path, the fault of requests for it, and the number of times that each request meets it."""
        self.requests: Counter[str] = Counter()
        """Number of times that each request was made, with its range."""
        self.ended = threading.Event()
        self._lock = threading.Lock()

    def fault_of(self, handler: Handler) -> Fault | None:
        path = urlsplit(handler.path)
        request = f"{handler.command} {path.path}?{path.query} {handler.headers.get('Range', '')}"
        with self._lock:
            self.requests[request] += 1
            times = self.requests[request]
        return next((fault for part, fault, most in self.faults if part in handler.path and times <= most), None)


@contextmanager
def disturbed_proxy(target: str) -> Iterator[Proxy]:
    """Start a proxy before a server.

    Args:
        target: Host and port of the server.
    """
    with Proxy(target) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield proxy
        finally:
            proxy.ended.set()
            proxy.shutdown()
            thread.join()
