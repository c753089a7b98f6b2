"""The pages of a scan as pictures that a fax machine can send."""

import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from transfer.adapters.letters.scan_process import CPU_SECONDS

#: -I, and an empty environment: no setting of ours is in reach of what runs there
COMMAND: Final = (sys.executable, "-I", "-m", "transfer.adapters.letters.scan_process")
_SECONDS: Final = 2 * CPU_SECONDS
_LENGTH: Final = struct.Struct(">Q")


def pictures(scan: bytes, *, command: Sequence[str] = COMMAND) -> list[bytes]:
    """The first eight pages of a PDF, a PNG each. None of a file that cannot be drawn: the letter then says only that
    there is an authorization.
    """
    try:
        ran = subprocess.run(command, input=scan, capture_output=True, timeout=_SECONDS, env={}, check=True)
    except (subprocess.SubprocessError, OSError):
        return []
    return list(_split(ran.stdout))


def _split(said: bytes) -> Iterator[bytes]:
    at = 0
    while at + _LENGTH.size <= len(said):
        (length,) = _LENGTH.unpack_from(said, at)
        yield said[at + _LENGTH.size : at + _LENGTH.size + length]
        at += _LENGTH.size + length
