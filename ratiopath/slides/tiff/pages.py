"""The pages of a TIFF that make up one image: level 0, its reduced images and its transparency masks.

1. The image: of an OME-TIFF the largest `Image` with pages in this file, otherwise the largest page that is not marked
   as reduced, wherever it stands, as a page of the chain or below one.
2. Its levels: pages with the same channels that are marked as reduced, or an integer times smaller.
3. Its masks: pages marked as transparency masks, each of the size of a level.
4. Further planes: any other page of the size of level 0, two reduced images or masks of one size, or planes behind one
   directory, refuse the file.

docs/decisions/0015-which-image.md gives the reasons.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import index

from tifffile import COMPRESSION, PHOTOMETRIC, TiffFile, TiffPage

from ratiopath.errors import UnsupportedImageError
from ratiopath.remote.names import name_of
from ratiopath.slides.tiff.errors import EXPORT_HINT
from ratiopath.slides.tiff.levels import ORIENTATION, TiffLevel, alpha_of, check_page
from ratiopath.slides.tiff.ome import OmeImage, ome_images

_REDUCED, _MASK = 1, 4  # bits of NewSubfileType (TIFF 6.0, page 36)
_MIN_DOWNSAMPLE = 1.5
_NEAR_INTEGER = 0.02
"""Relative distance of a downsample from an integer that rounded or cropped levels have."""
_STACK_HINT = "write classes as values or samples of one page, or as channels of an OME-TIFF"
_MAX_DEPTH = 4  # of pages below pages

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class TiffImage:
    """The image that is read."""

    levels: tuple[TiffLevel, ...]
    """Finest first."""
    ome_mpp: tuple[float, float] | None = None
    """PhysicalSize of its OME Image in µm/px, unchecked."""


def find_image(tiff: TiffFile, path: str, file_size: int) -> TiffImage:
    """Find the image of a TIFF.

    Args:
        tiff: The open file.
        path: The file.
        file_size: Its size in bytes.

    Raises:
        UnsupportedImageError: No page, a stack of planes, several reduced images of one size, or an unsupported page.
    """
    tops = [tiff.pages.get(number, aspage=True) for number in range(len(tiff.pages))]
    if not tops:
        raise UnsupportedImageError(f"{path!r} has no pages", path=path, hint=EXPORT_HINT)
    xml = tiff.ome_metadata if tiff.is_ome else None
    images = ome_images(xml, name_of(path), len(tops)) if xml else ()
    if images:
        return _ome_image(tops, images, path)
    pages = list(_with_pages_below(tops))
    masks = [page for page in pages if _is_mask(page)]
    if len(masks) == len(pages):  # a mask of no other image is one of its own
        masks = []
    candidates = [page for page in pages if not masks or not _is_mask(page)]
    base = _full_image(candidates)
    check_page(base, path)
    others = [page for page in candidates if page is not base]
    _refuse_stack(base, 1 + sum(_size(page) == _size(base) for page in others), path)
    _refuse_stack(base, _planes_behind(base, file_size), path)
    levels = [TiffLevel.of(page) for page in others if _is_level_below(base, page)]
    _refuse_rivals(levels, masks, path)
    return TiffImage(_assembled(TiffLevel.of(base), levels, masks, path))


def find_scan(tiff: TiffFile, path: str) -> TiffImage:
    """Find the tiled pages of a scanner's TIFF: Aperio's levels, between a striped thumbnail and label.

    Raises:
        UnsupportedImageError: See `find_image`.
    """
    pages = [page for page in tiff.pages if page.is_tiled]
    base = _full_image(pages)
    check_page(base, path)
    others = [page for page in pages if page is not base]
    _refuse_stack(base, 1 + sum(_size(page) == _size(base) for page in others), path)
    levels = [TiffLevel.of(page) for page in others if _kind(page) == _kind(base) and _fits(page, base)]
    return TiffImage(_assembled(TiffLevel.of(base), levels, [], path))


def _with_pages_below(pages: Sequence[TiffPage], depth: int = 0) -> Iterator[TiffPage]:
    for page in pages:
        yield page
        if depth < _MAX_DEPTH and page.subifds:
            yield from _with_pages_below(_below(page), depth + 1)


def _below(page: TiffPage) -> list[TiffPage]:
    if not page.subifds:
        return []
    return [page.pages.get(number, aspage=True) for number in range(len(page.pages))]


def _size(page: TiffPage) -> Size:
    return index(page.imagewidth), index(page.imagelength)


def _area(page: TiffPage) -> int:
    return index(page.imagewidth) * index(page.imagelength)


def _kind(page: TiffPage) -> tuple[object, ...]:
    """Return what all levels of an image have in common."""
    colours = PHOTOMETRIC.RGB if page.photometric == PHOTOMETRIC.YCBCR else page.photometric
    orientation = page.tags.valueof(ORIENTATION, default=1)
    return page.dtype, page.samplesperpixel, alpha_of(page), colours, orientation


def _is_mask(page: TiffPage) -> bool:
    return bool(page.subfiletype & _MASK) or page.photometric == PHOTOMETRIC.MASK


def _full_image(pages: Sequence[TiffPage]) -> TiffPage:
    """Choose the largest page that is not marked as reduced, or one of which that is a level in spite of its mark."""
    unmarked = [page for page in pages if not page.subfiletype & _REDUCED]
    base = max(unmarked or pages, key=_area)
    larger = [page for page in pages if _area(page) > _area(base) and _is_level_below(page, base)]
    return max(larger, key=_area) if larger else base


def _is_level_below(base: TiffPage, page: TiffPage) -> bool:
    if _kind(page) != _kind(base) or _size(page) == _size(base):
        return False
    (width, height), (base_width, base_height) = _size(page), _size(base)
    if not _fits(page, base):
        return False
    is_marked = page.subfiletype == _REDUCED
    if is_marked and page.is_tiled == base.is_tiled:
        return True  # at any scale and crop of each axis; labels and macro images are striped, or marked otherwise
    # The heights that the factor of the width allows, when each side was rounded down or up.
    shortest = base_height * (width - 1) / base_width - 1
    tallest = base_height * (width + 1) / base_width + 1
    return shortest < height < tallest and (is_marked or _is_integer_like(max(_size(base)), max(_size(page))))


def _fits(page: TiffPage, base: TiffPage) -> bool:
    (width, height), (base_width, base_height) = _size(page), _size(base)
    return 0 < width <= base_width and 0 < height <= base_height


def _is_integer_like(base: int, size: int) -> bool:
    downsample = base / size
    nearest = round(downsample)
    is_rounded = size in (base // nearest, -(-base // nearest))
    return downsample >= _MIN_DOWNSAMPLE and (is_rounded or math.isclose(downsample, nearest, rel_tol=_NEAR_INTEGER))


def _assembled(
    base: TiffLevel, below: Sequence[TiffLevel], masks: Sequence[TiffPage], path: str
) -> tuple[TiffLevel, ...]:
    """Check all pages, give each level its mask, and sort; of a scan's levels of one size the first counts."""
    of_size: dict[Size, TiffLevel] = {}
    for mask in masks:
        if mask.samplesperpixel == 1:
            of_size.setdefault(_size(mask), TiffLevel.of(mask))
    found = {(level.extent.width, level.extent.height): level for level in reversed((base, *below))}
    levels = []
    for size, level in sorted(found.items(), key=lambda item: item[0][0] * item[0][1], reverse=True):
        masked = replace(level, mask=of_size.get(size))
        if masked.mask is None and _size(base.page) in of_size:
            continue  # a level without the mask of level 0: pixels that do not exist would be read
        for page in (*masked.planes, *(masked.mask.planes if masked.mask else ())):
            check_page(page, path)
        levels.append(masked)
    return tuple(levels)


