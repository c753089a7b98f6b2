"""Whether a DICOM file has all of what it announces: its pixels are counted, not decoded (PS3.5 8, PS3.3 C.7.6.3)."""

import io
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from transfer.adapters.dicom.elements import MoreNeeded, Walk
from transfer.flaws import Flaw

#: what is wrong with a document of this type within a DICOM file
Enclosed = Callable[[str, bytes], set[Flaw]]

#: Float Pixel Data, Double Float Pixel Data, Pixel Data
_PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
#: the part of a SOP Class UID that says what it stores (PS3.4 B.5)
_STORAGE: Final = re.compile(r"1\.2\.840\.10008\.5\.1\.4\.1\.1\.(?P<class>[\d.]+)")
#: images of the classes in wide use: radiography, tomography, ultrasound, captures, angiography, nuclear medicine,
#: microscopy, photographs
_IMAGES: Final = re.compile(
    r"(?:1(?:\.[123].*)?|2(?:\.\d)?|3\.1|4(?:\.1)?|6\.[12]|7.*|12\.[12].*|13\.1.*|20|77\.1.*|128|130|481\.1)"
)
_REPORTS: Final = re.compile(r"88\..*")
_DOCUMENTS: Final = re.compile(r"104\..*")
_DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
#: FFFE,E0DD with a length of 0: the end of encapsulated pixels (PS3.5 A.4), in either order of bytes
_SEQUENCE_ENDS: Final = (b"\xfe\xff\xdd\xe0\0\0\0\0", b"\xff\xfe\xe0\xdd\0\0\0\0")
_WANTED: Final = [
    "SOPClassUID",
    "SOPInstanceUID",
    "ContentSequence",
    "CurrentRequestedProcedureEvidenceSequence",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SamplesPerPixel",
    "BitsAllocated",
    "PhotometricInterpretation",
    "DimensionOrganizationType",
    "TotalPixelMatrixColumns",
    "TotalPixelMatrixRows",
    "NumberOfOpticalPaths",
    "TotalPixelMatrixFocalPlanes",
    "ConcatenationUID",
    "EncapsulatedDocument",
    "MIMETypeOfEncapsulatedDocument",
]


@dataclass(slots=True)
class _Pixels:
    """Where the pixels begin and how long they are by their own word. None: it is not said (encapsulated).

    `start` None: within what is deflated, which was inflated whole and may be longer than its file (PS3.5 A.5).
    """

    start: int | None
    length: int | None


def flaws(beginning: bytes, end: bytes, length: int, enclosed: Enclosed) -> set[Flaw]:
    """What is wrong with a file of `length` bytes, of which the `beginning` and the `end` are at hand.

    `enclosed` judges a document that it holds.

    Raises:
        Exception: whatever pydicom raises about a file that it cannot read.
    """
    from pydicom.errors import InvalidDicomError

    if not length:
        return {Flaw.EMPTY}
    if length < 132:
        return {Flaw.CUT}
    try:
        found, pixels = _read(beginning)
    except InvalidDicomError:
        return {Flaw.MISLABELLED}
    except (EOFError, zlib.error):
        return {Flaw.CUT}
    if pixels is not None and not (found.get("Rows") and found.get("Columns")):
        return {Flaw.UNREADABLE}  # PS3.3 C.7.6.3: both are more than 0
    if pixels is None:
        return _without_pixels(found, beginning, length, enclosed)
    if _lacks_tiles(found):
        return {Flaw.CUT}
    if pixels.length is None:
        return set() if any(one in end for one in _SEQUENCE_ENDS) else {Flaw.CUT}
    # With an odd number of bytes a byte is added (PS3.5 8.1.1), which some forget.
    ends_late = pixels.start is not None and pixels.start + pixels.length > length + 1
    return {Flaw.CUT} if ends_late or pixels.length < _expected(found) else set()


