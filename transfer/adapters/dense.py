"""How much memory a JSON text would take before it is read: each thing in it some hundred bytes, however short."""

from typing import Final

#: commas, colons and opening brackets in one text; the largest real bundle we know has 100,000
MOST_MARKS: Final = 500_000
_MARKS: Final = (b",", b":", b"[", b"{")


def is_dense(body: bytes | bytearray) -> bool:
    """Whether there is more in it than we read at once."""
    return marks(body) > MOST_MARKS


def marks(part: bytes | bytearray) -> int:
    """How many there are in a part of one."""
    return sum(map(part.count, _MARKS))
