"""Addresses that the environment names: as messages show them, and whether a Ray cluster may be at one."""

import os
import re
import socket
import time

from flows.execution.start_error import StartError

RETRY_PAUSES = (2.0, 5.0)
"""Pauses before a cluster that does not answer is tried again, seconds."""
ANSWER_SECONDS = 4.0
"""Limit for a connection to a cluster, and for its whole answer, seconds each."""
MAX_PORT = 65_535
"""Largest number of a port."""
_HINT = "start the cluster, correct RAY_ADDRESS, or unset it to run on this machine"
_SHOWN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)?(?P<user>[^/?#@]*@)?(?P<host>[\w. -]+|\[[0-9a-f:.]+\])(?P<port>:\d{1,9})?"
    r"(?P<path>/[\w./~-]*)?(?P<query>[?#][^@]*)?",
    re.IGNORECASE,
)
_PATH = re.compile(r"/?|/api/?|/api/accounts/[0-9a-f-]{1,36}(/workspaces/[0-9a-f-]{1,36})?/?", re.IGNORECASE)
"""Paths of Prefect servers; any other may hold a key."""
_PLACES = {"auto", "local"}
"""Names that Ray knows; any other without a port may be a key in the wrong variable."""
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""First bytes of a client of HTTP/2, which gRPC speaks: the preface and empty settings (RFC 9113, section 3.4)."""
_FRAME, _TYPE, _SETTINGS = 9, 3, 4
"""Bytes of the head of a frame, place of the type in it, and the type of the first frame of a server."""


def shown(address: str) -> str:
    """Return an address as messages show it: without user, password and query, or not at all if in doubt.

    Args:
        address: URL of a Prefect server, of whose path only a usual one is shown; or host and port of a Ray cluster.
    """
    if address in _PLACES:
        return address
    found = _SHOWN.fullmatch(address)
    if found is None:
        return "(not shown)"
    scheme, path = found["scheme"] or "", found["path"] or ""
    if scheme.lower() in {"", "ray://"} and (path or not found["port"]):
        return "(not shown)"
    user, query = "***@" if found["user"] else "", "?***" if found["query"] else ""
    place = f"{found['host']}{found['port'] or ''}"
    return f"{scheme}{user}{place}{path if _PATH.fullmatch(path) else '/***'}{query}"


def reason(error: object, address: str) -> str:
    """Return the text of an error, but only its class if the address has something to hide: the text may repeat it."""
    return str(error) if shown(address) == address else type(error).__name__


def require_cluster(address: str) -> None:
    """Refuse an address at which nothing listens, or nothing that can be Ray: Ray would try for two minutes.

    Args:
        address: Host and port; anything else, such as auto, is left to Ray.

    Raises:
        StartError: No gRPC server answers there.
    """
    place = re.fullmatch(r"(.+):(\d{1,9})", address)
    if place is None:
        return
    if int(place[2]) > MAX_PORT:  # the system would take the port modulo 65,536
        problem = f"no Ray cluster answers at {shown(address)!r}: a port is at most {MAX_PORT}"
        raise StartError(problem, hint=_HINT)
    for pause in (*RETRY_PAUSES, None):
        try:
            with socket.create_connection((place[1].strip("[]"), int(place[2])), ANSWER_SECONDS) as connection:
                if _is_grpc(connection):
                    return
            problem = f"what answers at {shown(address)!r} is no Ray cluster"
        except (OSError, OverflowError, UnicodeError) as error:
            found = getattr(error, "strerror", None) or reason(error, address)
            problem = f"no Ray cluster answers at {shown(address)!r}: {found}"
        if pause is not None:
            time.sleep(pause)
    raise StartError(problem, hint=_HINT)


def _is_grpc(connection: socket.socket) -> bool:
    """Return True if a server of HTTP/2 answers; with TLS it would not answer this, and is left to Ray."""
    if os.environ.get("RAY_USE_TLS", "0").lower() in {"1", "true"}:
        return True
    connection.sendall(_PREFACE)
    head, limit = b"", time.monotonic() + ANSWER_SECONDS
    while len(head) < _FRAME and (more := connection.recv(_FRAME - len(head))):
        head += more
        connection.settimeout(max(limit - time.monotonic(), 0.001))  # of each recv; 0 would not wait at all
    return len(head) == _FRAME and head[_TYPE] == _SETTINGS
