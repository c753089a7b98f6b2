"""A request being made: under which basis, about whom."""

from dataclasses import dataclass

from transfer.case import OpenedCase
from transfer.identifiers import PatientId
from transfer.ledger.patients import Identity
from transfer.ledger.requests import Claimed
from transfer.patients import Demographics
from transfer.permissions import Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class PermittedRequest:
    """A request we may make now, and about whom."""

    claimed: Claimed
    opened: OpenedCase
    who: Identity
    epoch: int
    ruling: Ruling

    @property
    def patient(self) -> PatientId:
        return self.opened.patient

    @property
    def everyone(self) -> Demographics:
        """The person by every name and number we know them by."""
        said = (self.who.current, *self.who.former)
        return Demographics(
            names=tuple(dict.fromkeys(name for one in said for name in one.names)),
            birth_date=self.who.current.birth_date,
            sex=self.who.current.sex,
            identifiers=tuple(dict.fromkeys(number for one in said for number in one.identifiers)),
        )
