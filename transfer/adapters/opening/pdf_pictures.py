"""Whether a picture on the pages of a PDF stops before its end: a scan, also one that stands within forms."""

import io
import zlib
from collections.abc import Iterator
from typing import Any, Final

#: pictures and forms of one PDF that are looked at, and levels of its tree of pages
_MOST: Final = 5000
_LEVELS: Final = 50
#: bytes of pictures without a compression of their own that are unpacked of one PDF
_UNPACKED: Final = 256 << 20
#: what qpdf unpacks (ISO 32000-2, 7.4): bytes and no pictures
_PLAIN: Final = frozenset(
    {"/FlateDecode", "/LZWDecode", "/RunLengthDecode", "/ASCII85Decode", "/ASCIIHexDecode", "/Fl", "/LZW", "/RL"}
)
_JPEG: Final = frozenset({"/DCTDecode", "/DCT"})
#: values of one pixel, by the space of its colours (8.6)
_VALUES: Final = {
    **dict.fromkeys(("/DeviceGray", "/CalGray", "/Indexed", "/Separation"), 1),
    **dict.fromkeys(("/DeviceRGB", "/CalRGB", "/Lab"), 3),
    "/DeviceCMYK": 4,
}


def has_cut(pdf: Any) -> bool:
    """Whether one of them is cut. Of what is beyond the bounds it is not said."""
    left = _UNPACKED
    for picture in pictures(pdf):
        filters = _filters(picture)
        if filters and filters[-1] in _JPEG:
            if _is_cut_jpeg(picture):
                return True
            continue
        wanted = _bytes_wanted(picture) if _PLAIN.issuperset(filters) else 0
        if 0 < wanted <= left:
            left -= wanted
            # a row less is a file of a careless writer
            if len(picture.read_bytes()) < wanted - wanted // int(picture.get("/Height")):
                return True
    return False


def pictures(pdf: Any) -> Iterator[Any]:
    """Each once: pages of a scan may name all of its pictures, and a form itself."""
    seen, waiting = set[tuple[int, int]](), [page.obj for page in pdf.pages]
    while waiting and len(seen) < _MOST:
        for one in _named(waiting.pop()):
            if one.objgen in seen:
                continue
            seen.add(one.objgen)
            if one.get("/Subtype") == "/Image":
                yield one
            elif one.get("/Subtype") == "/Form":
                waiting.append(one)


def _named(holder: Any) -> list[Any]:
    """The external objects of a page, which may have inherited them (7.7.3.4), or of a form (8.10)."""
    named = holder
    for _ in range(_LEVELS):
        if named is None or named.get("/Resources") is not None:
            break
        named = named.get("/Parent")
    resources = named.get("/Resources") if named is not None else None
    objects: Any = resources.get("/XObject") if resources is not None and _is(resources, "dictionary") else None
    return [one for one in objects.values() if _is(one, "stream")] if _is(objects, "dictionary") else []


def _is(thing: Any, kind: str) -> bool:
    return getattr(thing, "_type_name", "") == kind


def _filters(picture: Any) -> list[str]:
    said = picture.get("/Filter")
    if said is None:
        return []
    return [str(one) for one in said] if _is(said, "array") else [str(said)]


def _bytes_wanted(picture: Any) -> int:
    """How many its size needs; 0: that is not said."""
    space = picture.get("/ColorSpace")
    first = space[0] if _is(space, "array") and len(space) else space
    values = 1 if picture.get("/ImageMask") is True else _VALUES.get(str(first), 0)
    if str(first) == "/ICCBased" and len(space) > 1:
        values = int(space[1].get("/N", 0))
    bits = 1 if picture.get("/ImageMask") is True else picture.get("/BitsPerComponent", 0)
    sizes = (picture.get("/Width", 0), picture.get("/Height", 0), bits)
    if not all(isinstance(one, int) and one > 0 for one in sizes):
        return 0
    width, height, depth = map(int, sizes)
    return height * -(-width * depth * values // 8)


def _is_cut_jpeg(picture: Any) -> bool:
    """It lacks its end (ITU-T T.81, B.1.1.3), and its reader misses some of it."""
    from PIL import Image

    raw = picture.read_raw_bytes()
    for name in _filters(picture)[:-1]:
        if name not in ("/FlateDecode", "/Fl"):
            return False
        raw = zlib.decompressobj().decompress(raw, _UNPACKED)
    if b"\xff\xd9" in raw[-1024:]:
        return False
    try:
        with Image.open(io.BytesIO(raw)) as opened:
            opened.load()
    except (OSError, SyntaxError) as error:
        return "truncated" in str(error)
    return False
