"""A request being made: under which basis, about whom."""

from dataclasses import dataclass

from transfer.case import OpenedCase
from transfer.identifiers import PatientId
from transfer.ledger.patients import Identity
from transfer.ledger.requests import Claimed
from transfer.patients import Demographics
from transfer.permissions import Ruling
from transfer.placeholders import (
    is_birth_date_placeholder,
    is_number_placeholder,
    is_typed_for_number,
    without_placeholders,
)


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
        """The person by every name and number we know them by. Nobody is asked about a placeholder."""
        said = (self.who.current, *self.who.former)
        born = self.who.current.birth_date
        numbers = dict.fromkeys(
            number for one in said for number in one.identifiers if not is_typed_for_number(number.value, one)
        )
        return Demographics(
            names=tuple(dict.fromkeys(name for one in said for name in one.names if without_placeholders(name))),
            birth_date=None if born is None or is_birth_date_placeholder(born) else born,
            sex=self.who.current.sex,
            identifiers=tuple(number for number in numbers if not is_number_placeholder(number.value)),
        )
