"""Slides that stay open between reads."""

import os
import threading
from collections import OrderedDict
from typing import Any

from ratiopath.slides.open import open_slide
from ratiopath.slides.reader import SlideReader


class OpenSlides:
    """The slides that a thread has read last, open, up to a limit.

    Each thread and each process opens its own: readers are for one thread, and a forked process would move the file
    positions of its parent. Pickled, it holds no slide.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._local = threading.local()

    def open(self, path: str) -> SlideReader:
        """Return an open reader of a slide; it is closed once `limit` other slides were read after it.

        Raises:
            SlideError: The slide cannot be opened; see `open_slide`.
        """
        readers = self._readers()
        reader = readers.pop(path, None)
        if reader is None:
            while len(readers) >= self._limit:
                _, oldest = readers.popitem(last=False)
                oldest.close()
            reader = open_slide(path)
        readers[path] = reader
        return reader

    def close(self) -> None:
        """Close the slides of this thread; they are opened again when they are read."""
        self._readers().close()

    def __len__(self) -> int:
        """Return the number of slides that this thread has open."""
        return len(self._readers())

    def __reduce__(self) -> tuple[type["OpenSlides"], tuple[int]]:
        """Pickle the limit only."""
        return OpenSlides, (self._limit,)

    def _readers(self) -> "_Readers":
        local: Any = self._local
        if getattr(local, "process", None) != os.getpid():
            local.readers, local.process = _Readers(), os.getpid()
        readers: _Readers = local.readers
        return readers


class _Readers(OrderedDict[str, SlideReader]):
    """Open readers by path, least recently used first; closed with their thread, or what a fork left of them."""

    def close(self) -> None:
        while self:
            self.popitem()[1].close()

    def __del__(self) -> None:
        self.close()