def _read(beginning: bytes) -> tuple[Any, _Pixels | None]:
    from pydicom.filereader import read_partial
    from pydicom.tag import Tag

    stream = io.BytesIO(beginning)
    met: list[tuple[str | None, int]] = []

    def is_reached(tag: int, vr: str | None, length: int) -> bool:
        if tag in _PIXELS:
            met.append((vr, length))
        return tag in _PIXELS

    found = read_partial(stream, stop_when=is_reached, specific_tags=[Tag(name) for name in _WANTED])
    if found.file_meta.get("TransferSyntaxUID") == _DEFLATED:
        return found, _Pixels(None, met[0][1]) if met else None
    if not met:
        return found, None
    vr, length = met[0]
    start = stream.tell() + (12 if vr in ("OB", "OW", "OF", "OD", "OV", "UN") else 8)
    return found, _Pixels(start, None if length == 0xFFFFFFFF else length)


def _without_pixels(found: Any, beginning: bytes, length: int, enclosed: Enclosed) -> set[Flaw]:
    """A report, a presentation state, a document within: no image. One that says its rows and has no pixels is cut."""
    if found.get("Rows"):
        return {Flaw.CUT}
    if len(beginning) < length:
        return {Flaw.UNREADABLE}
    if found.file_meta.get("TransferSyntaxUID") != _DEFLATED and _stops_early(beginning, found):
        return {Flaw.CUT}
    if found.get("EncapsulatedDocument"):
        kind = str(found.get("MIMETypeOfEncapsulatedDocument", ""))
        return enclosed(kind, bytes(found.EncapsulatedDocument).rstrip(b"\0"))
    return {Flaw.EMPTY} if _lacks_what_it_is(found) else set()


def _lacks_what_it_is(found: Any) -> bool:
    """An image without pixels, a report without content, a document that has none inside."""
    stored = _STORAGE.fullmatch(str(found.get("SOPClassUID", "")))
    what = stored["class"] if stored else ""
    if _REPORTS.fullmatch(what):
        # A Key Object Selection names its images in both; what rejects images says so by the second alone, too.
        return not (found.get("ContentSequence") or found.get("CurrentRequestedProcedureEvidenceSequence"))
    return bool(_IMAGES.fullmatch(what) or _DOCUMENTS.fullmatch(what))


def _stops_early(data: bytes, found: Any) -> bool:
    """Whether its last element goes on behind its bytes. pydicom reads such a file without a word."""
    try:
        at = Walk(data, explicit=True, order="<").collect(132, {}, frozenset(), last=0x0002FFFF)
        explicit = bool(re.fullmatch(rb"[A-Z]{2}", data[at + 4 : at + 6]))
        order = ">" if found.file_meta.get("TransferSyntaxUID") == _BIG_ENDIAN else "<"
        Walk(data, explicit=explicit, order=order).collect(at, {}, frozenset(), last=0xFFFFFFFF)
    except MoreNeeded:
        return True
    return "SOPInstanceUID" not in found


def _frames(found: Any) -> int:
    said = str(found.get("NumberOfFrames") or 1)
    return int(said) if said.isdecimal() else 1


def _lacks_tiles(found: Any) -> bool:
    """Whether a slide that says to have all of its tiles (TILED_FULL, PS3.3 C.7.6.17.3) has fewer frames than those."""
    if found.get("DimensionOrganizationType") != "TILED_FULL" or found.get("ConcatenationUID"):
        return False
    across = ceil(int(found.get("TotalPixelMatrixColumns") or 0) / int(found.Columns))
    down = ceil(int(found.get("TotalPixelMatrixRows") or 0) / int(found.Rows))
    layers = [int(found.get(name) or 1) for name in ("NumberOfOpticalPaths", "TotalPixelMatrixFocalPlanes")]
    return _frames(found) < across * down * layers[0] * layers[1]


def _expected(found: Any) -> int:
    """Bytes of native pixels. In subsampled colour (YBR_FULL_422) two pixels share two of their three values."""
    bits = int(found.get("BitsAllocated", 0)) * int(found.get("SamplesPerPixel", 1) or 1)
    if str(found.get("PhotometricInterpretation", "")).endswith("_422"):
        bits = bits * 2 // 3
    return (int(found.get("Rows", 0)) * int(found.get("Columns", 0)) * _frames(found) * bits + 7) // 8
