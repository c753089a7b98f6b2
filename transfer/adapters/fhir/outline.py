"""A body without its long attachments: what a door needs to sort it, in memory that does not grow with it.

An attachment is one long run of base64. Its middle is left out while it streams by, wherever it stands; the rest is the
same JSON, a few kilobytes of each attachment left in it. What stays long all the same is no message but an attempt.
"""

import re
from collections.abc import Iterable
from typing import Final

from transfer.errors import TooLarge

#: of an outline; the largest real bundles we know have 2.7 MB without attachments
MOST: Final = 4 << 20
_LONG: Final = 64 << 10
_LEFT: Final = 4096
#: base64, in either alphabet, also broken by blanks or by escapes (`\/`, `\r\n`)
#: Not from `_LONG` on: a run a little shorter than that would be tried anew from each of its bytes.
_RUN: Final = re.compile(rb"[A-Za-z0-9+/=_\\ -]{64,}")
_MAX_ESCAPE: Final = len(r"\u002f")


def outline(pieces: Iterable[bytes]) -> bytes:
    """The pieces joined, long runs shortened.

    Raises:
        TooLarge: it is longer than `MOST` without them.
    """
    kept = bytearray()
    for piece in pieces:
        # a run may have begun in the piece before: what was left of it goes on here, and is shortened again
        start = max(len(kept) - _LONG, 0)
        kept[start:] = shortened(bytes(kept[start:]) + piece)
        if len(kept) > MOST:
            raise TooLarge("more JSON than is taken at once")
    return bytes(kept)


def shortened(part: bytes | bytearray) -> bytes:
    """A part of a body, of each long run in it the beginning."""
    return _RUN.sub(_shortened, part)


def _shortened(run: re.Match[bytes]) -> bytes:
    """The beginning of a long one, no escape cut in two."""
    if run.end() - run.start() < _LONG:
        return run[0]
    left = run[0][:_LEFT]
    escape = left.rfind(b"\\", _LEFT - _MAX_ESCAPE)
    return left[:escape].rstrip(b"\\") if escape >= 0 else left
