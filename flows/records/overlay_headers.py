"""Check of an overlay before it is measured: its options against its kind, its header, and its place on the slide."""

from flows.config.model import CoverageConfig
from flows.config.overlay import Overlay
from ratiopath.annotations import is_annotation
from ratiopath.errors import UnsupportedFormatError
from ratiopath.frame import SlideFrame
from ratiopath.overlays.open import open_raster


def refuse_options(name: str, path: str, settings: Overlay, *, is_outlines: bool) -> None:
    """Refuse options of annotations for an image, and those of images for an annotation.

    Args:
        name: Name of the overlay.
        path: Its file.
        settings: Its section of the configuration.
        is_outlines: True if the file is an annotation.

    Raises:
        UnsupportedFormatError: Such an option is set.
    """
    if is_outlines:
        options = {"mpp": settings.given_mpp is not None, "align": settings.align != "auto"}
        found = " and ".join(f"overlays.{name}.{option}" for option, is_set in options.items() if is_set)
        if found:
            problem = f"{path!r} is an annotation, and has options of images: {found}"
            hint = "remove them; origin, unit and level are the frame of outlines"
            raise UnsupportedFormatError(problem, path=path, hint=hint)
    elif settings.annotation_options:
        found = ", ".join(settings.annotation_options)
        problem = f"{path!r} is an image, and overlays.{name} has options of annotations: {found}"
        raise UnsupportedFormatError(problem, path=path, hint="remove them, or give the path of an annotation")


def check_header(name: str, path: str, config: CoverageConfig, frame: SlideFrame, mpp: float | None = None) -> None:
    """Open an overlay as measuring does, and read no pixel; of an annotation, nothing but the kind is looked at.

    Args:
        name: Name of the overlay.
        path: Its file.
        config: Configuration of the run.
        frame: Frame of the slide.
        mpp: Resolution that the manifest gives, µm/px.

    Raises:
        SlideError: The file cannot be opened, or does not lie on its slide.
    """
    settings, is_outlines = config.overlays[name], is_annotation(path)
    refuse_options(name, path, settings, is_outlines=is_outlines)
    if not is_outlines:
        open_raster(path, settings.settings(mpp), frame).close()
