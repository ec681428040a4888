"""One request that is made in the background before its bytes are asked for."""

from concurrent.futures import Future, ThreadPoolExecutor

from ratiopath.remote.pinned import PinnedFile


class ReadAhead:
    """A thread of a file, started with the first request. Its errors are raised where the bytes are taken."""

    def __init__(self, file: PinnedFile) -> None:
        self._file = file
        self._thread: ThreadPoolExecutor | None = None
        self._range = (0, 0)
        self._bytes: Future[bytes] | None = None

    def start(self, start: int, end: int) -> None:
        """Begin to read bytes [start, end); those read ahead before are forgotten."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="ratiopath-remote")
        self._range, self._bytes = (start, end), self._thread.submit(self._file.read, start, end)

    def take(self, start: int) -> bytes | None:
        """Wait for the bytes from a place on and return them; None if others are being read.

        Raises:
            SlideError: See `PinnedFile.read`.
        """
        if self._bytes is None or self._range[0] != start:
            return None
        found, self._bytes = self._bytes, None
        return found.result()

    def close(self) -> None:
        """Let the thread end, after the request that it may be making."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
        self._thread = self._bytes = None
