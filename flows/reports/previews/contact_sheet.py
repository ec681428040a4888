"""A contact sheet: several pictures in one, small enough to embed in a Markdown report."""

import base64
from collections.abc import Iterable
from io import BytesIO
from itertools import accumulate, count

from PIL import Image, ImageDraw, ImageFont, ImageOps

from flows.reports.previews.colours import INK, PAPER
from flows.reports.previews.drawing import shortened
from flows.reports.shown_text import escaped

CELL, NAME, GAP = 360, 22, 12
"""Side of the square around a picture, height of its name and gap between pictures, in px."""
COLUMNS = 3
"""Pictures per row."""
QUALITY = 80
"""JPEG quality."""
_FONT = ImageFont.load_default(13)


def draw_contact_sheet(pictures: Iterable[tuple[str, Image.Image]]) -> Image.Image:
    """Arrange pictures in rows, each below its name.

    Args:
        pictures: Names and RGB images, at least one; each is needed until the next is asked for.

    Returns:
        An RGB image.
    """
    named = [(name, ImageOps.contain(picture, (CELL, CELL))) for name, picture in pictures]
    rows = [named[start : start + COLUMNS] for start in range(0, len(named), COLUMNS)]
    heights = [NAME + GAP + max(picture.height for _, picture in row) for row in rows]
    sheet = Image.new("RGB", (len(rows[0]) * (CELL + GAP) + GAP, sum(heights) + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for row, y in zip(rows, accumulate(heights, initial=GAP), strict=False):
        for x, (name, picture) in zip(count(GAP, CELL + GAP), row, strict=False):
            draw.text((x, y), shortened(escaped(name), CELL, _FONT), INK, _FONT)
            sheet.paste(picture, (x, y + NAME))
    return sheet


def data_uri(sheet: Image.Image) -> str:
    """Encode an image as a JPEG data URI."""
    content = BytesIO()
    sheet.save(content, "jpeg", quality=QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