def _refuse_stack(base: TiffPage, planes: int, path: str) -> None:
    if planes > 1:
        problem = f"{path!r} is a stack of {planes} planes of {base.imagewidth} x {base.imagelength} px"
        raise UnsupportedImageError(problem, path=path, hint=_STACK_HINT)


def _refuse_rivals(levels: Sequence[TiffLevel], masks: Sequence[TiffPage], path: str) -> None:
    """Refuse reduced images of one size, or masks of one size: nothing says which of them belongs to level 0."""
    for kind, pages in (("reduced images", [level.page for level in levels]), ("masks", masks)):
        directories = {(page.offset, _size(page)) for page in pages}  # a directory may be listed twice
        (width, height), count = Counter(size for _, size in directories).most_common(1)[0] if pages else ((0, 0), 0)
        if count > 1:
            problem = f"{path!r} has {count} {kind} of {width} x {height} px"
            raise UnsupportedImageError(problem, path=path, hint="export it with one of each size")


def _planes_behind(page: TiffPage, file_size: int) -> int:
    """Count the planes that follow one another uncompressed behind one directory, as its metadata says."""
    if page.compression != COMPRESSION.NONE or page.dtype is None or not page.dataoffsets:
        return 1
    words, size = page.description, math.prod(page.shape)
    planes = 1
    if words.startswith("ImageJ="):
        counts = {name: int(count) for name, count in re.findall(r"^(\w+)=(\d{1,9})\s*$", words, re.MULTILINE)}
        dimensions = math.prod(counts.get(name, 1) for name in ("channels", "slices", "frames"))
        planes = counts.get("images", dimensions)
    elif page.is_shaped and (found := re.search(r"shape\"?[=:]\s*[\[(]([\d,\s]+)", words)):
        planes = math.prod(json.loads(f"[{found[1].rstrip(', ')}]")) // size
    elif page.is_stk and "UIC2tag" in page.tags:
        planes = int(page.tags["UIC2tag"].count)
    elif page.is_nih:
        planes = int(dict(page.tags.valueof(43314) or {}).get("nSlices", 1))
    behind = file_size - page.dataoffsets[0] - size * page.bitspersample // 8
    is_there = 2 * behind >= size * page.bitspersample // 8  # a stack may be cut short
    return planes if is_there else 1  # a tool that copies one plane may keep the words of the stack


