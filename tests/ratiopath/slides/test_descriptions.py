"""Masks whose description has the words of a scanner's vendor."""

import numpy as np
import pytest
import tifffile

from ratiopath.slides import open_slide
from ratiopath.slides.openslide_reader import OpenSlideReader
from ratiopath.slides.tiff.aperio import AperioReader
from ratiopath.slides.tiff.reader import TiffReader
from tests.support.streams import read

DESCRIPTIONS = {
    "Aperio": {"description": "Aperio Image Library v1\r\n256x256 (64x64) RAW|AppMag = 20|MPP = 1.0"},
    "Trestle": {"description": "Background Color=FFFFFF;OverlapsXY= 0 0;Objective=20", "software": "MedScan"},
    "Ventana": {
        "description": "level=0 mag=20 quality=95",
        "extratags": [
            (700, 1, None, b"<EncodeInfo Ver='2'><iScan Magnification='20' ScanRes='0.5'/></EncodeInfo>", True)
        ],
    },
    "Philips": {
        "description": "<?xml version='1.0'?><DataObject ObjectType='DPUfsImport'></DataObject>",
        "software": "Philips DP v1.0",
    },
    "Leica": {
        "description": "<?xml version='1.0'?><scn xmlns='http://www.leica-microsystems.com/scn/2010/10/01'>"
        "<collection sizeX='10' sizeY='10'><image><pixels sizeX='256' sizeY='256'/></image></collection></scn>"
    },
    "no vendor": {"description": "a slide, a scan, an image"},
}
LABELS = np.zeros((256, 256), np.uint16)
LABELS[:, 128:], LABELS[128:, :64] = 300, 1000
MASKS: dict[str, tuple[np.ndarray, dict]] = {
    "16 bits": (LABELS, {"photometric": "minisblack"}),
    "8 bits": ((LABELS // 100).astype(np.uint8), {"photometric": "minisblack"}),
    "white is zero": ((LABELS // 100).astype(np.uint8), {"photometric": "miniswhite"}),
    "1 bit": (LABELS > 0, {"photometric": "minisblack"}),
    "floats": ((LABELS / 7).astype(np.float32), {"photometric": "minisblack"}),
    "a palette": (
        (LABELS // 100).astype(np.uint8),
        {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)},
    ),
    "colours": (np.dstack([LABELS // 100] * 3).astype(np.uint8), {"photometric": "rgb"}),
    "16-bit colours": (np.dstack([LABELS] * 3), {"photometric": "rgb"}),
}


@pytest.mark.parametrize("codec", [None, "lzw", "deflate"])
@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("vendor", DESCRIPTIONS)
def test_a_mask_keeps_its_numbers_whatever_its_description_says(vendor, kind, codec, tmp_path) -> None:
    image, options = MASKS[kind]
    tifffile.imwrite(
        tmp_path / "a.tiff", image, tile=(64, 64), compression=codec, metadata=None, **options, **DESCRIPTIONS[vendor]
    )
    with open_slide(str(tmp_path / "a.tiff")) as reader:
        assert not isinstance(reader, OpenSlideReader | AperioReader)
        assert isinstance(reader, TiffReader)
    np.testing.assert_array_equal(read(tmp_path / "a.tiff"), image, strict=True)
