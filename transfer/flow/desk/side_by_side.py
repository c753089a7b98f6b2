"""People side by side: what a message says of its patient, and what we know of whom it could be."""

from collections.abc import Iterable, Iterator

from transfer.flow.desk.comparing import Comparison
from transfer.flow.desk.shown import ContextLine, Weight
from transfer.institutions import Institutions
from transfer.patients import Demographics, fold


def compared(institutions: Institutions, seen: Comparison) -> tuple[ContextLine, ...]:
    """What the message says of its patient beside each of those it could be, what differs first. Without identity there
    is nothing to compare, and none is told.
    """
    lines = [
        line
        for candidate in seen.candidates
        if candidate.identity
        for said in seen.said
        for line in _compared(institutions, said, candidate.identity.current)
    ]
    return tuple(in_order(dict.fromkeys(lines)))


def _compared(institutions: Institutions, said: Demographics, ours: Demographics) -> Iterator[ContextLine]:
    yield _side_by_side("Name", map(str, said.names), map(str, ours.names))
    yield _side_by_side("Born", _one(said.birth_date), _one(ours.birth_date))
    yield _side_by_side("Sex", _one(said.sex), _one(ours.sex))
    issuers = {one.issuer: one.value for one in ours.identifiers}
    for number in said.identifiers:
        known = issuers.get(number.issuer)
        label = f"Number of {_issuer(institutions, number.issuer)}"
        yield _side_by_side(label, [number.value], [known] if known else [])
    homes = [[f"{one.street}, {one.postal_code}" for one in who.addresses] for who in (said, ours)]
    if any(homes):
        yield _side_by_side("Lives at", *homes)
    if said.telephones or ours.telephones:
        yield _side_by_side("Telephone", said.telephones, ours.telephones)


def _issuer(institutions: Institutions, issuer: str) -> str:
    """Whose number it is: an institution of ours by its name, else the issuer as it is written."""
    known = (one.name for one in institutions.values() if one.issues(issuer))
    return next(known, issuer)


def _one(value: object) -> list[str]:
    return [] if value is None else [str(value)]


def _side_by_side(label: str, said: Iterable[str], ours: Iterable[str]) -> ContextLine:
    left, right = list(said), list(ours)
    same = {fold(one) for one in left} & {fold(one) for one in right}
    weight = Weight.AGREES if same else Weight.CONTRADICTS if left and right else Weight.TELLS
    return ContextLine(weight=weight, label=label, says="; ".join(left), beside="; ".join(right))


def in_order(lines: Iterable[ContextLine]) -> list[ContextLine]:
    """What contradicts first, then what agrees, then what only tells; each in the order in which it was found."""
    order = list(Weight)
    return sorted(lines, key=lambda one: order.index(one.weight))
