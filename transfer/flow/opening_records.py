"""Opening what was collected, before it may answer a line: can people read it, and whose does it say that it is?

The bytes are in the vault and no lock is held. What was found is written with the record. Where nothing can be opened
now, the record waits and is opened in the next round of its case. It never counts unopened.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType

from transfer.case import OpenedCase
from transfer.errors import OutOfOrder, Unavailable
from transfer.flaws import AttachedFile, Flaw
from transfer.flow.fetched_objections import stop_source_of
from transfer.flow.identity import hold_patient_of
from transfer.flow.objections import opened_objects
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode, SystemAnswer
from transfer.identifiers import CaseId, InstitutionId, PatientId
from transfer.ledger import Tx, compared, holds, opened_records, patients, records, rewritten_records, rounds
from transfer.ledger.compared import ComparedIdentity
from transfer.ledger.records import RecordPart, StoredRecord
from transfer.matching import Candidate, MatchRule, MatchVerdict, identify
from transfer.near_places import members
from transfer.opened import WrittenPatient
from transfer.patients import Demographics
from transfer.requests import UNDECIDED
from transfer.rounds import Dag

#: when what could not be opened is tried again
AGAIN_AFTER = timedelta(minutes=1)
#: what people say of a document's own words holds for all documents of the institution that say the same
_WITHIN = "document"
#: rules by which what a document says is no other than whom it came for
AGREEING = frozenset({MatchRule.ANSWERS_REQUEST, MatchRule.CORROBORATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedParts:
    """What was found in the parts of a record. `named`: the patients that it names as its own; `written`: whom its
    words name.
    """

    flaws: frozenset[Flaw] = frozenset()
    named: tuple[Demographics, ...] = ()
    written: tuple[WrittenPatient, ...] = ()
    attached: tuple[AttachedFile, ...] = ()
    malignant: tuple[str, ...] = ()
    objects: bool = False


def open_parts(
    services: Services,
    patient: PatientId,
    source: InstitutionId,
    parts: Iterable[RecordPart],
    in_hand: Mapping[str, bytes] = MappingProxyType({}),
) -> OpenedParts | None:
    """Open each part. None: that cannot be done now. Hold no lock.

    `in_hand`: by the key under which they are kept, the bytes of those that the caller has just written. They are what
    was hashed, and whoever reads them from the store checks that.

    Raises:
        OutOfOrder: our own store does not answer.
        Unreadable: it gives other bytes than it was given.
    """
    found, named, attached = set[Flaw](), dict[Demographics, None](), list[AttachedFile]()
    written = dict[WrittenPatient, None]()
    malignant, objects = dict[str, None](), False
    try:
        for part in parts:
            if part.series:
                found |= _open_series(services, part)
                continue
            place = part.location
            data = in_hand.get(place.key)
            chunks = services.vault.read(place) if data is None else iter((data,))
            there = services.institutions[source]
            opened = services.opener.document(part.content_type, place.length, chunks, there, patient)
            found |= opened.flaws
            named |= dict.fromkeys(opened.named)
            written |= dict.fromkeys(opened.written)
            attached += opened.attached
            malignant |= dict.fromkeys(opened.malignant)
            objects |= opened.objects
    except OutOfOrder:
        raise
    except Unavailable:
        return None
    return OpenedParts(
        flaws=frozenset(found),
        named=tuple(named),
        written=tuple(written),
        attached=tuple(attached),
        malignant=tuple(malignant),
        objects=objects,
    )


def _open_series(services: Services, part: RecordPart) -> set[Flaw]:
    assert part.series is not None  # the caller sorted
    places = sorted((i.location.offset - part.location.offset, i.location.length) for i in part.series.instances)
    found = set[Flaw]()
    for number, chunks in members(services.vault.read(part.location), places):
        found |= services.opener.image(places[number][1], chunks)
    return found


def note_opened(
    tx: Tx,
    opened: OpenedCase,
    kept: StoredRecord,
    found: OpenedParts | None,
    envelope: Demographics | None = None,
) -> StoredRecord:
    """Write what was found in a record that serves a case, or in its new parts, and ask people what they must decide.

    `found` is of all its parts, or of those that came to a record that was opened. `envelope`: what the message or list
    that it came by says of its patient. Without `found` the record is opened in the case's next round, unless it was
    opened before. Twice is once. The caller holds the patient and the case.
    """
    if found is None and not kept.is_opened:
        rounds.owe(tx, Dag.OPEN_CASE, opened.id, after=AGAIN_AFTER)
        return kept
    if found is not None:
        # Of one that is opened again, all that opening finds is found anew.
        flaws = (kept.flaws if kept.is_opened else kept.seen) | found.flaws
        if _names_another(tx, opened, kept, found, envelope):
            flaws |= {Flaw.ANOTHER_PATIENT}
        if not kept.is_opened or flaws != kept.flaws:
            kept = replace(kept, is_opened=True, flaws=flaws)
            opened_records.write_flaws(tx, kept)
            about = replace(kept.about, attached=found.attached, malignant=found.malignant)
            if about != kept.about:
                rewritten_records.rewrite(tx, kept, about, is_whole=kept.is_whole)
            for case in opened_records.cases_of(tx, kept.id):
                if case != opened.id:
                    rounds.owe(tx, Dag.OPEN_CASE, case)  # it has not heard of it
    _tell(tx, opened.id, kept)
    return kept


def _tell(tx: Tx, case: CaseId, kept: StoredRecord) -> None:
    """Write in the chain of a case what was found, once; and ask about it, once for each document, and once more where
    a person had it opened again.
    """
    is_told = _is_told(tx, case, kept)
    if not is_told:
        opened_records.write_opened(tx, case, kept)
    if not kept.flaws - {Flaw.ANOTHER_PATIENT}:
        holds.withdraw(tx, case, HoldCode.DOCUMENT_UNREADABLE, SystemAnswer.ANSWERED, about=kept.id)
    elif kept.id not in tx.case(case).void and (not is_told or _was_to_be_opened_again(tx, case, kept)):
        holds.place(tx, case, HoldCode.DOCUMENT_UNREADABLE, kept.id)


def _was_to_be_opened_again(tx: Tx, case: CaseId, kept: StoredRecord) -> bool:
    """Whether that was the last answer to the question on this case."""
    return holds.last_answer(tx, case, HoldCode.DOCUMENT_UNREADABLE, kept.id) is HoldAnswer.OPEN_AGAIN


def _is_told(tx: Tx, case: CaseId, kept: StoredRecord) -> bool:
    told = tx.case(case).flaws.get(kept.id)
    return told is not None and {*told} == kept.flaws


def open_waiting(services: Services, case: CaseId) -> bool:
    """Open what serves a case and was not opened yet. False: that cannot be done now; the case's next round does it.

    Raises:
        OutOfOrder: our own store does not answer.
    """
    with services.ledger.transaction() as tx:
        waiting = [(kept, records.parts(tx, kept)) for kept in opened_records.unopened(tx, case)]
    for kept, parts in waiting:
        found = open_parts(services, kept.patient, kept.institution, parts)
        if found is not None and found.objects:
            _stop(services, case, kept)
        with services.ledger.transaction() as tx:
            hold_patient_of(tx, case)
            opened = OpenedCase.of(tx.case(case))
            tx.lock_case(case)
            still = records.get(tx, kept.id)
            if still is not None and still.patient == opened.patient and not still.is_opened:
                note_opened(tx, opened, still, found)
        if found is None:
            return False
    _catch_up(services, case)
    return True


def _stop(services: Services, case: CaseId, kept: StoredRecord) -> None:
    """A "no" that is heard when a record is opened late stops what it would have stopped when it came."""
    if kept.arrival is None:
        return stop_source_of(services, case, kept.institution)
    with services.ledger.transaction() as tx:
        opened_objects(tx, services.institutions, kept.arrival, kept.institution, kept.patient)
    return None


def _catch_up(services: Services, case: CaseId) -> None:
    """What was found in a record of this case while it was opened for another, by that one's chain."""
    with services.ledger.transaction() as tx:
        if hold_patient_of(tx, case) is None:
            return
        opened = OpenedCase.of(tx.case(case))
        tx.lock_case(case)
        for kept, _ in records.joined(tx, case):
            if not kept.is_opened or _is_told(tx, case, kept):
                continue
            if any(_is_told(tx, one, kept) for one in opened_records.cases_of(tx, kept.id)):
                _tell(tx, case, kept)
        if tx.case(case).is_open:
            _ask_what_was_left(tx, opened)


