"""Slides as Ray datasets."""

from ratiopath.ray.slides import read_slides
from ratiopath.slides.metadata import Tiling, describe_slide

__all__ = ["Tiling", "describe_slide", "read_slides"]
