"""What pages say where codes stand in our results: the trade's words, and whose clock an appointment is told in."""

from collections.abc import Iterable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

from transfer.completeness import NeedState
from transfer.flow.services import Services
from transfer.requests import Owner

#: what is sent, and what people read
Choices = list[tuple[str, str]]

#: each state of a line in a word, and its color
NEEDS: Final[Mapping[str, tuple[str, str]]] = {
    NeedState.MISSING: ("Outstanding", "alarm"),
    NeedState.REQUESTED: ("Outstanding, requested", "wait"),
    NeedState.RECEIVED: ("Received, to be settled", "wait"),
    NeedState.SATISFIED: ("Received", "good"),
    NeedState.SATISFIED_BY_OTHER: ("Received, a substitute", "good"),
    NeedState.EXPIRED: ("Received, too old", "alarm"),
    NeedState.ABSENT_WITH_REASON: ("Does not exist", ""),
    NeedState.NOT_APPLICABLE: ("Not needed", ""),
    NeedState.WAIVED: ("Not needed", ""),
    NeedState.AWAITED_MATERIAL: ("Outstanding", "wait"),
}

#: whom a request waits on
OWNERS: Final[Mapping[Owner, str]] = {
    Owner.DESK: "us",
    Owner.WE: "the system",
    Owner.SOURCE: "facility",
    Owner.REFERRING_OFFICE: "referring office",
    Owner.PATIENT: "patient",
    Owner.CENTER: "receiving center",
}


def words(code: object) -> str:
    """A code as people say it."""
    text = str(code).replace("-", " ")
    return f"{text[:1].upper()}{text[1:]}"


def called(services: Services, institution: str | None) -> str:
    """An institution by its name; one that is in no file any more, by its identifier."""
    name = institution or ""
    return services.institutions[name].name if name in services.institutions else name


def by_name(services: Services, institutions: Iterable[str]) -> Choices:
    """Institutions to choose from, in the order of their names."""
    return sorted(((one, called(services, one)) for one in institutions), key=lambda named: named[1])


def zone_of(services: Services, institution: str | None) -> ZoneInfo:
    """The clock of a center, in which it gives appointments. Everything else is told in the zone of whoever reads."""
    name = institution or ""
    return services.institutions[name].zone if name in services.institutions else services.zone
