"""Who is who: merges, changes of number and of person, as the source announces them. Read here, decided elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from transfer.adapters.hl7v2.message import Message, Segment
from transfer.adapters.hl7v2.values import demographics, names, person_number
from transfer.institutions import Institution
from transfer.patients import Demographics


class Change(StrEnum):
    #: two records of one person become one (A40; A18, A34, A36 and others before v2.3.1; A35 and A41 of accounts)
    MERGED = "merged"
    #: a number, an account or a visit was another person's all along (A43 to A45): two people stay two
    MOVED = "moved"
    #: one person's number changes (A46, A47)
    RENUMBERED = "renumbered"
    #: name, birth date or another detail changes (A31, A08)
    UPDATED = "updated"
    #: two records are of one person (A24), or are of two persons after all (A37)
    LINKED = "linked"
    UNLINKED = "unlinked"
    #: whatever the message is about, its patient has died (PID-29, PID-30)
    DIED = "died"


_CHANGES = {
    **dict.fromkeys(("A18", "A30", "A34", "A35", "A36", "A39", "A40", "A41", "A42"), Change.MERGED),
    **dict.fromkeys(("A43", "A44", "A45"), Change.MOVED),
    **dict.fromkeys(("A46", "A47", "A48", "A49"), Change.RENUMBERED),
    **dict.fromkeys(("A08", "A31"), Change.UPDATED),
    "A24": Change.LINKED,
    "A37": Change.UNLINKED,
}
#: they name a second person in a further PID, the others in MRG
_OF_TWO = (Change.LINKED, Change.UNLINKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityChange:
    """`surviving` is the person as known from now on, or to whom something was moved; `absorbed` the numbers and names
    that now mean the same person, or do not any more; None for a mere update and for a death.
    """

    change: Change
    surviving: Demographics
    absorbed: Demographics | None = None


def identity_changes(payload: bytes, institution: Institution) -> tuple[IdentityChange, ...]:
    """What an ADT announces of who is who, in order; of any ADT a death. A merge may name several pairs.

    A merge without the number that is absorbed (MRG-1) announces nothing.

    Raises:
        Unreadable: not an HL7 v2 message, or a batch of them.
        TooLarge: beyond the bounds of `message`.
    """
    return tuple(_of_message(Message(payload), institution))


def _of_message(message: Message, institution: Institution) -> Iterator[IdentityChange]:
    if message.header.message_type != "ADT":
        return
    change = _CHANGES.get(message.header.trigger)
    pid: Segment | None = None
    for segment in message.segments("PID", "MRG"):
        if segment.name == "PID":
            who = demographics(segment, institution)
            if _has_died(segment):
                yield IdentityChange(change=Change.DIED, surviving=who)
            if change is Change.UPDATED:
                yield IdentityChange(change=change, surviving=who)
            elif change in _OF_TWO and change is not None and pid is not None:
                yield IdentityChange(change=change, surviving=demographics(pid, institution), absorbed=who)
            pid = segment
        elif pid is not None and change in (Change.MERGED, Change.MOVED, Change.RENUMBERED):
            prior = absorbed(segment, institution)
            if prior.identifiers:
                yield IdentityChange(change=change, surviving=demographics(pid, institution), absorbed=prior)


def died(payload: bytes, institution: Institution) -> tuple[Demographics, ...]:
    """The patients of whom a message of whatever type says that they have died.

    Raises:
        Unreadable: not an HL7 v2 message, or a batch of them.
        TooLarge: beyond the bounds of `message`.
    """
    return tuple(demographics(pid, institution) for pid in Message(payload).segments("PID") if _has_died(pid))


def _has_died(pid: Segment) -> bool:
    """PID-30 says so, or PID-29 says when and PID-30 does not deny it."""
    said = (pid.text(30) or "").upper()
    return said == "Y" or (said != "N" and pid.text(29) is not None)


def absorbed(mrg: Segment, institution: Institution) -> Demographics:
    """MRG-1 prior numbers, MRG-7 prior names."""
    numbers = (person_number(part, institution) for part in mrg.repetitions(1))
    said = Demographics(
        names=names(mrg, 7),
        identifiers=tuple(dict.fromkeys(number for number in numbers if number is not None)),
    )
    return institution.placeholders.left_out_of(said)
