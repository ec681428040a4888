"""The choice of an annotation reader by a file's content, never by its name."""

from ratiopath.annotations.outlines import Outlines, ReadOptions

_DEFAULTS = ReadOptions()


def read_outlines(path: str, options: ReadOptions = _DEFAULTS) -> Outlines:
    """Read the outlines of an annotation file.

    Args:
        path: The file.
        options: Options of reading.

    Raises:
        SlideNotFoundError: The file does not exist or is not readable.
        UnsupportedFormatError: The file is in no supported format, or not in the one insisted on.
        TruncatedError: The file is damaged.
    """
    raise NotImplementedError(path, options)
