"""Several pictures on one sheet, small enough to stand in a report."""

import base64
import math
from collections.abc import Sequence
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from flows.preview.picture import INK, PAPER

CELL, NAME, GAP = 360, 22, 12
"""Pixels: side of the square that a picture fits into, height of its name, space between."""
COLUMNS = 3
QUALITY = 80
_FONT = ImageFont.load_default(13)


def contact_sheet(pictures: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Lay pictures out in rows, each under its name.

    Args:
        pictures: At least one.

    Returns:
        RGB.
    """
    columns = min(COLUMNS, len(pictures))
    rows = math.ceil(len(pictures) / COLUMNS)
    sheet = Image.new("RGB", (columns * (CELL + GAP) + GAP, rows * (CELL + NAME + GAP) + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, (name, picture) in enumerate(pictures):
        x, y = GAP + number % COLUMNS * (CELL + GAP), GAP + number // COLUMNS * (CELL + NAME + GAP)
        draw.text((x, y), _fitting(name), INK, _FONT)
        small = picture.convert("RGB")
        small.thumbnail((CELL, CELL))
        sheet.paste(small, (x, y + NAME))
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
