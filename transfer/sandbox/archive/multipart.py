"""WADO-RS answers: `multipart/related` of DICOM files, written piece by piece (PS3.18 8.7, RFC 2387)."""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_HEADERS = b"Content-Type: application/dicom; transfer-syntax=1.2.840.10008.1.2.1\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of the body. `begins_part`: with these the part numbered `part` (from 0) begins."""

    content: bytes | memoryview
    part: int
    begins_part: bool = False


def boundary() -> str:
    return f"mercy.{secrets.token_hex(16)}"


def related(boundary: str, instances: Iterable[list[bytes | memoryview]]) -> Iterator[Piece]:
    """Each instance as one part, and the closing delimiter, by which alone a reader knows that all came."""
    number = -1
    for number, instance in enumerate(instances):
        delimiter = f"{'' if number == 0 else chr(13) + chr(10)}--{boundary}\r\n".encode()
        yield Piece(delimiter + _HEADERS, number, begins_part=True)
        for content in instance:
            yield Piece(content, number)
    yield Piece(f"\r\n--{boundary}--\r\n".encode(), number + 1, begins_part=True)


def acceptable(accept: str) -> bool:
    """Whether one of the media types the caller takes is ours. Any transfer syntax is: we send but one."""
    return any(
        kind.partition(";")[0].strip().casefold() in ("*/*", "multipart/*", "multipart/related", "application/dicom")
        for kind in accept.split(",")
    )
