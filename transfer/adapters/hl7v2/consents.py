"""CON, the consent segment (HL7 v2.9 chapter 9.7): what a patient allowed or refused, beside a document.

CON names neither a recipient nor a purpose, and none of the statements of 45 CFR 164.508(c)(2). So what it permits is
never enough by itself, and what it refuses counts.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from transfer.adapters.hl7v2.message import Message, Segment
from transfer.adapters.hl7v2.values import demographics, document_number, moment
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution
from transfer.patients import Demographics
from transfer.permissions import (
    Action,
    Authorization,
    Finding,
    FormStatus,
    Provision,
    ProvisionType,
    SignerRole,
    UnclearForm,
)
from transfer.permissions.descriptions import adds_nothing, says_all

#: table 0496; its other codes are consents to something else, and a code of another form is not known
_RELEASE_OF_INFORMATION: Final = "001"
_OF_TABLE: Final = re.compile(r"\d{3}")
#: table 0498: active, refused, rescinded, pending. Limited and bypassed are a person's
_STATUSES: Final = {
    "A": FormStatus.ACTIVE,
    "R": FormStatus.ACTIVE,
    "X": FormStatus.REVOKED,
    "P": FormStatus.DRAFT,
}
_REFUSED: Final = "R"
#: table 0500: full, none, partial; a part is told in words
_FULL, _NONE = "F", "N"
#: table 0497
_WRITTEN: Final = "W"
#: table 0548 → the authority as `transfer.permissions.signatures` knows it
_PATIENT: Final = "1"
_AUTHORITIES: Final = {"2": "PRN", "3": "NOK", "4": "DPOWATT", "5": "conservator"}


def consents(payload: bytes, institution: Institution) -> tuple[Authorization, ...]:
    """The consents to a release of information that a message carries, in order; other consents are left out.

    The discloser is the sender. Days are days in the sender's zone.

    Raises:
        Unreadable: not an HL7 v2 message, or a batch of them.
        TooLarge: beyond the bounds of `message`.
        UnclearForm: one says what no rule of ours can keep.
    """
    message = Message(payload)
    return tuple(_form(con, message, institution) for con in _releases(message))


def permitting(payload: bytes, institution: Institution) -> tuple[Demographics, ...]:
    """The patients of whom a message says that they permit a release (CON-11 `A`, table 0498), each once.

    It is read leniently: nothing of it is a form. CON-21 `N` permits nothing.

    Raises:
        Unreadable: not an HL7 v2 message, or a batch of them.
        TooLarge: beyond the bounds of `message`.
    """
    message = Message(payload)
    said = [con for con in _releases(message) if (con.text(11) or "").upper() == "A"]
    if not any((con.text(21) or "").upper() != _NONE for con in said):
        return ()
    return tuple(dict.fromkeys(demographics(pid, institution) for pid in message.segments("PID")))


def _releases(message: Message) -> Iterator[Segment]:
    """A consent that does not say to what, or says it in a code of its own, may be one to a release."""
    for con in message.segments("CON"):
        said = con.text(2)
        if said is None or said == _RELEASE_OF_INFORMATION or not _OF_TABLE.fullmatch(said):
            yield con


def _day(con: Segment, field: int, zone: ZoneInfo) -> date | None:
    said = moment(con.text(field), zone)
    return said.astimezone(zone).date() if said else None


def _form(con: Segment, message: Message, institution: Institution) -> Authorization:
    said, level = (con.text(11) or "").upper(), (con.text(21) or "").upper()
    status = _STATUSES.get(said)
    zone = institution.zone
    doubts = set(_doubts(con, message, zone)) if status in (FormStatus.ACTIVE, None) else set()
    if status is None or doubts:
        raise UnclearForm(doubts or {Finding.FORM_UNREADABLE})
    is_refusal = said == _REFUSED or level == _NONE
    is_signed = (con.text(10) or "").upper() == _WRITTEN
    relation = con.text(25)
    return Authorization(
        patient=demographics(message.first("PID"), institution),
        reference=document_number(con.part(4), institution, "consent"),
        status=status,
        provision=Provision(
            type=ProvisionType.DENY if is_refusal else ProvisionType.PERMIT,
            starts_on=_day(con, 14, zone),
            ends_on=_day(con, 15, zone),
            disclosers=frozenset({InstitutionId(institution.id)}),
            actions=frozenset({Action.DISCLOSE}),
        ),
        described=says_all(con.text(5)),
        expires_event=None,
        event_occurred=False,
        signed_by=_signer(relation) if is_signed else None,
        signed_on=_day(con, 13, zone),
        verified_on=frozenset(),
        representative_authority=_AUTHORITIES.get(relation or ""),
        statements=frozenset(),
        replaces=None,
        names=frozenset(filter(None, [con.text(3)])),
    )


def _signer(relation: str | None) -> SignerRole | None:
    if relation == _PATIENT:
        return SignerRole.PATIENT
    return SignerRole.REPRESENTATIVE if relation in _AUTHORITIES else None


def _doubts(con: Segment, message: Message, zone: ZoneInfo) -> Iterator[Finding]:
    if con.text(2) not in (_RELEASE_OF_INFORMATION, None):
        yield Finding.CODE_UNKNOWN
    if message.header.processing_id not in ("P", ""):
        yield Finding.FORM_IS_TEST_DATA
    # CON-6, 8 and 9 are words about this patient alone, CON-22 why something is kept back
    narrowed = any(con.repetitions(field) for field in (6, 8, 9, 22))
    if narrowed or not all(adds_nothing(part.whole()) for part in con.repetitions(5)):
        yield Finding.WORDS_SAY_MORE
    if (con.text(21) or _FULL).upper() not in (_FULL, _NONE):
        yield Finding.WORDS_SAY_MORE
    if (con.text(16) or "Y").upper() != "Y" or con.text(23) or con.text(20):
        yield Finding.SIGNATURE_DOUBTED
    if any(con.text(field) and _day(con, field, zone) is None for field in (13, 14, 15)):
        yield Finding.DATE_UNREADABLE
