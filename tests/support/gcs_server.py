"""The part of Google Cloud Storage that reading asks for, in its own process: pyarrow holds the GIL while it waits.

`python -m tests.support.gcs_server FOLDER` serves the files of a folder as objects of any bucket, prints host and port
and then a line per request. The generation of an object is the time of its file. That named "denied" has no media.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

FOLDER = Path(sys.argv[-1])


class Handler(BaseHTTPRequestHandler):
    """Answers for metadata with JSON, and for media with bytes of the generation that is asked for."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        path, query = FOLDER / unquote(address.path.rpartition("/")[2]), parse_qs(address.query)
        asked = self.headers.get("Range", "")
        sys.stdout.write(f"{'media' if 'alt' in query else 'metadata'} {asked}\n")
        sys.stdout.flush()
        generation = str(path.stat().st_mtime_ns) if path.is_file() else None
        if path.name == "denied" and "alt" in query:
            self.respond(403, b"{}")
        elif generation is None or query.get("generation", [generation]) != [generation]:
            self.respond(404, b"{}")
        elif "alt" not in query:
            times = dict.fromkeys(("updated", "timeCreated"), "2024-01-01T00:00:00Z")
            size = str(path.stat().st_size)
            found = {"kind": "storage#object", "name": path.name, "size": size, "generation": generation, **times}
            self.respond(200, json.dumps(found).encode())
        else:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            content = path.read_bytes()[int(first or 0) : int(last) + 1 if last else None]
            self.respond(206 if asked else 200, content)

    def respond(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


@contextmanager
def gcs_server(folder: Path, log: Path) -> Iterator[str]:
    """Serve a folder and yield host and port.

    Args:
        folder: Folder with the objects.
        log: File for the requests.
    """
    read, write = os.pipe()
    command = [sys.executable, "-m", "tests.support.gcs_server", str(write), str(folder)]
    with log.open("w") as file, subprocess.Popen(command, stdout=file, pass_fds=[write]) as process:
        os.close(write)
        try:
            with os.fdopen(read) as address:
                yield address.readline().strip()
        finally:
            process.terminate()


if __name__ == "__main__":
    ThreadingHTTPServer.handle_error = lambda *arguments: None  # the client goes without a word
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        os.write(int(sys.argv[1]), f"127.0.0.1:{server.server_port}\n".encode())
        server.serve_forever()
