"""Command sets (PS3.7 6.3, 9.3): what we say, what we hear, and what a status means for us."""

import struct
from dataclasses import dataclass
from typing import Final

from transfer.adapters.dicom import elements
from transfer.adapters.dicom.header import UID
from transfer.adapters.dimse.negotiation import VERIFICATION
from transfer.errors import TransferError, TurnedAway, Unexpected, Unreachable, Unreadable

# (0000,0100) Command Field
STORE: Final = 0x0001
FIND: Final = 0x0020
GET: Final = 0x0010
ECHO: Final = 0x0030
_ANSWER: Final = 0x8000

_LENGTH: Final = 0x00000000
_CLASS: Final = 0x00000002
_FIELD: Final = 0x00000100
_NUMBER: Final = 0x00000110
_ANSWERS: Final = 0x00000120
_PRIORITY: Final = 0x00000700
_HAS_DATA: Final = 0x00000800
_STATUS: Final = 0x00000900
_INSTANCE: Final = 0x00001000
_WANTED: Final = frozenset((_CLASS, _FIELD, _NUMBER, _ANSWERS, _HAS_DATA, _STATUS, _INSTANCE))

#: (0000,0800) of a message without a data set
_NO_DATA: Final = 0x0101
#: (0000,0700)
_MEDIUM: Final = 0x0000

# (0000,0900) Status, PS3.7 annex C, PS3.4 C.4.1.1.4 and C.4.3.1.4
SUCCESS: Final = 0x0000
PENDING: Final = frozenset((0xFF00, 0xFF01))
#: C-GET ended, and some sub-operations failed
IN_PART: Final = 0xB000
#: what we say of an instance that is no DICOM
NOT_UNDERSTOOD: Final = 0xC000


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A number that is not in it is -1."""

    field: int
    number: int
    answers: int
    status: int
    has_data: bool
    sop_class: str | None
    sop_instance: str | None

    @classmethod
    def read(cls, data: bytes) -> "Command":
        """Raises `Unexpected`."""
        try:
            found = elements.read(data, _WANTED)
        except Unreadable:
            raise Unexpected("the archive sent a command that cannot be read") from None
        return cls(
            field=_short(found, _FIELD),
            number=_short(found, _NUMBER),
            answers=_short(found, _ANSWERS),
            status=_short(found, _STATUS),
            has_data=_short(found, _HAS_DATA) != _NO_DATA,
            sop_class=_uid(found, _CLASS),
            sop_instance=_uid(found, _INSTANCE),
        )

    def is_answer(self, field: int, number: int) -> bool:
        return self.field == field | _ANSWER and self.answers == number


def question(field: int, sop_class: str, number: int) -> bytes:
    """C-FIND-RQ or C-GET-RQ; its identifier follows."""
    return _command(
        {
            _CLASS: sop_class.encode(),
            _FIELD: _packed(field),
            _NUMBER: _packed(number),
            _PRIORITY: _packed(_MEDIUM),
            _HAS_DATA: _packed(1),
        }
    )


def verification(number: int) -> bytes:
    """C-ECHO-RQ (PS3.7 9.3.5.1)."""
    return _command(
        {
            _CLASS: VERIFICATION.encode(),
            _FIELD: _packed(ECHO),
            _NUMBER: _packed(number),
            _HAS_DATA: _packed(_NO_DATA),
        }
    )


def stored(asked: Command, status: int) -> bytes:
    """C-STORE-RSP to a sub-operation."""
    return _command(
        {
            _CLASS: (asked.sop_class or "").encode(),
            _FIELD: _packed(STORE | _ANSWER),
            _ANSWERS: _packed(asked.number),
            _HAS_DATA: _packed(_NO_DATA),
            _STATUS: _packed(status),
            _INSTANCE: (asked.sop_instance or "").encode(),
        }
    )


def refusal(status: int) -> TransferError:
    """Our error for a final status that is none of success."""
    if status < 0:
        return Unexpected("the archive answered without a status")
    said = f"the archive answered with status {status:04X}"
    if status == 0x0124:
        return TurnedAway(said)
    # out of resources, unable to process, processing failure, resource limitation, cancelled unasked
    if status & 0xFF00 == 0xA700 or status & 0xF000 == 0xC000 or status in (0x0110, 0x0213, 0xFE00):
        return Unreachable(said)
    return Unexpected(said)


def _command(values: dict[int, bytes]) -> bytes:
    data = elements.written(values)
    return elements.written({_LENGTH: struct.pack("<I", len(data))}) + data


def _packed(number: int) -> bytes:
    return struct.pack("<H", number)


def _short(found: dict[int, bytes], tag: int) -> int:
    """An US value; -1 if there is none."""
    value = found.get(tag, b"")
    return int.from_bytes(value, "little") if len(value) == 2 else -1


def _uid(found: dict[int, bytes], tag: int) -> str | None:
    text = found.get(tag, b"").decode("ascii", errors="replace").strip("\0 ")
    return text if UID.fullmatch(text) else None
