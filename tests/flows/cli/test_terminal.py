"""A command goes on and keeps its exit code when nobody listens to it any more."""

import io
import os
import subprocess
import sys

import pytest

from flows.cli.terminal import say

SPEAKER = (
    "import sys; from flows.cli.terminal import say; [say('one', 'two', to=sys.{stream}) for _ in 'ab']; sys.exit(3)"
)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_has_gone(stream) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: writer}
    run = subprocess.run([sys.executable, "-c", SPEAKER.format(stream=stream)], **streams, text=True, check=False)
    os.close(writer)
    assert run.returncode == 3
    assert not run.stdout
    assert not run.stderr


def test_lines_after_the_first_are_indented(capsys) -> None:
    say("one", "two", to=sys.stdout)
    assert capsys.readouterr().out == "one\n  two\n"


@pytest.mark.parametrize(("encoding", "written"), [("ascii", b"\\xb5m \\udcff\n"), ("utf-8", b"\xc2\xb5m \\udcff\n")])
def test_characters_without_a_code_are_escaped(encoding, written) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    say("µm \udcff", to=stream)
    assert raw.getvalue() == written
