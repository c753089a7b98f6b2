"""The fields of a paper form, as a person fills them in. Each is required: what the form lacks is said to be missing.

So nothing is guessed from a field that somebody forgot. An error names the field and repeats no value of it.
"""

import re
from contextlib import suppress
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, StrictBool, StringConstraints, ValidationError

from transfer import reviewed
from transfer.errors import TooLarge, Unreadable
from transfer.permissions import SignerRole
from transfer.permissions.disputes import Dispute
from transfer.permissions.purposes import KNOWN_PURPOSES
from transfer.records import RecordKind
from transfer.reviewed import ReviewedPart
from transfer.security_labels import SENSITIVITY

#: bytes
LARGEST_FIELDS: Final = 64 << 10

MISSING: Final = "missing"
OTHER: Final = "other"


class Illegible(StrEnum):
    """A date stands there, and nobody can read it."""

    ILLEGIBLE = "illegible"


class Extent(StrEnum):
    """Which records a form releases, where it lists no kinds."""

    ALL = "all"
    #: the report of one day
    SINGLE = "single-records"


class SignatureKind(StrEnum):
    """What stands at the place of the signature."""

    HANDWRITTEN = "handwritten"
    #: one that is good under the E-SIGN Act (15 U.S.C. 7001)
    ELECTRONIC = "electronic"
    #: a mark that a witness signed beside
    WITNESSED_MARK = "witnessed-mark"
    #: a person's: whether these are a signature, state law says
    STAMP = "stamp"
    TYPED = "typed"

    @property
    def is_doubtful(self) -> bool:
        return not _IS_SIGNATURE[self]


_IS_SIGNATURE: Final = {
    SignatureKind.HANDWRITTEN: True,
    SignatureKind.ELECTRONIC: True,
    SignatureKind.WITNESSED_MARK: True,
    SignatureKind.STAMP: False,
    SignatureKind.TYPED: False,
}


def _said(value: Any) -> Any:
    if value is None:
        raise ValueError("say what the form says, or that it is missing")
    return None if isinstance(value, str) and value.strip().casefold() == MISSING else value


