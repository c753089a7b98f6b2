"""Taking a multipart body apart while it arrives (RFC 2046 5.1), whatever the pieces it arrives in.

Written for images: what lies inside a part is handed on as views of the piece it came in, never joined, never copied.
The end of the stream is not the end of the body: only the closing delimiter is (`Multipart.closed`). Nor is it the end
of a part, which is whole only when the delimiter behind it is: binary content may look like the beginning of one.
"""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from email.message import Message
from enum import Enum, auto
from typing import Final

from transfer.errors import TooLarge, Unexpected

#: characters; RFC 2046 section 5.1.1 allows 70, and Orthanc sends 73
MOST_BOUNDARY: Final = 200
MOST_HEADERS: Final = 16 << 10
MOST_PREAMBLE: Final = 64 << 10
#: after a delimiter: transport padding and its line end, or the two hyphens of the closing one
_ENDING: Final = re.compile(rb"--|[ \t]{0,64}\r\n")
_BEGINS_ENDING: Final = re.compile(rb"-?|[ \t]{0,64}\r?")


class Mark(Enum):
    """What stands between views of content."""

    PART_BEGINS = auto()
    PART_ENDS = auto()


Event = Mark | memoryview


def boundary_of(content_type: str) -> bytes:
    """The boundary a `multipart/related` Content-Type names.

    Raises:
        Unexpected: it is another type, or names no usable boundary.
    """
    header = Message()
    header["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    boundary = header.get_boundary() or ""
    if header.get_content_type() != "multipart/related" or not 0 < len(boundary) <= MOST_BOUNDARY:
        raise Unexpected("the archive did not answer in multipart/related")
    if not boundary.isascii() or not boundary.isprintable():
        raise Unexpected("the archive named a boundary that cannot be one")
    return boundary.encode("ascii")


class _In(Enum):
    PREAMBLE = auto()
    HEADERS = auto()
    BODY = auto()
    EPILOGUE = auto()


@dataclass(slots=True)
class Multipart:
    """One body. Feed it pieces; what it holds back of one is less than a delimiter or one part's headers."""

    boundary: bytes
    most_parts: int = 1_000_000
    closed: bool = field(default=False, init=False)
    parts: int = field(default=0, init=False)
    _delimiter: bytes = field(default=b"", init=False)
    # The first delimiter has no line end before it: it gets one.
    _held: bytes = field(default=b"\r\n", init=False)
    _state: _In = field(default=_In.PREAMBLE, init=False)
    _preamble: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._delimiter = b"\r\n--" + self.boundary

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The marks and views of content in this piece; to be exhausted before the next one is fed.

        Raises:
            TooLarge: more parts, longer headers or a longer preamble than are taken.
            Unexpected: the body is not multipart.
        """
        data = self._held + piece if self._held else piece
        self._held = b""
        at = 0
        while at < len(data) and self._state is not _In.EPILOGUE:
            at = yield from self._headers(data, at) if self._state is _In.HEADERS else self._content(data, at)

    def _headers(self, data: bytes, at: int) -> Generator[Event, None, int]:
        """Pass over a part's headers. They begin with their delimiter's line end, so that none at all look alike."""
        end = data.find(b"\r\n\r\n", at)
        if end - at > MOST_HEADERS or (end < 0 and len(data) - at > MOST_HEADERS):
            raise TooLarge("the archive sent a part with endless headers")
        if end < 0:
            self._held = data[at:]
            return len(data)
        self.parts += 1
        if self.parts > self.most_parts:
            raise TooLarge(f"the archive sent more than {self.most_parts} parts")
        self._state = _In.BODY
        yield Mark.PART_BEGINS
        return end + 4

    def _content(self, data: bytes, at: int) -> Generator[Event, None, int]:
        """Content up to the next delimiter, or up to where one may have begun that is not all here."""
        begins, ends = self._next_delimiter(data, at)
        if self._state is _In.PREAMBLE:
            self._preamble += begins - at
            if self._preamble > MOST_PREAMBLE:
                raise Unexpected("the archive did not answer in parts")
        elif begins > at:
            yield memoryview(data)[at:begins]
        if ends is None:
            self._held = data[begins:]
            return len(data)
        if self._state is _In.BODY:
            yield Mark.PART_ENDS
        self.closed = data.startswith(b"--", ends - 2)
        self._state = _In.EPILOGUE if self.closed else _In.HEADERS
        return len(data) if self.closed else ends - 2

    def _next_delimiter(self, data: bytes, at: int) -> tuple[int, int | None]:
        """Where the next delimiter begins and ends; its end is None while it is not known to be one."""
        begins = data.find(self._delimiter, at)
        while begins >= 0:
            after = begins + len(self._delimiter)
            if ending := _ENDING.match(data, after):
                return begins, ending.end()
            if _BEGINS_ENDING.fullmatch(data, after):
                return begins, None
            begins = data.find(self._delimiter, begins + 1)  # it only looks like one: content
        return self._held_from(data, at), None

    def _held_from(self, data: bytes, at: int) -> int:
        """The first place near the end from which on all that is left could be the beginning of a delimiter."""
        candidate = data.find(b"\r", max(at, len(data) - len(self._delimiter) + 1))
        while candidate >= 0 and not self._delimiter.startswith(data[candidate:]):
            candidate = data.find(b"\r", candidate + 1)
        return candidate if candidate >= 0 else len(data)
