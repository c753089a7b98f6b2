"""What happened to a case, one sentence for each fact, with people apart from machinery."""

from collections.abc import Iterable
from datetime import datetime

from transfer import facts
from transfer.facts import Chain, LedgerLine
from transfer.flow.desk.shown import EventView
from transfer.flow.desk.verbs import at_desk, known_case
from transfer.flow.services import Services
from transfer.identifiers import CaseId, PatientId
from transfer.institutions import Institutions
from transfer.ledger import Tx, sessions
from transfer.rights import Actor, Right
from transfer.sentences import SENTENCES
from transfer.sentences.story import Words, happened


def story(services: Services, case: CaseId, *, actor: Actor) -> tuple[EventView, ...]:
    """What happened to a case and to its patient's authorizations, newest first. Nothing of the patient.

    Raises:
        Unknown: there is no such case.
    """
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        return told(tx, services, case)


def told(tx: Tx, services: Services, case: CaseId) -> tuple[EventView, ...]:
    """The same within a transaction."""
    found = known_case(tx, case)
    lines = tx.lines(Chain.case(case))
    if found.opened:
        lines = [*lines, *tx.lines(Chain.patient(PatientId(found.opened.patient)))]
    words = words_of(services, lines, found.opened.checklist if found.opened else None)
    names = sessions.names(tx, {line.by.person for line in lines if line.by.person})
    return tuple(
        _event(line, words, names.get(line.by.person or "")) for line in sorted(lines, key=_newest_first, reverse=True)
    )


def _newest_first(line: LedgerLine) -> tuple[datetime, str, int]:
    return line.at, line.chain, line.sequence


def _event(line: LedgerLine, words: Words, name: str | None) -> EventView:
    return EventView(
        at=line.at,
        by=line.by.person,
        name=name,
        is_claimed=line.by.is_claimed,
        says=happened(line.fact, words),
    )


def words_of(services: Services, lines: Iterable[LedgerLine], checklist: str | None) -> Words:
    """What people call the identifiers and codes in these lines."""
    words = {one.id: one.name for one in services.institutions.values()}
    if checklist is not None and checklist in services.checklists:
        words |= {line.key: line.label for line in services.checklists[checklist].lines}
    for line in lines:
        words |= dict(_named(services.institutions, line.fact, words))
    return words


def _named(institutions: Institutions, fact: facts.Fact, words: Words) -> Iterable[tuple[str, str]]:
    """What a fact gives a name to."""
    match fact:
        case facts.RequestMade() as made:
            yield made.request, department(institutions, made.institution, made.department)
        case facts.RecordCollected() as kept:
            yield kept.record, f"{plain(kept.document)} from {words.get(kept.institution, kept.institution)}"
        case facts.HoldOpened() as asked:
            yield asked.hold, SENTENCES[asked.code].staff if asked.code in SENTENCES else plain(asked.code)
        case facts.NeedAdded() as added:
            what = plain(added.pieces or added.document)
            yield added.line, f"{what} of the {added.procedure}" if added.procedure else f"{what}, for this patient"
        case facts.AppointmentSet() as expected if expected.appointment != "referral":
            yield expected.appointment, plain(expected.appointment)
        case facts.AppointmentSet() as expected:
            yield expected.appointment, "the appointment of the referral"
        case facts.MaterialAwaited() as awaited:
            yield awaited.material, f"{plain(awaited.pieces)}s from {words.get(awaited.institution, '')}"


def plain(code: str) -> str:
    return code.replace("-", " ")


def institution_name(institutions: Institutions, institution: str) -> str:
    """What people call it; one that is in no file any more, by its identifier."""
    return institutions[institution].name if institution in institutions else institution


def department(institutions: Institutions, institution: str, name: str) -> str:
    """A department as people call it; one that is in no file any more, by its identifier."""
    if institution not in institutions:
        return institution
    source = institutions[institution]
    known = next((one.name for one in source.departments if one.id == name), name)
    return f"{source.name}, {known}"
