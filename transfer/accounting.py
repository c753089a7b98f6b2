"""Which disclosures an accounting lists, and by when somebody who asked for one has it (45 CFR 164.528)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from transfer.identifiers import AccountingId, CaseId
from transfer.institutions import Basis
from transfer.periods import Period

#: from the request (164.528(c)(1)(i))
GIVEN_WITHIN: Final = timedelta(days=60)
#: once, with the reason in writing (164.528(c)(1)(ii))
EXTENDED_BY: Final = timedelta(days=30)
#: of the requests of one person within so long the first is free (164.528(c)(2))
FREE_ONCE_IN: Final = timedelta(days=365)


class Exemption(StrEnum):
    """Why a disclosure need not be accounted for, by its clause."""

    #: to carry out treatment
    TREATMENT = "164.528(a)(1)(i)"
    #: by an authorization
    AUTHORIZATION = "164.528(a)(1)(iv)"


#: A disclosure to a third party at the patient's direction, and one in an emergency, are accounted for: (a)(1)(ii)
#: speaks of disclosures to individuals alone, and who accounts for too much withholds nothing.
_EXEMPT: Final[Mapping[str, Exemption]] = MappingProxyType(
    {Basis.TREATMENT: Exemption.TREATMENT, Basis.AUTHORIZATION: Exemption.AUTHORIZATION}
)


def exemptions(bases: Collection[str]) -> tuple[Exemption, ...]:
    """Why a disclosure that rests on these bases is not accounted for; none: it is. Each basis must be exempt."""
    if not bases or not set(bases) <= _EXEMPT.keys():
        return ()
    return tuple(sorted({_EXEMPT[basis] for basis in bases}))


class DelayReason(StrEnum):
    """Why an accounting takes longer, as the person who asked is told."""

    #: some of it is recorded elsewhere
    HELD_ELSEWHERE = "held-elsewhere"
    #: there is much of it
    VOLUME = "volume"
    #: nobody is sure yet that it was the patient who asked
    IDENTITY = "identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountingRequest:
    """Somebody asked for an accounting of what was disclosed of a patient. All are days here.

    Raises:
        ValueError: a fee for one that was not given.
    """

    accounting: AccountingId
    case: CaseId
    asked_on: date
    period: Period
    delay: DelayReason | None = None
    given_on: date | None = None
    #: in US cents
    fee: int = 0
    #: lines of what was given, and the SHA-256 of its file
    rows: int | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        if self.fee and self.given_on is None:
            raise ValueError("a fee for an accounting that was not given")

    @property
    def due_on(self) -> date:
        """The last day on which it is given in time."""
        return self.asked_on + GIVEN_WITHIN + (EXTENDED_BY if self.delay else timedelta())

    def is_late(self, today: date) -> bool:
        """It was given after its time, or is not given and its time is over."""
        return (self.given_on or today) > self.due_on


def is_free(asked: AccountingRequest, others: Iterable[AccountingRequest]) -> bool:
    """Whether it is the first that one person asked for within twelve months. `others` are of the same person."""
    since = asked.asked_on - FREE_ONCE_IN
    return not any(
        since < one.asked_on <= asked.asked_on and (one.asked_on, one.accounting) < (asked.asked_on, asked.accounting)
        for one in others
    )
