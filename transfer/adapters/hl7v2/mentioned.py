"""Whom and what a message is about, whatever its type: for one that no reader here takes."""

from collections.abc import Iterator
from dataclasses import dataclass

from transfer.adapters.hl7v2.identity import absorbed
from transfer.adapters.hl7v2.message import Message
from transfer.adapters.hl7v2.values import accession_number, demographics, document_number
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier

#: segment → field and role of each number of an order or document in it (EI)
_NUMBERS = {
    "ORC": ((3, "filler"), (2, "placer")),
    "OBR": ((3, "filler"), (2, "placer")),
    "TXA": ((12, "document"), (13, "document"), (15, "filler"), (14, "placer")),
    "RF1": ((6, "referral"), (11, "referral")),
    "IPC": ((1, "accession"),),
}
#: numbers of one message that are looked at
_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentioned:
    """Everybody whom a message names as a patient, and the numbers of its orders, specimens and documents."""

    patients: tuple[Demographics, ...]
    numbers: tuple[IssuedIdentifier, ...]


def mentioned(payload: bytes, institution: Institution) -> Mentioned:
    """Each patient and number once, in the order in which they stand there.

    Raises:
        Unreadable: not an HL7 v2 message, or a batch of them.
        TooLarge: beyond the bounds of `message`.
    """
    message = Message(payload)
    people = [demographics(pid, institution) for pid in message.segments("PID")]
    people += [absorbed(mrg, institution) for mrg in message.segments("MRG")]
    return Mentioned(
        patients=tuple(who for who in dict.fromkeys(people) if who != Demographics()),
        numbers=tuple(dict.fromkeys(_numbers(message, institution)))[:_MOST],
    )


def _numbers(message: Message, institution: Institution) -> Iterator[IssuedIdentifier]:
    for segment in message.segments(*_NUMBERS):
        for field, role in _NUMBERS[segment.name]:
            if number := document_number(segment.part(field), institution, role):
                yield number
    for specimen in message.segments("SPM"):
        if number := accession_number(specimen.part(30), institution):
            yield number
