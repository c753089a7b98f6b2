"""What a source said to one of our requests, or what somebody here did about it, whole.

What is coded stands in facts for ever and in clear. What a source calls things, and who said it, is sealed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from transfer.arrivals import OTHER_REASON
from transfer.identifiers import InstitutionId
from transfer.requests import RequestAnswer

_A = RequestAnswer
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
#: more is a slip of the pen
MOST: Final = Decimal(1_000_000)
#: characters of one thing that a source said
MOST_CHARACTERS: Final = 2000

#: the reasons that each answer may have; any other is *other*
REASONS: Final[Mapping[RequestAnswer, frozenset[str]]] = MappingProxyType(
    {
        _A.NO_RECORDS: frozenset({"no-records", "destroyed"}),
        _A.AUTHORIZATION_NOT_ACCEPTED: frozenset(
            {
                "expired",
                "illegible",
                "not-original",
                "not-specific",
                "signature-differs",
                "signature-missing",
                "signer-unproven",
                "too-old",
                "wrong-discloser",
                "wrong-recipient",
            }
        ),
        _A.REFUSED: frozenset(
            {"infeasible", "legal-hold", "not-our-patient", "not-permitted", "patient-objects", "policy"}
        ),
    }
)
#: the answers that may name a day
DATED: Final = frozenset(
    {_A.IN_PROGRESS, _A.READY_ON, _A.NOT_SIGNED, _A.REST_FOLLOWS, _A.ALREADY_SENT, _A.FORM_SENT, _A.WILL_SEND}
)
#: the answers that may name an institution
PLACED: Final = frozenset({_A.HELD_ELSEWHERE, _A.ASK_ELSEWHERE, _A.ALREADY_SENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """What a source asks for. `currency` is of ISO 4217.

    Raises:
        ValueError: no amount of money.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not self.amount.is_finite() or not 0 <= self.amount <= MOST:
            raise ValueError("a fee is between 0 and a million")
        if self.amount != self.amount.quantize(Decimal("0.01")):
            raise ValueError("a fee has no more than two digits after the point")
        if not _CURRENCY.fullmatch(self.currency):
            raise ValueError("a currency is three letters, as USD")


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidBy:
    """Who said it, their number for our request, and their words. It is sealed under the patient's key."""

    person: str | None = None
    reference: str | None = None
    words: str | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            text = getattr(self, one.name)
            if text is not None and not 0 < len(text) <= MOST_CHARACTERS:
                raise ValueError(f"{one.name}: between 1 and {MOST_CHARACTERS} characters")

    @property
    def is_empty(self) -> bool:
        return self == SaidBy()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAnswer:
    """One answer. `day` is in the source's own zone. `elsewhere` is who holds it or has got it, if we know them.

    Raises:
        ValueError: the answer takes no such thing, or has no such reason.
    """

    answer: RequestAnswer
    reason: str | None = None
    fee: Fee | None = None
    day: date | None = None
    elsewhere: InstitutionId | None = None
    by: SaidBy = SaidBy()

    def __post_init__(self) -> None:
        if self.reason is not None and self.reason not in {*REASONS.get(self.answer, ()), OTHER_REASON}:
            raise ValueError(f"{self.answer}: no such reason")
        if self.fee is not None and self.answer is not _A.FEE_REQUIRED:
            raise ValueError(f"{self.answer}: takes no fee")
        if self.day is not None and self.answer not in DATED:
            raise ValueError(f"{self.answer}: takes no day")
        if self.elsewhere is not None and self.answer not in PLACED:
            raise ValueError(f"{self.answer}: names no institution")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerToRequest:
    """An answer by message: which request it is about, and when its sender wrote it (UTC), if it says so.

    `request` is the peer's text until it is checked against our own ids.
    """

    request: str
    said: SourceAnswer
    said_at: datetime | None = None
