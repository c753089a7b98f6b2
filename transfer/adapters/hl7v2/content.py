"""The bytes inside a message: encapsulated data (ED), decoded in slices so that memory stays flat.

What is wrong with them is said by flags and, where nothing can be decoded, by `Unreadable` when it is opened. The
message is the record; a part that cannot be read does not take the rest of it away.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import pybase64

from transfer.errors import Unreadable

#: of encoded bytes; divisible by 4 (base64) and 2 (hex)
_SLICE = 1 << 18
_PDF = "application/pdf"
_UNSAID = "application/octet-stream"
#: table 0299
_PLAIN = ("a", "none", "text", "ascii")
_HEX = ("hex", "hexadecimal")
#: what senders break base64 with: white space, and formatting escapes (`\.br\`, `\X0D0A\`)
_BREAKS = re.compile(rb"\\(?:\.br|X(?:0[AD])+)\\|\s+", re.IGNORECASE)
#: Acrobat looks for the mark in the last 1,024 bytes
_TAIL = 1024

_SIGNATURES = (
    (b"%PDF-", _PDF),
    (b"\x89PNG\r\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"{\\rtf", "application/rtf"),
)
#: ED-2 and ED-3 as senders spell them (tables 0834, 0291)
_TYPES = {
    "pdf": _PDF,
    "rtf": "application/rtf",
    "html": "text/html",
    "xml": "text/xml",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "tiff": "image/tiff",
    "png": "image/png",
    "dicom": "application/dicom",
    "x-hl7-cda-level-one": "text/xml",
    "plain": "text/plain",
}


class Flag(StrEnum):
    """What is wrong with a part."""

    #: a PDF without its end, or base64 that stops within a group
    TRUNCATED = "truncated"
    #: it is not in the encoding it says; opening it raises `Unreadable`
    UNDECODABLE = "undecodable"
    EMPTY = "empty"
    #: said to be a PDF, and is not
    MISLABELLED = "mislabelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedContent:
    """One piece of a document. `open` decodes anew each time it is called and raises `Unreadable` where it cannot.

    `text/plain` is UTF-8 and made by us of the narrative: a derivative. Any other part is the sender's own bytes.
    """

    content_type: str
    open: Callable[[], Iterator[bytes]]
    flags: frozenset[Flag] = frozenset()
    #: bytes when decoded; 0 where it cannot be
    length: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """Content that stays with the sender (RP). Noted, never fetched: the address is the sender's invention."""

    address: str
    content_type: str | None = None


def encapsulated(data: memoryview, encoding: str | None, kind: str | None, subtype: str | None) -> EmbeddedContent:
    """A part from the components of an ED: it is read through once, for its flags and its length."""

    def opened() -> Iterator[bytes]:
        return decoded(data, encoding)

    said = next((_TYPES[word.lower()] for word in (subtype, kind) if word and word.lower() in _TYPES), _UNSAID)
    try:
        length, head, tail = _read_through(opened())
    except Unreadable:
        return EmbeddedContent(content_type=said, open=opened, flags=frozenset({Flag.UNDECODABLE}))
    seen = next((name for mark, name in _SIGNATURES if head.lstrip().startswith(mark)), None)
    wrong = {
        Flag.EMPTY: length == 0,
        Flag.TRUNCATED: length > 0
        and (_is_cut_base64(data, encoding, length) or (seen == _PDF and b"%%EOF" not in tail)),
        Flag.MISLABELLED: length > 0 and said == _PDF and seen != _PDF,
    }
    flags = frozenset(flag for flag, holds in wrong.items() if holds)
    return EmbeddedContent(content_type=seen or said, open=opened, flags=flags, length=length)


def _read_through(pieces: Iterator[bytes]) -> tuple[int, bytes, bytes]:
    """Length, first and last bytes."""
    length, head, tail = 0, b"", b""
    for piece in pieces:
        head = head or piece[:_TAIL]
        tail = (tail + piece[-_TAIL:])[-_TAIL:]
        length += len(piece)
    return length, head, tail


def decoded(data: memoryview, encoding: str | None) -> Iterator[bytes]:
    """The bytes that were encoded: Base64, Hex or A (table 0299). Anything else is taken for base64, the only one
    in wide use.

    Raises:
        Unreadable: they are not what they are said to be.
    """
    said = (encoding or "").strip().lower()
    if said in _PLAIN:
        return _slices(data)
    return _hex(_unbroken(data)) if said in _HEX else _base64(data)


def _slices(data: memoryview) -> Iterator[bytes]:
    return (bytes(data[at : at + _SLICE]) for at in range(0, len(data), _SLICE))


def _unbroken(data: memoryview) -> memoryview:
    return memoryview(_BREAKS.sub(b"", data))


def _base64(data: memoryview) -> Iterator[bytes]:
    """Taken for unbroken until it shows otherwise: searching 5 MB for line ends costs a hundred times the decoding."""
    at, is_unbroken = 0, False
    while at < len(data):
        piece = data[at : at + _SLICE]
        is_last = at + _SLICE >= len(data)
        try:
            yield _group_by_group(piece, is_last=is_last)
            at += _SLICE
        except ValueError:
            if is_unbroken:
                raise Unreadable("an embedded document is not the base64 it says it is") from None
            data, at, is_unbroken = _unbroken(data[at:]), 0, True


def _group_by_group(piece: memoryview, *, is_last: bool) -> bytes:
    if is_last and len(piece) % 4:
        piece = memoryview(bytes(piece) + b"=" * (-len(piece) % 4))
    whole: bytes = pybase64.b64decode(piece, validate=True)
    if not is_last and len(whole) != len(piece) // 4 * 3:
        raise ValueError("padding before the end")
    return whole


def _is_cut_base64(data: memoryview, encoding: str | None, length: int) -> bool:
    """It stops within a group of four, where the padding should be."""
    is_base64 = (encoding or "").strip().lower() not in (*_PLAIN, *_HEX)
    return is_base64 and length % 3 != 0 and not _BREAKS.sub(b"", data[-_TAIL:]).endswith(b"=")


def _hex(data: memoryview) -> Iterator[bytes]:
    for piece in _slices(data):
        try:
            yield bytes.fromhex(piece.decode("ascii"))
        except ValueError:
            raise Unreadable("an embedded document is not the hexadecimal it says it is") from None
