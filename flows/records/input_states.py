"""States of input files as the driver asks for them: a folder on a store is listed once, for all files in it.

a path on this machine     `os.stat`, each time
a folder on a store        one request per 1,000 files, as soon as more than FEW files in it are wanted
few files of a folder      one request each, several at a time; so too where folders cannot be listed
"""

import os
from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from itertools import islice, takewhile
from threading import Lock

from flows.records.fingerprints import Json, fingerprint, fingerprint_on_store
from ratiopath.errors import ParameterError, RatiopathError, SlideError
from ratiopath.remote.listing import list_files, state_of
from ratiopath.remote.names import folder_of, options_of, without_options
from ratiopath.remote.uri import WEB, is_uri, scheme_of
from ratiopath.remote.version import FileState

FEW = 8
"""Files of a folder that are asked for one by one: a folder may hold millions of others."""
MAX_FILES = 2_000_000
"""Files whose states are kept, about 300 bytes each; beyond that, the listings that were used last stay."""
THREADS = 32
"""Requests at the same time."""


class _Listing(dict[str, FileState]):
    """States of the files of a folder by URI."""

    @cached_property
    def uris(self) -> list[str]:
        """URIs, sorted."""
        return sorted(self)

    def inside(self, folder: str) -> Mapping[str, FileState]:
        """Return the files of a folder in it."""
        top = f"{without_options(folder)}/"
        behind = islice(self.uris, bisect_left(self.uris, top), None)
        return {uri: self[uri] for uri in takewhile(lambda uri: uri.startswith(top), behind)}


class InputStates:
    """States of input files in one run, for several threads; a change after a file was first asked for is not seen.

    URIs are those in their only form, see `ratiopath.remote.names.absolute`.
    """

    def __init__(self, limit: int = MAX_FILES) -> None:
        """Start with none; `limit` is the number of files whose states are kept."""
        self._limit, self._lock = limit, Lock()
        self._listings: OrderedDict[tuple[str, bool], _Listing] = OrderedDict()
        self._alone: dict[str, FileState | None] = {}
        self._asked: Counter[str] = Counter()

    def files(self, folder: str, *, recursive: bool = True) -> Mapping[str, FileState]:
        """List the files of a folder on a store; see `list_files`."""
        known = self._known((folder, recursive))
        if known is not None:
            return known
        larger = next(self._above(folder), None) if recursive else None
        if larger is not None:
            return larger.inside(folder)
        found = _Listing(list_files(folder, recursive=recursive))
        with self._lock:
            self._listings[folder, recursive] = found
            while len(self._listings) > 1 and sum(map(len, self._listings.values())) > self._limit:
                self._listings.popitem(last=False)
        return found

    def state(self, uri: str) -> FileState | None:
        """Return the state of a file on a store; None if there is no such file.

        Raises:
            SlideNotFoundError: The store does not answer, or does not let it be read.
        """
        listing = self._listing_with(uri)
        if listing is not None:
            return listing.get(uri)
        folder = _place_of(uri)
        with self._lock:
            if uri in self._alone:
                return self._alone[uri]
            self._asked[folder] += 1
            is_one_of_many = self._asked[folder] > FEW and scheme_of(uri) not in WEB
        if is_one_of_many:
            with suppress(SlideError):  # a store may give files and refuse listings
                return self.files(folder, recursive=False).get(uri)
        found = state_of(uri)
        with self._lock:
            if len(self._alone) >= self._limit:
                self._alone.clear()
            self._alone[uri] = found
        return found

    def load(self, paths: Iterable[str]) -> None:
        """Ask for the states of many files at the same time; what fails is asked for again where it is used."""
        wanted = [path for path in dict.fromkeys(paths) if is_uri(path) and self._listing_with(path) is None]
        folders = Counter(_place_of(uri) for uri in wanted if scheme_of(uri) not in WEB)
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(self._try_to_list, [folder for folder, files in folders.items() if files > FEW]))
            list(pool.map(self._try_to_ask, [uri for uri in wanted if self._listing_with(uri) is None]))

    def fingerprint(self, path: str) -> Json:
        """Fingerprint a file as `flows.records.fingerprints.fingerprint` does, not by content.

        Raises:
            FileNotFoundError: There is no such file.
            OSError: The file of this machine cannot be reached.
            SlideError: It is no regular file, or its store does not answer.
        """
        if not is_uri(path):
            return fingerprint(path, by_content=False)
        return fingerprint_on_store(path, self.state, self.files)

    def exists(self, path: str) -> bool:
        """Return True if there is something at a path, links followed, or a file at a URI that may be used.

        Raises:
            SlideNotFoundError: A store does not answer.
        """
        if not is_uri(path):
            return os.path.exists(path)
        with suppress(ParameterError):
            return self.state(path) is not None
        return False

    def _known(self, key: tuple[str, bool]) -> _Listing | None:
        with self._lock:
            if key in self._listings:
                self._listings.move_to_end(key)
            return self._listings.get(key)

    def _listing_with(self, uri: str) -> _Listing | None:
        """Return a listing that holds a file if it exists."""
        flat = self._known((_place_of(uri), False))
        return next(self._above(uri), None) if flat is None else flat

    def _above(self, uri: str) -> Iterator[_Listing]:
        """Iterate over the listings of folders above a file or folder that hold what is in their folders too."""
        folder, options = folder_of(uri), options_of(uri)
        while not folder.endswith("/"):
            found = self._known((folder + options, True))
            if found is not None:
                yield found
            folder = folder.rpartition("/")[0]

    def _try_to_list(self, folder: str) -> None:
        with suppress(RatiopathError):
            self.files(folder, recursive=False)

    def _try_to_ask(self, uri: str) -> None:
        with suppress(RatiopathError):
            self.state(uri)


def _place_of(uri: str) -> str:
    """Return the URI of the folder of a file, with its options."""
    return folder_of(uri) + options_of(uri)
