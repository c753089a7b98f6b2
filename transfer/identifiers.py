"""Our names for things: opaque, random, safe to write anywhere.

The first letter of an identifier says what it names; the rest says nothing. Nothing else about a case may stand in a
run id, a log line, an object key or a URL (docs/safety.md, promise 6).
"""

import re
import secrets
from typing import ClassVar, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

# Crockford's base 32: no i, l, o, u, so that one can be read out over the telephone.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_SYMBOL = f"[{_ALPHABET}]"
#: of each byte
_SYMBOLS = bytes(map(ord, _ALPHABET * 8))


class Identifier(str):
    """Text of one fixed form. Building one from any other text raises `ValueError`."""

    __slots__ = ()
    pattern: ClassVar[re.Pattern[str]]
    #: what other text is told
    refusal: ClassVar[str | None] = None

    def __new__(cls, text: str) -> Self:
        if not cls.pattern.fullmatch(text):
            # The text may come from outside and is not repeated.
            raise ValueError(cls.refusal or f"not a {cls.__name__}")
        return super().__new__(cls, text)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())


class _Drawn(Identifier):
    """An identifier drawn at random."""

    __slots__ = ()
    letter: ClassVar[str]
    symbols: ClassVar[int] = 15  # 75 bits

    def __init_subclass__(cls) -> None:
        cls.pattern = re.compile(f"{cls.letter}{_SYMBOL}{{{cls.symbols}}}")

    @classmethod
    def draw(cls) -> Self:
        """A new one, never given before (75 random bits; 55 for a case)."""
        # 32 symbols: five bits of a byte, and each symbol as likely as any other
        return cls(cls.letter + secrets.token_bytes(cls.symbols).translate(_SYMBOLS).decode())


class CaseId(_Drawn):
    """One second-opinion request. Short, because people say it; fixed length, so that no id begins another."""

    letter = "c"
    symbols = 11


class PatientId(_Drawn):
    letter = "p"


class ArrivalId(_Drawn):
    letter = "a"


class IncomingId(_Drawn):
    letter = "f"


class RequestId(_Drawn):
    letter = "q"


class RecordId(_Drawn):
    letter = "r"


class PermissionId(_Drawn):
    letter = "m"


class BackupId(_Drawn):
    letter = "b"


class HoldId(_Drawn):
    letter = "h"


class DisclosureId(_Drawn):
    letter = "d"


class EgressId(_Drawn):
    letter = "e"


class MaterialId(_Drawn):
    letter = "t"


class PieceId(_Drawn):
    letter = "g"


class ParcelId(_Drawn):
    letter = "k"


class NoteId(_Drawn):
    letter = "n"


class LetterId(_Drawn):
    letter = "w"


class AlertId(_Drawn):
    letter = "j"


class AccountingId(_Drawn):
    letter = "v"


class PacketId(Identifier):
    """`<case>-p<n>`: begins with its case, so that every run about a case starts with the case's id."""

    __slots__ = ()
    pattern = re.compile(f"c{_SYMBOL}{{11}}-p[1-9][0-9]{{0,3}}")

    @classmethod
    def of(cls, case: CaseId, number: int) -> "PacketId":
        return cls(f"{case}-p{number}")

    @property
    def case(self) -> CaseId:
        return CaseId(self[:12])

    @property
    def number(self) -> int:
        return int(self[14:])


class _Slug(Identifier):
    """A name that people gave in a reviewed file."""

    __slots__ = ()
    pattern = re.compile(r"[a-z][a-z0-9-]{1,39}")
    refusal = "an id has 2 to 40 lower-case letters, digits and dashes, and begins with a letter"


class InstitutionId(_Slug):
    """The slug a partner's YAML file is named by, as `lakeside-oncology`."""

    __slots__ = ()


class DepartmentId(_Slug):
    """A department within its institution, as `records-office`."""

    __slots__ = ()


class Subject(Identifier):
    """What a round is about: a case, a packet, or the `inbox`."""

    __slots__ = ()
    pattern = re.compile(f"inbox|c{_SYMBOL}{{11}}(-p[1-9][0-9]{{0,3}})?")


INBOX = Subject("inbox")
