"""A case as a whole: let its packet go, write on it, end it, say of a line that it is not needed."""

from collections.abc import Sequence
from typing import Final

from transfer import facts
from transfer.arrivals import ArrivalKind
from transfer.case import Case
from transfer.checklist import Checklist
from transfer.completeness import WaiverKind
from transfer.facts import Chain
from transfer.flow.assess import Assessment, Step, look, settle_needs
from transfer.flow.desk.verbs import Did, at_desk, known_case, not_allowed, opened_case, still_open
from transfer.flow.edges import Edges
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx, arrivals, people, requests
from transfer.record_requests import RequestState

#: how a case can end
ENDINGS: Final = ("opinion-given", "not-coming", "center-declined", "died", "duplicate")

_NAMES_A_RECORD = (WaiverKind.SUBSTITUTE, WaiverKind.ANSWERED_BY)


def approve(edges: Edges, case: CaseId, *, person: str, without: Sequence[str] = (), note: str | None = None) -> Did:
    """Let the next packet go as it is now. `without` names lines it goes without, where the case still waits for them.

    Raises:
        Unknown: no such case or line.
        NotAllowed: it still waits for lines nobody named, or nothing is new since the packet the receiver accepted.
    """
    with at_desk(edges, person) as tx:
        return approve_in(tx, edges, case, without, note)


def approve_in(tx: Tx, edges: Edges, case: CaseId, without: Sequence[str], note: str | None) -> Did:
    found, opened, patient = opened_case(tx, case)
    still_open(found)
    checklist = edges.checklists[opened.checklist]
    for line in without:
        _line(checklist, line)
    newest = found.newest_packet
    if newest and newest.is_on_its_way:
        return Did(sentence=f"packet {newest.planned.packet} is on its way already", changed=False)
    assessed = look(tx, edges, case)
    if assessed.step is Step.WAIT:
        _named_all(assessed, set(without))
    written = people.note(tx, patient, note) if note else None
    lacking = tuple(sorted({*assessed.lacking, *without}))
    tx.append(Chain.case(case), facts.CaseApproved(lacking=lacking, note=written))
    settle_needs(tx, edges, case)
    packet = tx.case(case).newest_packet
    assert packet is not None  # an approval lets one go
    return Did(sentence=f"approved: packet {packet.planned.packet} is being put together")


def _named_all(assessed: Assessment, named: set[str]) -> None:
    """The case waits for something. It goes without only what a person named."""
    case, newest = assessed.case.id, assessed.case.newest_packet
    if newest and newest.receipt and newest.receipt.word == "accepted":
        raise not_allowed(
            f"nothing came since {newest.planned.packet} was accepted",
            f"See what is awaited: transfer case show {case}.",
        )
    missing = [line for line in assessed.lacking if line not in named]
    if missing or not named:
        lines = " ".join(f"--without {line}" for line in missing or ["LINE"])
        what = f"still lacks {', '.join(missing)}" if missing else "has all its lines, and a source still owes more"
        raise not_allowed(f"case {case} {what}", f"Wait, or name what it goes without: {lines}.")


def add_note(edges: Edges, case: CaseId, text: str, *, person: str) -> Did:
    """Keep free text with the case, sealed. The same text of the same person again is kept once.

    Raises:
        NotAllowed: nothing is written, or the case has no patient yet under whose key it could be sealed.
    """
    if not text.strip():
        raise not_allowed("the note is empty", "Write something.")
    with at_desk(edges, person) as tx:
        _, _, patient = opened_case(tx, case)
        digest = people.digest(tx, patient, text)
        for line in tx.lines(Chain.case(case)):
            if isinstance(line.fact, facts.NoteAdded) and (line.fact.hmac, line.by.person) == (digest, person):
                return Did(sentence="noted before", changed=False)
        people.add_note(tx, case, patient, text)
    return Did(sentence="noted")


