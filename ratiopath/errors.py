"""The exceptions of this library.

    RatiopathError
    ├── ParameterError (ValueError)    an invalid argument, refused before anything is read
    │   └── RoiError                   an empty or invalid region of interest
    └── SlideError                     one unusable file; other files are not affected
        ├── SlideNotFoundError         missing or unreadable file
        ├── UnsupportedFormatError     a file of another format: GIF, PDF, text, ...
        ├── TruncatedError             missing or damaged directories or pixels
        ├── UnsupportedImageError      a readable format with an unsupported layout
        ├── MissingMppError            no resolution in the file, none passed
        ├── LevelNotFoundError         no level of the resolution that is wanted
        ├── InvalidMppError            a resolution that is zero, negative, not finite or absurd
        ├── MisalignedError            an overlay that does not lie on its slide, or in an unknown frame
        └── TooManyValuesError         a continuous image where labels are counted

Messages state the problem first, then a hint. All exceptions survive pickling, hence a Ray worker.
"""

from functools import partial


class RatiopathError(Exception):
    """Base class of all errors of this library."""


class ParameterError(RatiopathError, ValueError):
    """An invalid argument; nothing was read."""


class RoiError(ParameterError):
    """A region of interest that is not a valid polygon with an area."""


class SlideError(RatiopathError):
    """An image file that cannot be used.

    Attributes:
        problem: What was found; names the file.
        path: The file.
        hint: The remedy, by the name of the parameter or configuration key.
    """

    def __init__(self, problem: str, *, path: str, hint: str) -> None:
        super().__init__(f"{problem}; hint: {hint}")
        self.problem = problem
        self.path = path
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        return partial(type(self), path=self.path, hint=self.hint), (self.problem,)


class SlideNotFoundError(SlideError):
    """A file that does not exist or cannot be opened."""


class UnsupportedFormatError(SlideError):
    """A file in none of the formats that are read."""


class TruncatedError(SlideError):
    """A file of which a part is missing or damaged."""


class UnsupportedImageError(SlideError):
    """A complete image whose layout or sample type is not supported."""


class MissingMppError(SlideError):
    """An image without resolution, used where one is needed."""


class LevelNotFoundError(SlideError):
    """An image without a level close enough to the resolution that is wanted."""


class InvalidMppError(SlideError):
    """A resolution that is zero, negative, not finite or contradicts another one."""


class MisalignedError(SlideError):
    """An overlay that does not lie on its slide, or whose place on it is ambiguous."""


class TooManyValuesError(SlideError):
    """An image with more distinct values than a label image can have."""
