"""Several pictures on one sheet, small enough to stand in a report."""

import base64
from collections.abc import Sequence
from io import BytesIO
from itertools import accumulate, count

from PIL import Image, ImageDraw, ImageFont, ImageOps

from flows.reports.previews.drawing import INK, PAPER

CELL, NAME, GAP = 360, 22, 12
"""Pixels: side of the square that a picture fits into, height of its name, space between."""
COLUMNS = 3
QUALITY = 80
_FONT = ImageFont.load_default(13)


def contact_sheet(pictures: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Lay pictures out in rows, each under its name.

    Args:
        pictures: At least one, RGB.

    Returns:
        RGB.
    """
    named = [(name, ImageOps.contain(picture, (CELL, CELL))) for name, picture in pictures]
    rows = [named[start : start + COLUMNS] for start in range(0, len(named), COLUMNS)]
    heights = [NAME + GAP + max(picture.height for _, picture in row) for row in rows]
    sheet = Image.new("RGB", (len(rows[0]) * (CELL + GAP) + GAP, sum(heights) + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for row, y in zip(rows, accumulate(heights, initial=GAP), strict=False):
        for x, (name, picture) in zip(count(GAP, CELL + GAP), row, strict=False):
            draw.text((x, y), _fitting(name), INK, _FONT)
            sheet.paste(picture, (x, y + NAME))
    return sheet


def data_uri(sheet: Image.Image) -> str:
    """An image as text that Markdown can show without a file."""
    content = BytesIO()
    sheet.save(content, "jpeg", quality=QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"


def _fitting(name: str) -> str:
    """The end of a name, which tells more than its beginning."""
    line = " ".join(name.split())
    start = 0
    while _FONT.getlength(line[start:]) > CELL:
        start += 1
    return line[start:]
