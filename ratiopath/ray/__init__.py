"""Slides as Ray datasets."""

from ratiopath.ray.describe import Tiling, describe_slide
from ratiopath.ray.slides import read_slides

__all__ = ["Tiling", "describe_slide", "read_slides"]
