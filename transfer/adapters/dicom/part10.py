"""The head of a DICOM file (PS3.10 7.1), which DIMSE leaves away: preamble, prefix, and file meta information."""

import struct
import uuid
from functools import lru_cache
from typing import Final

NAMESPACE: Final = uuid.UUID("6f1c2f5e-0c0e-5d0e-9d0b-3b1f5c1a7c11")
#: this system, of whatever version, as the writer of a file and as a partner of an association (PS3.7 D.3.3.2)
IMPLEMENTATION: Final = f"2.25.{NAMESPACE.int}"
_VERSION: Final = struct.pack("<HH2sHI", 2, 0x01, b"OB", 0, 2) + b"\x00\x01"


@lru_cache(maxsize=1024)
def file_head(sop_class: str, sop_instance: str, transfer_syntax: str) -> bytes:
    """All that stands before a data set that came in this transfer syntax. The same each time, for copies are told by
    their bytes.
    """
    group = _VERSION + b"".join(
        _uid(number, value)
        for number, value in ((2, sop_class), (3, sop_instance), (0x10, transfer_syntax), (0x12, IMPLEMENTATION))
    )
    return bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(group)) + group


def _uid(number: int, text: str) -> bytes:
    value = text.encode() + bytes(len(text) % 2)
    return struct.pack("<HH2sH", 2, number, b"UI", len(value)) + value
