"""Slides as Ray datasets.

read_slides     a dataset with the metadata of slides
describe_slide  the metadata of one slide
Tiling          parameters of the tiling of slides
"""

from ratiopath.ray.slides import read_slides
from ratiopath.slides.metadata import Tiling, describe_slide

__all__ = ["Tiling", "describe_slide", "read_slides"]
