"""Everything this library raises on purpose.

    RatiopathError
    ├── ParameterError (ValueError)    a parameter is wrong: refused before any work
    │   └── RoiError                   the ROI is empty, invalid or no polygon
    └── SlideError                     one file is wrong: the others can go on
        ├── SlideNotFoundError         no such file
        ├── NotAnImageError            a file, but not a slide and not a TIFF
        ├── TruncatedError             pixels or directories are missing or do not decode
        ├── UnsupportedImageError      an image whose layout no reader knows
        ├── MissingMppError            the image has no resolution and none was given
        ├── InvalidMppError            the resolution is not a positive finite number
        └── TooManyValuesError         a continuous image where labels are counted

A message names the rule, what was found, the file and the remedy. All of them survive pickling, hence a Ray worker.
"""


class RatiopathError(Exception):
    """Base of all errors of this library."""


class ParameterError(RatiopathError, ValueError):
    """A parameter breaks its contract; nothing was read."""


class RoiError(ParameterError):
    """The region of interest is no valid, non-empty polygon."""


class SlideError(RatiopathError):
    """One image file cannot be used.

    Attributes:
        rule: What must hold and does not.
        path: The file.
        found: What was found instead.
        remedy: What the user can do.
    """

    def __init__(self, rule: str, *, path: str, found: str, remedy: str) -> None:
        super().__init__(f"{rule}: path={path!r}, {found}; {remedy}")
        self.rule = rule
        self.path = path
        self.found = found
        self.remedy = remedy

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.rule, self.path, self.found, self.remedy)


class SlideNotFoundError(SlideError):
    """The file does not exist or cannot be opened."""


class NotAnImageError(SlideError):
    """The file's content is neither a TIFF nor a slide format OpenSlide knows."""


class TruncatedError(SlideError):
    """Part of the file is missing or does not decode."""


class UnsupportedImageError(SlideError):
    """The image is whole, but of a layout that no reader here knows."""


class MissingMppError(SlideError):
    """The image carries no resolution and none was given."""


class InvalidMppError(SlideError):
    """The resolution is zero, negative or not finite."""


class TooManyValuesError(SlideError):
    """The image holds more distinct values than can be labels."""


def _rebuild(kind: type[SlideError], rule: str, path: str, found: str, remedy: str) -> SlideError:
    return kind(rule, path=path, found=found, remedy=remedy)