# OME-TIFF


def _ome_image(tops: Sequence[TiffPage], images: Sequence[OmeImage], path: str) -> TiffImage:
    planes_of = [_planes_of(image, tops) for image in images]
    chosen = max(range(len(images)), key=lambda number: _area(next(iter(planes_of[number].values()))))
    image, planes = images[chosen], planes_of[chosen]
    _refuse_parts(image, planes, path)
    base = TiffLevel.of(*(planes[plane] for plane in sorted(planes)))
    check_page(base.page, path)
    listed = [page for pages in planes_of for page in pages.values()]
    own, below = set(map(id, base.planes)), [_below(plane) for plane in base.planes]
    beside = [page for page in tops if all(page is not one for one in listed)]
    rivals = [page for page in listed if id(page) not in own]
    further = [page for page in (*rivals, *beside, *below[0]) if _size(page) == _size(base.page) and not _is_mask(page)]
    _refuse_stack(base.page, 1 + len(further), path)
    if any(_size(plane) != _size(base.page) or _kind(plane) != _kind(base.page) for plane in base.planes):
        problem = f"{path!r} has channels of different sizes or types"
        raise UnsupportedImageError(problem, path=path, hint="export them alike")
    levels = [
        TiffLevel.of(*channels)
        for channels in zip(*below, strict=False)
        if not _is_mask(channels[0]) and _is_level_below(base.page, channels[0])
    ]
    if len(base.planes) == 1:  # unmarked pages beside an OME image are other images
        marked = [page for page in beside if page.subfiletype == _REDUCED]
        levels += [TiffLevel.of(page) for page in marked if _is_level_below(base.page, page)]
    masks = [page for page in (*beside, *below[0]) if _is_mask(page)]
    _refuse_rivals(levels, masks, path)
    return TiffImage(_assembled(base, levels, masks, path), image.mpp)


def _planes_of(image: OmeImage, tops: Sequence[TiffPage]) -> dict[int, TiffPage]:
    """Find the pages of an OME image, without those that its TiffData elements name beyond its planes."""
    first = tops[image.pages[min(image.pages)]]
    planes = image.sizes["Z"] * image.sizes["T"] * -(-image.sizes["C"] // max(1, int(first.samplesperpixel)))
    return {plane: tops[page] for plane, page in image.pages.items() if plane < planes} or {0: first}


def _refuse_parts(image: OmeImage, planes: dict[int, TiffPage], path: str) -> None:
    axes = ", ".join(f"{axis}={image.sizes[axis]}" for axis in "TZ" if image.sizes[axis] > 1)
    channels = -(-image.sizes["C"] // max(1, int(next(iter(planes.values())).samplesperpixel)))
    if axes:
        problem, hint = f"{path!r} is a stack of planes (OME-TIFF with {axes})", "export one plane of the stack"
    elif image.elsewhere:
        problem = f"{path!r} has {image.elsewhere} of its planes in companion files"
        hint = "export it as one file"
    elif len(planes) < channels:
        problem = f"{path!r} lacks {channels - len(planes)} of its planes"
        hint = "copy it again with its companion files, then export it as one file"
    else:
        return
    raise UnsupportedImageError(problem, path=path, hint=hint)