def close(edges: Edges, case: CaseId, ending: str, *, person: str, note: str | None = None) -> Did:
    """End a case: its requests are withdrawn, its questions fall, and it is owed no more rounds.

    Questions about an ended permission stay, because a purge does not depend on the case.

    Raises:
        NotAllowed: no such ending, or it ended otherwise before.
    """
    if ending not in ENDINGS:
        raise not_allowed(f"no case ends as {ending}", f"It is one of {', '.join(ENDINGS)}.")
    with at_desk(edges, person) as tx:
        tx.lock_case(case)
        found = known_case(tx, case)
        if found.closed and found.closed.ending == ending:
            return Did(sentence=f"closed before: {ending}", changed=False)
        still_open(found)
        withdrawn = _withdraw(tx, case)
        for hold in people.open_holds(tx, case):
            if hold.code != "confirm-purge":
                people.resolve(tx, hold.id, "closed")
        written = _note(tx, found, note)
        tx.append(Chain.case(case), facts.CaseClosed(ending=ending, note=written))
        if found.opened is None:
            _let_referral_lapse(tx, case)
    return Did(sentence=f"closed: {ending}; {withdrawn} requests withdrawn")


def _withdraw(tx: Tx, case: CaseId) -> int:
    count = 0
    for request in requests.of_case(tx, case):
        if request.state.is_open or request.state is RequestState.NOT_PERMITTED:
            requests.move(tx, request, RequestState.WITHDRAWN)
            count += 1
    return count


def _let_referral_lapse(tx: Tx, case: CaseId) -> None:
    """Seal a referral that opened no case. It is purged like an unmatched message."""
    for name in arrivals.of_subject(tx, case, ArrivalKind.REFERRAL):
        if arrival := arrivals.claim(tx, name):
            arrivals.settle(tx, arrival, "sealed", "closed", purge_after=arrivals.STRANGER)


def _note(tx: Tx, found: Case, note: str | None) -> str | None:
    if not note:
        return None
    if found.opened is None:
        raise not_allowed(f"case {found.id} has no patient yet to keep a note with", "Close it without a note.")
    return people.note(tx, PatientId(found.opened.patient), note)


def waive(
    edges: Edges,
    case: CaseId,
    line: str,
    kind: WaiverKind,
    *,
    person: str,
    record: str | None = None,
    note: str | None = None,
) -> Did:
    """Say of one line of the checklist that it is not needed, does not exist, or is answered by a record.

    *Applies* takes such an answer back.

    Raises:
        Unknown: no such case or line.
        NotAllowed: a substitute needs a record of this case, and no other answer takes one.
    """
    with at_desk(edges, person) as tx:
        found, opened, patient = opened_case(tx, case)
        still_open(found)
        _line(edges.checklists[opened.checklist], line)
        _check_record(found, kind, record)
        said = found.waived.get(line)
        if said and (said.word, said.record) == (kind, record):
            return Did(sentence=f"line {line}: {kind}, said before", changed=False)
        written = people.note(tx, patient, note) if note else None
        tx.append(Chain.case(case), facts.NeedWaived(line=line, word=kind, record=record, note=written))
        after = settle_needs(tx, edges, case)
    return Did(sentence=f"line {line}: {kind}; {after.sentence}")


def _check_record(found: Case, kind: WaiverKind, record: str | None) -> None:
    if kind in _NAMES_A_RECORD:
        if record not in found.records or record in found.superseded:
            raise not_allowed(
                f"{kind} needs a record of this case that still stands",
                f"Name one with --record; they are listed by transfer case show {found.id}.",
            )
    elif record is not None:
        raise not_allowed(f"{kind} names no record", "Leave --record away.")


def _line(checklist: Checklist, key: str) -> None:
    if key not in {line.key for line in checklist.lines}:
        raise not_allowed(
            f"checklist {checklist.id} has no line {key}",
            f"Its lines: {', '.join(line.key for line in checklist.lines)}.",
        )