def _ask_what_was_left(tx: Tx, opened: OpenedCase) -> None:
    """Ask on this case what another one asked that ended before people answered, where this one waits for it, too."""
    case = tx.case(opened.id)
    for institution in compared.left_open(tx, opened.patient):
        named = [
            key
            for key, flaws in case.flaws.items()
            if Flaw.ANOTHER_PATIENT in flaws and key not in case.void and case.records[key].institution == institution
        ]
        asked = [
            key
            for key, one in case.requests.items()
            if one.made.institution == institution and one.moved and UNDECIDED in one.moved.findings
        ]
        if about := [*named, *asked]:
            _ask_whose(tx, opened, institution, about[0], ())


# --- whose it says it is ----------------------------------------------------------------------------------------------


def _names_another(
    tx: Tx,
    opened: OpenedCase,
    kept: StoredRecord,
    found: OpenedParts,
    envelope: Demographics | None,
) -> bool:
    """Whether it names somebody who is neither surely the patient nor whom it came for. People compare both, once."""
    who = patients.identity(tx, opened.patient)
    if not (found.named or found.written) or who is None:
        return False
    listed = envelope or who.current
    ours = Candidate(patient=opened.patient, current=who.current, former=(*who.former, listed))
    others = [one.said for one in found.written if one.is_another_than((ours.current, *ours.former))]
    doubtful = []
    for said in (*found.named, *others):
        match = identify(
            filled(said, listed), study_identifiers=frozenset(), candidates=[ours], requested=opened.patient
        )
        if match.verdict is MatchVerdict.OURS or match.match_rule in AGREEING:
            continue
        answer = compared.answer(tx, opened.patient, kept.institution, said, _WITHIN)
        if answer is not HoldAnswer.OURS:
            doubtful.append((ComparedIdentity(said=said, source=_WITHIN, match_rule=match.match_rule), answer))
    if unasked := [one for one, answer in doubtful if answer is None]:
        _ask_whose(tx, opened, kept.institution, kept.id, unasked)
    return bool(doubtful)


def filled(said: Demographics, listed: Demographics) -> Demographics:
    """What it leaves out, by whom it came for. A number that it has of the same issuer stands against the other's."""
    issuers = {number.issuer for number in said.identifiers}
    return replace(
        said,
        names=said.names or listed.names,
        birth_date=said.birth_date or listed.birth_date,
        sex=said.sex or listed.sex,
        identifiers=(*said.identifiers, *(one for one in listed.identifiers if one.issuer not in issuers)),
    )


def _ask_whose(
    tx: Tx, opened: OpenedCase, institution: InstitutionId, about: str, doubtful: Sequence[ComparedIdentity]
) -> None:
    """Ask people once, for this patient and institution, about all that is doubtful in what it gives."""
    compared.lock(tx, opened.patient, institution)
    is_new = compared.add(tx, opened.patient, institution, doubtful)
    question = compared.open_question(tx, opened.patient, institution)
    if question and not is_new:
        return
    if question and question[1] == opened.id:
        holds.resolve(tx, question[0], SystemAnswer.ASKED_ANEW)
    if hold := holds.place(tx, opened.id, HoldCode.WHOSE_ANSWER, about):
        compared.show_in(tx, opened.patient, institution, hold)
