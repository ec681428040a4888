"""Addresses in messages hide what may be a credential, and one at which there is no Ray is refused soon."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flows.execution import address
from flows.execution.address import reason, require_cluster, shown
from flows.execution.start_error import StartError


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:4200/api",
        "http://prefect/api/",
        "https://api.prefect.cloud/api/accounts/a-1",
        "https://api.prefect.cloud/api/accounts/a-1/workspaces/b-2",
        "head:6379",
        "auto",
        "[::1]:6379",
    ],
)
def test_an_address_without_a_credential_is_shown(text) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://user:SECRET@host:4200/api", "http://***@host:4200/api"),
        ("http://SECRET@host/api", "http://***@host/api"),
        ("user:SECRET@head:6379", "***@head:6379"),
        ("ray://u:SECRET@head:10001", "ray://***@head:10001"),
        ("http://host/api?token=SECRET", "http://host/api?***"),
        ("http://host/api#SECRET", "http://host/api?***"),
        ("http://user:pass/SECRET@host/api", "(not shown)"),
        ("http://user:12?SECRET@host/api", "(not shown)"),
        ("http://host/api;token=SECRET", "(not shown)"),
        ("http://host:4200/SECRET", "http://host:4200/***"),
        ("http://host/api/SECRET", "http://host/***"),
        ("http://host/api/accounts/a-1/SECRET", "http://host/***"),
        ("SECRET", "(not shown)"),
        ("SECRET.more", "(not shown)"),
        ("head:6379/SECRET", "(not shown)"),
        ("SECRETwJalrXUtnFEMIK7MDENG", "(not shown)"),
        ("SECRETwJalrXUtnFEMIK7MDENG/", "(not shown)"),
    ],
)
def test_a_credential_in_an_address_is_not_shown(text, expected) -> None:
    assert shown(text) == expected


SECRETS = st.text("abcXYZ0189+/=_-.~%&;?#@: '\"", min_size=8, max_size=40).filter(lambda text: len(set(text)) > 5)
FORMS = [
    "http://user:{}@host:4200/api",
    "user:{}@head:6379",
    "http://host/api?token={}",
    "ray://h:1?{}",
    "h:1#{}",
    "{}@h",
    "{}",
    "http://host/{}",
    "http://host/api/{}",
    "head:6379/{}",
]


@given(st.sampled_from(FORMS), SECRETS)
def test_no_generated_credential_is_shown(form, secret) -> None:
    assume(form != "{}" or not re.fullmatch(r"[\w. -]+:\d+", secret))  # host and port
    assert secret not in shown(form.format(secret))


def test_an_error_about_an_address_with_a_credential_is_only_named() -> None:
    assert reason(ValueError("bad port: 'SECRET'"), "http://u:SECRET@h") == "ValueError"


def test_an_error_about_an_address_without_a_credential_is_told() -> None:
    assert reason(ValueError("bad port: 'x'"), "http://h:1") == "bad port: 'x'"


@pytest.fixture(autouse=True)
def hurry(monkeypatch) -> None:
    monkeypatch.setattr(address, "RETRY_PAUSES", (0.01,))


@pytest.fixture
def impatience(monkeypatch) -> None:
    """Give up early; only for servers that never answer, since a loaded machine keeps others waiting too."""
    monkeypatch.setattr(address, "ANSWER_SECONDS", 0.2)


def test_a_cluster_that_does_not_answer_is_named_with_a_hint() -> None:
    expected = (
        r"no Ray cluster answers at '127\.0\.0\.1:9': Connection refused; hint: start the cluster, correct RAY_ADDR"
    )
    with pytest.raises(StartError, match=expected):
        require_cluster("127.0.0.1:9")


@pytest.mark.parametrize("text", ["auto", "local", "head"])
def test_an_address_without_a_port_is_left_to_ray(text) -> None:
    require_cluster(text)


@pytest.mark.parametrize("text", ["127.0.0.1:99999", "no such host:6379", f"{'a' * 70}:1"])
def test_an_address_that_cannot_be_is_refused(text) -> None:
    with pytest.raises(StartError, match=f"no Ray cluster answers at '{text}': "):
        require_cluster(text)


def test_an_address_that_cannot_be_is_refused_without_its_credential() -> None:
    with pytest.raises(StartError, match=r"no Ray cluster answers at '\*\*\*@127.0.0.1:9': ") as refused:
        require_cluster("user:SECRET@127.0.0.1:9")
    assert "SECRET" not in f"{refused.value!r} {refused.value.__cause__!r}"


SETTINGS = bytes([0, 0, 6, 4, 0, 0, 0, 0, 0]) + bytes(6)
ANSWERS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "what answers at '{}' is no Ray cluster; hint: start the cluster, correct RAY_ADDRESS"),
    "a web server": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what answers at '{}' is no Ray cluster; hint: "),
    "a secure shell": (b"SSH-2.0-OpenSSH_9.6\r\n", "what answers at '{}' is no Ray cluster; hint: "),
    "half a frame": (SETTINGS[:5], "what answers at '{}' is no Ray cluster; hint: "),
}
"""First bytes of servers, and the beginning of the refusal."""


@pytest.fixture
def listening() -> Iterator[Callable[[bytes | None], str]]:
    """Start a listener that answers every connection with some bytes and closes it, or keeps silent.

    A client that has seen enough resets the connection, since it leaves bytes unread: that ends no listener.
    """
    servers, threads, kept = [], [], []

    def start(answer: bytes | None) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def serve() -> None:
            with suppress(OSError):  # closed at the end of the test
                while True:
                    connection, _ = server.accept()
                    kept.append(connection)
                    if answer is not None:
                        with suppress(OSError):
                            connection.recv(1000)
                            connection.sendall(answer)
                            connection.shutdown(socket.SHUT_WR)

        threads.append(threading.Thread(target=serve, daemon=True))
        threads[-1].start()
        return f"127.0.0.1:{server.getsockname()[1]}"

    yield start
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)  # ends the accept that waits
    for thread in threads:
        thread.join()
    for one in (*servers, *kept):
        one.close()


@pytest.mark.parametrize("kind", ANSWERS)
def test_what_answers_but_is_no_ray_is_refused(kind, listening) -> None:
    answer, expected = ANSWERS[kind]
    found = listening(answer)
    with pytest.raises(StartError) as refused:
        require_cluster(found)
    assert str(refused.value).startswith(expected.format(found))


@pytest.mark.usefixtures("impatience")
def test_what_keeps_silent_is_refused(listening) -> None:
    found = listening(None)
    with pytest.raises(StartError, match=rf"^no Ray cluster answers at '{found}': timed out; hint: start the cluster"):
        require_cluster(found)


@pytest.mark.usefixtures("impatience")
def test_the_limit_is_one_for_the_whole_answer() -> None:
    near, far = socket.socketpair()
    ended = threading.Event()

    def drip() -> None:
        while not ended.wait(0.05):  # each byte comes in time
            far.sendall(b"\0")

    dripping = threading.Thread(target=drip)
    with near, far:
        near.settimeout(address.ANSWER_SECONDS)
        dripping.start()
        with pytest.raises(TimeoutError):
            address._is_grpc(near)
        ended.set()
        dripping.join()


def test_a_server_of_grpc_is_left_to_ray(listening) -> None:
    require_cluster(listening(SETTINGS))


def test_a_listener_is_left_to_ray_with_tls(listening, monkeypatch) -> None:
    monkeypatch.setenv("RAY_USE_TLS", "1")
    require_cluster(listening(None))


def test_a_port_beyond_the_largest_is_not_taken_for_another(listening) -> None:
    host, port = listening(SETTINGS).split(":")
    with pytest.raises(
        StartError, match=r"^no Ray cluster answers at '127\.0\.0\.1:\d+': a port is at most 65535; hint:"
    ):
        require_cluster(f"{host}:{int(port) + 65_536}")
