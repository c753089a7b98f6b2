"""How much memory a JSON text would take before it is read: each thing in it some hundred bytes, however short."""

from typing import Final

#: commas, colons and opening brackets in one text; the largest real bundle we know has 100,000
MAX_STRUCTURAL_CHARACTERS: Final = 500_000
_STRUCTURAL_CHARACTERS: Final = (b",", b":", b"[", b"{")


def has_too_much_structure(body: bytes | bytearray) -> bool:
    """Whether there is more in it than we read at once."""
    return structural_characters(body) > MAX_STRUCTURAL_CHARACTERS


def structural_characters(part: bytes | bytearray) -> int:
    """How many there are in a part of one."""
    return sum(map(part.count, _STRUCTURAL_CHARACTERS))
