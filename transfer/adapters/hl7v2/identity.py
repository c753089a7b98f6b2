"""Who is who: merges, changes of number and of person, as the source announces them. Read here, decided elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from transfer.adapters.hl7v2.message import Message, Segment
from transfer.adapters.hl7v2.values import demographics, names, person_number
from transfer.institutions import Institution
from transfer.patients import Demographics


class Change(StrEnum):
    #: two records of one person become one (A40)
    MERGED = "merged"
    #: one person's number changes (A47)
    RENUMBERED = "renumbered"
    #: name, birth date or another detail changes (A31)
    UPDATED = "updated"


_CHANGES = {"A40": Change.MERGED, "A47": Change.RENUMBERED, "A31": Change.UPDATED}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityChange:
    """`surviving` is the person as known from now on; `absorbed` the numbers and names that now mean the same person,
    None for a mere update.
    """

    change: Change
    surviving: Demographics
    absorbed: Demographics | None = None


def identity_changes(payload: bytes, institution: Institution) -> tuple[IdentityChange, ...]:
    """What an ADT^A40, A47 or A31 announces, in order; nothing from other messages. A merge may name several pairs.

    A merge without the number that is absorbed (MRG-1) announces nothing.

    Raises:
        Unreadable: not an HL7 v2 message, or a batch of them.
        TooLarge: beyond the bounds of `message`.
    """
    return tuple(_of_message(Message(payload), institution))


def _of_message(message: Message, institution: Institution) -> Iterator[IdentityChange]:
    change = _CHANGES.get(message.header.trigger) if message.header.message_type == "ADT" else None
    if change is None:
        return
    pid: Segment | None = None
    for segment in message.segments("PID", "MRG"):
        if segment.name == "PID":
            pid = segment
            if change is Change.UPDATED:
                yield IdentityChange(change=change, surviving=demographics(pid, institution))
        elif pid is not None and change is not Change.UPDATED:
            absorbed = _absorbed(segment, institution)
            if absorbed.identifiers:
                yield IdentityChange(change=change, surviving=demographics(pid, institution), absorbed=absorbed)


def _absorbed(mrg: Segment, institution: Institution) -> Demographics:
    """MRG-1 prior numbers, MRG-7 prior names."""
    numbers = (person_number(part, institution) for part in mrg.repetitions(1))
    said = Demographics(
        names=names(mrg, 7),
        identifiers=tuple(dict.fromkeys(number for number in numbers if number is not None)),
    )
    return institution.placeholders.left_out_of(said)
