"""What somebody of a receiving center writes to the desk: a question, and the numbers that their house gave the
patient. All of it is sealed under the patient's key, as notes are, and goes when the patient is purged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from transfer import facts
from transfer.case import OpenedCase
from transfer.facts import Chain
from transfer.flow.desk.verbs import not_allowed
from transfer.flow.outside.center_packets import get_packet
from transfer.flow.outside.numbers import NUMBER, as_note
from transfer.flow.outside.sessions import by_outsider
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId, PacketId
from transfer.ledger import Tx, center_accounts, holds, notes
from transfer.outside_sessions import OutsideSession
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode

#: what the notes of questions are about, as their facts say it
QUESTION: Final = "center-question"
#: questions of one case that wait for the desk at once
MOST_QUESTIONS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CenterWords:
    """What they wrote, when (UTC), and what the desk replied to a question."""

    at: datetime
    is_question: bool
    text: str
    reply: str | None = None
    #: the desk has seen the question, whatever it replied
    is_seen: bool = False


def ask_desk(services: Services, session: OutsideSession, packet: PacketId, text: str) -> None:
    """Ask the desk something about the case of a packet: it becomes something to do there. The same words again are
    one question until the desk has seen it.

    Raises:
        Unknown: the packet is not there for them.
        NotAllowed: as many of their questions wait as may.
    """
    get_packet(services, session, packet)
    with by_outsider(services, session.account) as tx:
        tx.lock_case(packet.case)
        asked = [one.about for one in holds.open_holds(tx, packet.case) if one.code is HoldCode.CENTER_ASKS]
        if any(one.text == text and not one.is_seen for one in _written(tx, packet.case, session)):
            return
        if len(asked) >= MOST_QUESTIONS:
            raise not_allowed(Reason(RefusalCode.ASKED_ENOUGH, most=MOST_QUESTIONS), Remedy(RemedyCode.WAIT_FOR_REPLY))
        patient = OpenedCase.of(tx.case(packet.case)).patient
        note = notes.add_to_case(tx, packet.case, patient, text, about=QUESTION)
        holds.place(tx, packet.case, HoldCode.CENTER_ASKS, note)


def give_number(services: Services, session: OutsideSession, packet: PacketId, kind: str, number: str) -> None:
    """Say which number their house gave: `kind` names it in words. The same again is said once.

    Raises:
        Unknown: the packet is not there for them.
    """
    get_packet(services, session, packet)
    text = as_note(kind, services.institutions[session.institution], number)
    with by_outsider(services, session.account) as tx:
        tx.lock_case(packet.case)
        if not _is_said(tx, packet.case, session, text):
            notes.add_to_case(tx, packet.case, OpenedCase.of(tx.case(packet.case)).patient, text, about=NUMBER)


def list_words(services: Services, session: OutsideSession, packet: PacketId) -> tuple[CenterWords, ...]:
    """What people of this center wrote about the case of a packet, newest first. The caller has looked whether the
    packet is there for them.
    """
    with services.ledger.transaction() as tx:
        return tuple(reversed(list(_written(tx, packet.case, session))))


def _written(tx: Tx, case: CaseId, session: OutsideSession) -> Iterator[CenterWords]:
    lines = tx.lines(Chain.case(case))
    theirs = center_accounts.of_institution(tx, session.institution)
    asked = {one.fact.hold: one.fact.about for one in lines if isinstance(one.fact, facts.HoldOpened)}
    replied = {asked.get(one.fact.hold): one.fact for one in lines if isinstance(one.fact, facts.HoldResolved)}
    for line in lines:
        if not isinstance(line.fact, facts.NoteAdded) or line.by.person not in theirs:
            continue
        text, resolved = notes.read(tx, line.fact.note), replied.get(line.fact.note)
        if text is not None and line.fact.about in (QUESTION, NUMBER):
            is_reply = resolved is not None and resolved.answer == HoldAnswer.REPLY and resolved.note
            yield CenterWords(
                at=line.at,
                is_question=line.fact.about == QUESTION,
                text=text,
                reply=notes.read(tx, resolved.note) if is_reply and resolved and resolved.note else None,
                is_seen=resolved is not None,
            )


def _is_said(tx: Tx, case: CaseId, session: OutsideSession, text: str) -> bool:
    return any(one.text == text for one in _written(tx, case, session))
