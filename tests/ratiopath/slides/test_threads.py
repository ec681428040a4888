"""Files opened by several threads: the errors that tifffile logs for one are not those of another."""

import logging
import threading

import pytest

from ratiopath.errors import TruncatedError
from ratiopath.slides.tiff.errors import strict_tifffile


def test_an_error_logged_in_another_thread_is_not_this_files() -> None:
    with strict_tifffile("a.tiff"):
        other = threading.Thread(target=logging.getLogger("tifffile").error, args=("corrupted directory",))
        other.start()
        other.join()


def test_an_error_logged_in_this_thread_is() -> None:
    with pytest.raises(TruncatedError, match="corrupted directory"), strict_tifffile("a.tiff"):
        logging.getLogger("tifffile").error("corrupted directory")
