"""The pages of a TIFF that are level 0, its levels and its masks, and files that hold more than one plane."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from ratiopath.errors import UnsupportedImageError
from ratiopath.geometry import Mpp
from ratiopath.slides import open_slide
from tests.support.handmade import (
    ASCII,
    DESCRIPTION,
    LONG,
    MARK,
    OFFSETS,
    OLD_MARK,
    PHOTOMETRIC,
    SHORT,
    Page,
    page_of,
    write,
)

SIZE = (64, 96)
TAGS = {"resolution": (10_000, 10_000), "resolutionunit": "CENTIMETER", "metadata": None, "contiguous": False}
"""1 µm/px."""


def flat(value: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.full(size, value, np.uint8)


def levels_of(path: Path) -> list[tuple[int, int, int]]:
    """(rows, columns, the first pixel's value) of each level."""
    with open_slide(str(path)) as reader:
        return [
            (level.extent.height, level.extent.width, int(reader.read_chunk(level.index, 0, 0).pixels.flat[0]))
            for level in reader.pyramid.levels
        ]


# Order and marks of pages


@st.composite
def pyramids(draw: st.DrawFn) -> tuple[list[Page], list[tuple[int, int, int]]]:
    """Pages of a pyramid in any order, marked in any way, among pages that are no levels; and its levels."""
    factors = sorted(draw(st.sets(st.sampled_from([2, 3, 4, 8]), max_size=3)))
    sizes = [SIZE, *((SIZE[0] // factor, SIZE[1] // factor) for factor in factors)]
    pages = []
    for value, size in enumerate(sizes):
        marks = [{"t254": (LONG, [0])}]
        if value:
            marks += [{"t254": (LONG, [1])}, {"t254": (LONG, None), f"t{OLD_MARK}": (SHORT, [2])}]
        pages.append(page_of(flat(value, size), **draw(st.sampled_from(marks))))
    others = {
        "a mask of nothing": page_of(flat(90, (32, 32)), 4),
        "a mask of a level": page_of(flat(91, (SIZE[0] // 2, SIZE[1] // 2)), 5) if 2 not in factors else None,
        "a pixel smaller": page_of(flat(92, (SIZE[0] - 1, SIZE[1] - 1))),
        "another shape": page_of(flat(93, (30, 30))),
        "16 bits": page_of(np.full((32, 48), 94, np.uint16), t258=(SHORT, [16])),
        "three samples": page_of(flat(95, (32, 144)).reshape(32, 48, 3), t277=(SHORT, [3]), t258=(SHORT, [8] * 3)),
    }
    pages += [others[name] for name in draw(st.sets(st.sampled_from(sorted(others)))) if others[name]]
    return draw(st.permutations(pages)), [(*size, value) for value, size in enumerate(sizes)]


@given(pyramids())
@settings(max_examples=60, deadline=None)
def test_level_0_is_the_full_image_wherever_it_stands(tmp_path_factory, pyramid) -> None:
    pages, levels = pyramid
    assert levels_of(write(tmp_path_factory.mktemp("a") / "a.tiff", *pages)) == levels


@given(st.permutations(range(3)), st.sampled_from([0, 1]), st.booleans())
@settings(max_examples=30, deadline=None)
def test_levels_may_be_below_any_page(tmp_path_factory, order, mark, is_first) -> None:
    sizes = [SIZE, (32, 48), (16, 24)]
    images = [page_of(flat(value, sizes[value]), mark if value else 0) for value in order]
    top, below = images[0], images[1:]
    top.below.extend(below)
    label = page_of(flat(9, (20, 20)))
    path = write(tmp_path_factory.mktemp("a") / "a.tiff", *([top, label] if is_first else [label, top]))
    assert levels_of(path) == [(*size, value) for value, size in enumerate(sizes)]


def test_a_page_one_pixel_smaller_is_no_level(tmp_path) -> None:
    path = write(tmp_path / "a.tiff", page_of(flat(1)), page_of(flat(2, (63, 95))))
    assert levels_of(path) == [(*SIZE, 1)]


@pytest.mark.parametrize("mark", [4, 5])
def test_a_mask_below_a_page_is_no_level(mark, tmp_path) -> None:
    path = write(tmp_path / "a.tiff", page_of(flat(1), below=[page_of(flat(2, (32, 48)), mark)]))
    assert levels_of(path) == [(*SIZE, 1)]


def test_an_unmarked_page_of_another_shape_below_a_page_is_no_level(tmp_path) -> None:
    path = write(tmp_path / "a.tiff", page_of(flat(1), below=[page_of(flat(2, (32, 32)))]))
    assert levels_of(path) == [(*SIZE, 1)]


def test_a_file_of_nothing_but_a_mask_is_read(tmp_path) -> None:
    path = write(tmp_path / "a.tiff", page_of(flat(1), 4))
    assert levels_of(path) == [(*SIZE, 1)]


def test_a_reduced_image_in_other_colours_is_no_level(tmp_path) -> None:
    small = page_of(flat(2, (32, 48)), 1, t262=(SHORT, [3]), t320=(SHORT, list(range(768))))
    assert levels_of(write(tmp_path / "a.tiff", page_of(flat(1)), small)) == [(*SIZE, 1)]


# Reduced images of one size

HALF = (32, 48)


def _ome_with_two_levels(path: Path) -> None:
    sizes = {"axes": "YX", "PhysicalSizeX": 1.0, "PhysicalSizeY": 1.0}
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(flat(0), subifds=2, metadata=sizes)
        file.write(flat(1, HALF), subfiletype=1)
        file.write(flat(2, HALF), subfiletype=1)


RIVALS: dict[str, Callable[[Path], object]] = {
    "pages marked as reduced": lambda path: write(path, page_of(flat(0)), *(page_of(flat(n, HALF), 1) for n in (1, 2))),
    "unmarked pages": lambda path: write(path, *(page_of(flat(n, size)) for n, size in enumerate([HALF, HALF, SIZE]))),
    "a page and one below": lambda path: write(
        path, page_of(flat(0), below=[page_of(flat(1, HALF), 1)]), page_of(flat(2, HALF), 1)
    ),
    "pages below an OME image": _ome_with_two_levels,
    "equal pages": lambda path: write(path, page_of(flat(0)), *[page_of(flat(1, HALF), 1)] * 2),
}


@pytest.mark.parametrize("kind", RIVALS)
def test_reduced_images_of_one_size_are_refused(kind, tmp_path) -> None:
    RIVALS[kind](tmp_path / "a.tiff")
    with pytest.raises(UnsupportedImageError, match=r"has 2 reduced images of 48 x 32 px; hint: export it with one"):
        open_slide(str(tmp_path / "a.tiff"))


@pytest.mark.parametrize("size", [SIZE, HALF])
def test_masks_of_one_size_are_refused(size, tmp_path) -> None:
    path = write(tmp_path / "a.tiff", page_of(flat(0)), page_of(flat(1, size), 4), page_of(flat(0, size), 4))
    with pytest.raises(UnsupportedImageError, match=r"has 2 masks of \d+ x \d+ px; hint: export it with one"):
        open_slide(str(path))


def test_reduced_images_of_one_size_that_are_no_levels_are_no_rivals(tmp_path) -> None:
    label = page_of(flat(1, HALF).repeat(3).reshape(32, 48, 3), t277=(SHORT, [3]), t258=(SHORT, [8] * 3))
    assert levels_of(write(tmp_path / "a.tiff", page_of(flat(0)), label, label)) == [(*SIZE, 0)]


def test_a_reduced_image_that_is_listed_twice_is_one_level(tmp_path) -> None:
    path = write(tmp_path / "a.tiff", page_of(flat(0), below=[page_of(flat(1, HALF), 1)]))
    with tifffile.TiffFile(path) as tiff:
        [below] = tiff.pages[0].subifds
        link = tiff.pages[0].offset + 2 + 12 * len(tiff.pages[0].tags)
    content = bytearray(path.read_bytes())
    content[link : link + 4] = below.to_bytes(4, "little")
    path.write_bytes(content)
    assert levels_of(path) == [(*SIZE, 0), (*HALF, 1)]


# Stacks


def _pages(path: Path, *marks: int) -> None:
    write(path, *(page_of(flat(value), mark) for value, mark in enumerate(marks)))


def _below(path: Path, mark: int) -> None:
    write(path, page_of(flat(0), below=[page_of(flat(value), mark) for value in (1, 2)]))


def _described(path: Path, text: bytes, planes: int = 4, **tags: tuple) -> None:
    """One directory of the first of several planes that follow one another at the end of the file."""
    page = page_of(flat(0), **{f"t{DESCRIPTION}": (ASCII, text + b"\0"), f"t{OFFSETS}": (LONG, [0])} | tags)
    page.tags[OFFSETS] = (LONG, [write(path, page).stat().st_size])
    write(path, page, trailer=b"".join(flat(value).tobytes() for value in range(planes)))


def _cut_short(path: Path, text: bytes) -> None:
    _described(path, text)
    path.write_bytes(path.read_bytes()[:-10])


STACKS: dict[str, Callable[[Path], None]] = {
    "pages": lambda path: _pages(path, 0, 0, 0),
    "pages marked as pages": lambda path: _pages(path, 2, 2, 2),
    "pages marked as reduced": lambda path: _pages(path, 1, 1),
    "pages after the first marked as pages": lambda path: _pages(path, 0, 2),
    "pages after the first marked as reduced": lambda path: _pages(path, 0, 1, 1),
    "pages marked in the old way": lambda path: write(
        path, *(page_of(flat(value), t254=(LONG, None), t255=(SHORT, [3])) for value in (0, 1))
    ),
    "pages below a page": lambda path: _below(path, 0),
    "pages below a page, marked": lambda path: _below(path, 2),
    "pages of other samples": lambda path: write(
        path, page_of(flat(0)), page_of(np.zeros(SIZE, np.uint16), t258=(SHORT, [16]))
    ),
    "ImageJ, pages": lambda path: tifffile.imwrite(path, np.zeros((3, *SIZE), np.uint8), imagej=True),
    "ImageJ, one directory": lambda path: _described(path, b"ImageJ=1.53t\nimages=4\nslices=4\nloop=false\n"),
    "ImageJ, one directory, channels": lambda path: _described(path, b"ImageJ=1.53t\nimages=4\nchannels=4\n"),
    "ImageJ, one directory, no images=": lambda path: _described(path, b"ImageJ=1.53t\nslices=2\nframes=2\n"),
    "ImageJ, one directory, channels only": lambda path: _described(path, b"ImageJ=1.53t\nchannels=4\n"),
    "ImageJ, one directory, cut short": lambda path: _cut_short(path, b"ImageJ=1.53t\nimages=4\n"),
    "shaped, pages": lambda path: tifffile.imwrite(path, np.zeros((3, *SIZE), np.uint8), photometric="minisblack"),
    "shaped, one directory": lambda path: tifffile.imwrite(
        path, np.zeros((3, *SIZE), np.uint8), photometric="minisblack", metadata={"axes": "ZYX"}, truncate=True
    ),
    "MetaMorph": lambda path: _described(
        path, b"MetaMorph", t33628=(LONG, [0, 0] * 4), t33629=(5, [0, 1] * 4)
    ),
    "a volume": lambda path: tifffile.imwrite(
        path, np.zeros((16, 64, 64), np.uint8), tile=(16, 16, 16), volumetric=True, photometric="minisblack"
    ),
    "OME, z": lambda path: tifffile.imwrite(path, np.zeros((3, *SIZE), np.uint8), ome=True, metadata={"axes": "ZYX"}),
    "OME, t": lambda path: tifffile.imwrite(path, np.zeros((3, *SIZE), np.uint8), ome=True, metadata={"axes": "TYX"}),
    "OME, more pages than images": lambda path: write_ome(
        path, [image(0, 1.0, '<TiffData IFD="0"/>')], [page_of(flat(0)), page_of(flat(1))]
    ),
    "OME, two images of one size": lambda path: write_ome(
        path,
        [image(0, 1.0, '<TiffData IFD="0"/>'), image(1, 1.0, '<TiffData IFD="1"/>')],
        [page_of(flat(0)), page_of(flat(1))],
    ),
}  # fmt: skip


def image(
    index: int, mpp: float, where: str, size: tuple[int, int] = SIZE, channels: int = 1, planes: str = 'SizeZ="1"'
) -> str:
    """An Image of OME-XML."""
    names = "".join(f'<Channel ID="Channel:{index}:{n}" SamplesPerPixel="1"/>' for n in range(channels))
    return (
        f'<Image ID="Image:{index}"><Pixels ID="Pixels:{index}" DimensionOrder="XYCZT" Type="uint8" SizeX="{size[1]}"'
        f' SizeY="{size[0]}" SizeC="{channels}" {planes} SizeT="1" PhysicalSizeX="{mpp}" PhysicalSizeY="{mpp}">'
        f"{names}{where}</Pixels></Image>"
    )


def write_ome(path: Path, images: list[str], pages: list[Page]) -> Path:
    schema = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
    xml = f'<?xml version="1.0"?><OME xmlns="{schema}" UUID="urn:uuid:1">{"".join(images)}</OME>'
    pages[0].tags[DESCRIPTION] = (ASCII, xml.encode() + b"\0")
    return write(path, *pages)


@pytest.mark.parametrize("writer", STACKS)
def test_a_stack_is_refused_rather_than_read_in_part(writer, tmp_path) -> None:
    STACKS[writer](tmp_path / "stack.tiff")
    with pytest.raises(UnsupportedImageError):
        open_slide(str(tmp_path / "stack.tiff"))


def test_an_imagej_file_of_one_plane_is_no_stack(tmp_path) -> None:
    tifffile.imwrite(tmp_path / "a.tiff", flat(3), imagej=True)
    assert levels_of(tmp_path / "a.tiff") == [(*SIZE, 3)]


def test_the_words_of_a_stack_beside_one_plane_are_no_stack(tmp_path) -> None:
    """One plane of a stack, written by a tool that keeps the description."""
    words = b"ImageJ=1.53t\nimages=40\nslices=40\n\0"
    path = write(tmp_path / "a.tiff", page_of(flat(3), t270=(ASCII, words)))
    assert levels_of(path) == [(*SIZE, 3)]


# OME images

ELSEWHERE = '<TiffData IFD="0" PlaneCount="1"><UUID FileName="elsewhere.ome.tiff">urn:uuid:2</UUID></TiffData>'


@pytest.mark.parametrize("where", ["", "<MetadataOnly/>", ELSEWHERE])
def test_the_resolution_is_that_of_the_image_whose_pages_are_read(where, tmp_path) -> None:
    images = [image(0, 0.25, where), image(1, 2.0, '<TiffData IFD="0" PlaneCount="1"/>')]
    path = write_ome(tmp_path / "a.ome.tiff", images, [page_of(flat(7), t282=(5, None), t283=(5, None))])
    with open_slide(str(path)) as reader:
        assert reader.pyramid.mpp == Mpp(2.0, 2.0)


@given(st.permutations(range(3)), st.permutations(range(3)))
@settings(max_examples=20, deadline=None)
def test_of_several_ome_images_the_largest_is_read_with_its_own_resolution(tmp_path_factory, order, place) -> None:
    sizes, mpps = [SIZE, (32, 48), (20, 20)], [0.5, 7.0, 9.0]
    images = [image(n, mpps[n], f'<TiffData IFD="{place.index(n)}"/>', sizes[n]) for n in order]
    pages = [page_of(flat(n, sizes[n]), t282=(5, None), t283=(5, None)) for n in place]
    path = write_ome(tmp_path_factory.mktemp("a") / "a.ome.tiff", images, pages)
    with open_slide(str(path)) as reader:
        assert reader.pyramid.mpp == Mpp(0.5, 0.5)
    assert levels_of(path) == [(*SIZE, 0)]


@pytest.mark.parametrize("channels", [1, 2])
def test_an_only_ome_image_without_a_list_of_its_pages_has_all(channels, tmp_path) -> None:
    """As tools write it that put OME-XML into the description of an image of libvips."""
    pages = [page_of(flat(value), t282=(5, []), t283=(5, [])) for value in range(channels)]
    path = write_ome(tmp_path / "a.ome.tiff", [image(0, 0.25, "", channels=channels)], pages)
    with open_slide(str(path)) as reader:
        assert reader.pyramid.mpp == Mpp(0.25, 0.25)
        assert reader.read_chunk(0, 0, 0).pixels[0, 0].tolist() == ([0, 1] if channels == 2 else 0)


def test_a_page_of_another_ome_image_is_no_level_though_it_is_marked(tmp_path) -> None:
    images = [image(0, 1.0, '<TiffData IFD="0"/>'), image(1, 2.0, '<TiffData IFD="1"/>', (32, 48))]
    path = write_ome(tmp_path / "a.ome.tiff", images, [page_of(flat(0)), page_of(flat(1, (32, 48)), 1)])
    assert levels_of(path) == [(*SIZE, 0)]


def test_a_mask_below_an_ome_page_is_no_level(tmp_path) -> None:
    page = page_of(flat(0), below=[page_of(flat(1, (32, 48)), 4), page_of(flat(2, (16, 24)), 1)])
    path = write_ome(tmp_path / "a.ome.tiff", [image(0, 1.0, '<TiffData IFD="0"/>')], [page])
    assert levels_of(path) == [(*SIZE, 0), (16, 24, 2)]


def test_the_pages_of_ome_channels_stand_in_the_order_that_it_says(tmp_path) -> None:
    where = '<TiffData IFD="1" FirstC="0"/><TiffData IFD="0" FirstC="1"/>'
    path = write_ome(tmp_path / "a.ome.tiff", [image(0, 1.0, where, channels=2)], [page_of(flat(5)), page_of(flat(6))])
    with open_slide(str(path)) as reader:
        assert reader.read_chunk(0, 0, 0).pixels[0, 0].tolist() == [6, 5]


# Transparency masks


def mask_page(left_out: int, mark: int = 4, size: tuple[int, int] = SIZE) -> Page:
    """The left columns are left out."""
    inside = flat(255, size)
    inside[:, :left_out] = 0
    return page_of(inside, mark, t262=(SHORT, [4]))


@pytest.mark.parametrize("is_first", [False, True])
def test_what_a_transparency_mask_leaves_out_does_not_exist(is_first, tmp_path) -> None:
    pages = [page_of(flat(3)), mask_page(40)]
    path = write(tmp_path / "a.tiff", *(pages[::-1] if is_first else pages))
    with open_slide(str(path)) as reader:
        exists = reader.read_chunk(0, 0, 0).exists
    assert exists is not None
    assert exists[0].tolist() == [False] * 40 + [True] * 56


def test_each_level_has_the_mask_of_its_size(tmp_path) -> None:
    pages = [page_of(flat(3)), page_of(flat(4, (32, 48)), 1), mask_page(40), mask_page(7, 5, (32, 48))]
    with open_slide(str(write(tmp_path / "a.tiff", *pages))) as reader:
        found = [reader.read_chunk(level, 0, 0).exists[0].sum() for level in (0, 1)]
    assert found == [56, 41]


def test_a_level_without_a_mask_of_its_own_is_not_read(tmp_path) -> None:
    path = write(tmp_path / "a.tiff", page_of(flat(3)), page_of(flat(4, (32, 48)), 1), mask_page(40))
    assert levels_of(path) == [(*SIZE, 3)]


@pytest.mark.parametrize("tile", [(16, 16), (32, 48), (64, 96)])
def test_a_mask_may_be_laid_out_otherwise_than_its_image(tile, tmp_path) -> None:
    image = np.ones((70, 130), np.uint8)
    inside = np.random.default_rng(0).integers(0, 2, image.shape).astype(np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tiff") as tiff:
        tiff.write(image, tile=(32, 32), **TAGS)
        tiff.write(inside, tile=tile, subfiletype=1, compression="deflate", **TAGS)
    with tifffile.TiffFile(tmp_path / "a.tiff", mode="r+") as tiff:
        tiff.pages[1].tags[MARK].overwrite(4)
    with open_slide(str(tmp_path / "a.tiff")) as reader:
        chunk = reader.read_chunk(0, 2, 1)
        assert chunk.exists is not None
        np.testing.assert_array_equal(chunk.exists, inside[32:64, 64:96] != 0)


@pytest.mark.parametrize("orientation", [2, 3, 4, 5, 6, 7, 8])
def test_an_image_that_is_stored_turned_is_refused(orientation, tmp_path) -> None:
    path = write(tmp_path / "a.tiff", page_of(flat(1), t274=(SHORT, [orientation])))
    with pytest.raises(UnsupportedImageError, match=f"rientation.*{orientation}"):
        open_slide(str(path))


def test_an_image_whose_photometric_interpretation_is_unread_is_refused_by_its_name(tmp_path) -> None:
    rgb = page_of(flat(1, (64, 288)).reshape(64, 96, 3), t277=(SHORT, [3]), t258=(SHORT, [8] * 3))
    rgb.tags[PHOTOMETRIC] = (SHORT, [8])
    with pytest.raises(UnsupportedImageError, match="CIELAB"):
        open_slide(str(write(tmp_path / "a.tiff", rgb)))


def test_a_fax_of_bytes_is_refused_before_memory_is_used(tmp_path) -> None:
    page = page_of(flat(0), t259=(SHORT, [4]), t256=(LONG, [30_000]), t257=(LONG, [30_000]), t278=(LONG, [30_000]))
    with pytest.raises(UnsupportedImageError, match="is CCITT of 8 bits"):
        open_slide(str(write(tmp_path / "a.tiff", page)))