def _legible_day(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise ValueError("a day is written as 2026-06-15")


def _day(value: Any) -> Any:
    return Illegible.ILLEGIBLE if value == Illegible.ILLEGIBLE else _legible_day(value)


def _kinds(value: Any) -> Any:
    if isinstance(value, str) and value in set(Extent):
        return Extent(value)
    if not isinstance(value, list) or not value or not all(one in list(RecordKind) for one in value):
        raise ValueError(f"all, single-records, or a list of some of {', '.join(RecordKind)}")
    return tuple(map(RecordKind, value))


def _code(*known: frozenset[str]) -> AfterValidator:
    def is_known(value: str) -> str:
        if value != OTHER and not any(value in codes for codes in known):
            raise ValueError(f"no such code; write {OTHER} where the form says something else")
        return value

    return AfterValidator(is_known)


def _or_none(value: Any) -> Any:
    return () if value in ("none", MISSING) else value


def _all_if_missing(value: Any) -> Any:
    return Extent.ALL if value == MISSING else value


_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_Account = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
_Day = Annotated[date | Illegible, BeforeValidator(_day)]
_LegibleDay = Annotated[date, BeforeValidator(_legible_day)]
_MayMiss = BeforeValidator(_said)
_Number = Annotated[_Text | None, _MayMiss]
_Parties = Annotated[tuple[_Text, ...] | None, _MayMiss]
_Kinds = Annotated[Extent | tuple[RecordKind, ...], BeforeValidator(_kinds)]
_Special = Annotated[tuple[Annotated[str, _code(SENSITIVITY)], ...], BeforeValidator(_or_none)]
_Purposes = Annotated[tuple[Annotated[str, _code(KNOWN_PURPOSES)], ...] | None, _MayMiss]


class FormKind(StrEnum):
    """What the form does. A revocation is no form of its own: `transfer permission revoke` takes it."""

    RELEASE = "release"
    REFUSAL = "refusal"


class PaperPatient(ReviewedPart):
    """As the form names its patient."""

    family: Annotated[_Text | None, _MayMiss]
    given: Annotated[tuple[_Text, ...] | None, _MayMiss]
    birth_date: Annotated[_LegibleDay | None, _MayMiss]


class PaperInformation(ReviewedPart):
    """164.508(c)(1)(i). `ordinary`: also what is of no special category."""

    records: _Kinds
    ordinary: StrictBool
    special: _Special
    dated_from: Annotated[_Day | None, _MayMiss]
    dated_until: Annotated[_Day | None, _MayMiss]


class PaperRefusal(ReviewedPart):
    """What the form excepts. A list that is missing does not narrow it."""

    records: Annotated[_Kinds, BeforeValidator(_all_if_missing)]
    special: _Special
    released_by: _Parties
    released_to: _Parties


class PaperExpiration(ReviewedPart):
    """164.508(c)(1)(v)."""

    dated: Annotated[_Day | None, _MayMiss]
    event: Annotated[_Text | None, _MayMiss]


class PaperSignature(ReviewedPart):
    """164.508(c)(1)(vi). `looked_at_by` is the account of whoever looked at it, `looked_at_on` the day."""

    kind: SignatureKind
    by: SignerRole
    authority: Annotated[_Text | None, _MayMiss]
    dated: Annotated[_Day | None, _MayMiss]
    looked_at_by: _Account
    looked_at_on: _LegibleDay


class PaperStatements(ReviewedPart):
    """164.508(c)(2)(i)-(iii)."""

    revoke: Literal["found", "missing"]
    condition: Literal["found", "missing"]
    redisclose: Literal["found", "missing"]


class PaperFields(ReviewedPart):
    """All of it. `disputes` are what whoever looked found wrong beside what is missing."""

    form: FormKind
    number: _Number
    replaces: _Number
    patient: PaperPatient
    information: Annotated[PaperInformation | None, _MayMiss]
    released_by: _Parties
    released_to: _Parties
    purposes: _Purposes
    starts_on: Annotated[_Day | None, _MayMiss]
    expires: Annotated[PaperExpiration | None, _MayMiss]
    signature: Annotated[PaperSignature | None, _MayMiss]
    statements: PaperStatements
    refuses: Annotated[tuple[PaperRefusal, ...], BeforeValidator(_or_none)]
    other_terms: Literal["none", "present"]
    disputes: Annotated[frozenset[Dispute], BeforeValidator(_or_none)]
    #: which form it is; absent in what was entered before this was asked
    printed_number: _Number = None


#: what pydantic calls by names of Python
_SHAPES: Final = {
    "tuple_type": "it is a list: [one, another]",
    "frozen_set_type": "it is a list: [one, another]",
    "model_type": "it has fields of its own, as in the template",
    "string_pattern_mismatch": "an account is written with letters, digits and . _ @ - only",
    "string_type": "it is a text; a number is put in quotes",
}


def parse(text: bytes) -> PaperFields:
    """The fields in a YAML file.

    Raises:
        TooLarge: over 64 KiB.
        Unreadable: it names the first field that is wrong, or the line.
    """
    if len(text) > LARGEST_FIELDS:
        raise TooLarge(f"the fields of a form are over {LARGEST_FIELDS >> 10} KiB")
    try:
        return PaperFields.model_validate(reviewed.parse(text, "fields"))
    except ValidationError as error:
        raise Unreadable(_mistake(error)) from None
    except ValueError as error:
        raise Unreadable(str(error)) from None


def _mistake(error: ValidationError) -> str:
    """The first mistake, by its place. A key that somebody typed could be anything: only a plain one is repeated."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = first["loc"][:-1] if first["type"] == "invalid_key" else first["loc"]
    place = ".".join(str(part) for part in where if isinstance(part, int) or re.fullmatch(r"[a-z_]{1,24}", part))
    if first["type"] == "extra_forbidden":
        return f"fields: {place or 'a key'}: there is no such field"
    if first["type"] == "missing":
        return f"fields: {place}: say what the form says, or that it is missing"
    said = _SHAPES.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    return f"fields: {place or 'the file'}: {said}"
