"""CON, the consent segment (HL7 v2.9 chapter 9.7): what a patient allowed or refused, beside a document.

CON names neither a recipient nor a purpose, and none of the statements of 45 CFR 164.508(c)(2). So what it permits is
never enough by itself, and what it refuses counts.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from transfer.adapters.hl7v2.consent_fields import (
    code_of,
    contradicts_itself,
    is_about_release,
    is_release,
    is_restriction,
    levels,
    says_none,
    state,
)
from transfer.adapters.hl7v2.message import Message, Segment
from transfer.adapters.hl7v2.values import demographics, document_number, moment
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution
from transfer.objections import ends
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
    return tuple(_form(con, pid, message, institution) for pid, con in _releases(message))


def permitting(payload: bytes, institution: Institution) -> tuple[Demographics, ...]:
    """The patients of whom a message says that they permit a release (CON-11 `A`, table 0498), each once.

    It is read leniently: nothing of it is a form. CON-21 `N` permits nothing.

    Raises:
        Unreadable: not an HL7 v2 message, or a batch of them.
        TooLarge: beyond the bounds of `message`.
    """
    message = Message(payload)
    said = [con for _, con in _releases(message) if state(con) == "A" and not is_restriction(con)]
    if all(map(says_none, said)):
        return ()
    return tuple(dict.fromkeys(demographics(pid, institution) for pid in message.segments("PID")))


def _releases(message: Message) -> Iterator[tuple[Segment | None, Segment]]:
    """Each consent that may be one to a release, with the PID before it; where none is, the first of all."""
    pid = message.first("PID")
    for segment in message.segments("PID", "CON"):
        if segment.name == "PID":
            pid = segment
        elif is_about_release(segment):
            yield pid, segment


def _day(con: Segment, field: int, zone: ZoneInfo) -> date | None:
    said = moment(con.text(field), zone)
    return said.astimezone(zone).date() if said else None


def _form(con: Segment, pid: Segment | None, message: Message, institution: Institution) -> Authorization:
    said = state(con)
    status = _STATUSES.get(said or "")
    zone = institution.zone
    doubts = set(_doubts(con, message, zone)) if status in (FormStatus.ACTIVE, None) else set()
    if status is None or doubts:
        raise UnclearForm(doubts or {Finding.FORM_UNREADABLE})
    is_refusal = said == _REFUSED or says_none(con)
    is_signed = (con.text(10) or "").upper() == _WRITTEN
    relation = next((code_of(part, "0548") for part in con.repetitions(25)), None)
    return Authorization(
        patient=demographics(pid, institution),
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
    if contradicts_itself(con):
        yield Finding.FORM_UNREADABLE
    if not is_release(con):
        yield Finding.CODE_UNKNOWN
    if message.header.processing_id not in ("P", ""):
        yield Finding.FORM_IS_TEST_DATA
    # CON-6, 8 and 9 are words about this patient alone, CON-22 why something is kept back
    narrowed = any(part.whole() for field in (6, 8, 9, 22) for part in con.repetitions(field))
    # CON-3 names the form, CON-7 what lies behind it
    narrowed |= any(ends(part.whole() or "") for field in (3, 7) for part in con.repetitions(field))
    if narrowed or not all(adds_nothing(part.whole()) for part in con.repetitions(5)):
        yield Finding.WORDS_SAY_MORE
    if not levels(con) <= {_FULL, _NONE}:
        yield Finding.WORDS_SAY_MORE
    if (con.text(16) or "Y").upper() != "Y" or con.text(23) or con.text(20):
        yield Finding.SIGNATURE_DOUBTED
    if any(con.text(field) and _day(con, field, zone) is None for field in (13, 14, 15)):
        yield Finding.DATE_UNREADABLE
