"""What one case needs beyond its checklist, added and dropped: by a person, or by what its referral lists."""

from collections.abc import Iterable
from dataclasses import dataclass

from transfer import facts
from transfer.case import Case, OpenedCase
from transfer.completeness import SETTLED
from transfer.errors import Unknown
from transfer.facts import Chain
from transfer.flow.assess import added_needs, look, settle_needs
from transfer.flow.services import Services
from transfer.identifiers import CaseId, InstitutionId
from transfer.institutions import Department, Institution
from transfer.ledger import Tx, materials, notes, requests, rounds
from transfer.materials import MaterialKind, MaterialState
from transfer.partial_dates import PartialDate
from transfer.procedures import ProcedureKind
from transfer.records import RecordKind
from transfer.requests import MOVES, Request, RequestState, first_state
from transfer.rounds import Dag


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNeed:
    """What is needed of whom, of what that was done there, and when. Of glass or tissue: which, and how many. `words`
    are kept sealed.
    """

    kind: RecordKind
    institution: InstitutionId
    procedure: ProcedureKind | None = None
    day: PartialDate | None = None
    words: str | None = None
    pieces: MaterialKind | None = None
    count: int | None = None


def lines_of(found: Case, request: Request) -> tuple[str, ...]:
    """The needs of this case alone that the request for the list is to fill as well."""
    return tuple(need.key for need in added_needs(found) if need.key in request.lines)


def add(tx: Tx, services: Services, case: CaseId, new: Iterable[NewNeed]) -> tuple[str, ...]:
    """Add needs to an open case and ask for them; their keys. One that stands already is not added again.

    The caller holds the case's lock.

    Raises:
        Unknown: the institution has no department that holds such a thing.
    """
    keys = put(tx, services, case, new)
    rounds.owe(tx, Dag.OPEN_CASE, case)
    settle_needs(tx, services, case)
    return keys


def put(tx: Tx, services: Services, case: CaseId, new: Iterable[NewNeed]) -> tuple[str, ...]:
    """The same for a round that asks and judges afterwards. Raises as `add`."""
    return tuple(_add(tx, services, case, one) for one in new)


def _add(tx: Tx, services: Services, case: CaseId, new: NewNeed) -> str:
    source, found = services.institutions[new.institution], tx.case(case)
    if all(new.kind not in department.holds for department in source.departments):
        raise Unknown(f"{source.id} has no department that holds it")
    patient = OpenedCase.of(found).patient
    digest = notes.digest(tx, patient, new.words) if new.words else None
    for known in added_needs(found):
        same = (known.kind, known.institution, known.procedure, known.day, known.pieces, known.count) == _what(new)
        if same and found.added[known.key].added.hmac == digest:
            return known.key
    fact = facts.NeedAdded(
        line=f"added-{len(found.added) + 1}",
        document=new.kind,
        institution=new.institution,
        procedure=new.procedure,
        day=str(new.day) if new.day else None,
        note=notes.write(tx, patient, new.words) if new.words else None,
        hmac=digest,
        pieces=new.pieces,
        count=new.count,
    )
    tx.append(Chain.case(case), fact)
    ask(tx, services, case, source)
    return fact.line


def _what(new: NewNeed) -> tuple[object, ...]:
    return new.kind, new.institution, new.procedure, new.day, new.pieces, new.count


def ask(tx: Tx, services: Services, case: CaseId, source: Institution) -> None:
    """Have each department of this institution asked for what was added and is its own. Twice is once.

    Each need is a request of its own to people and to who sends by itself. A department that is searched gives by one
    search all that it has: what was added joins its one request. One that has answered is searched again where what it
    gave does not answer it.
    """
    found = tx.case(case)
    mine = [need for need in added_needs(found) if need.institution == source.id]
    for need in mine:
        if need.line.counted:
            materials.want(tx, case, source.id, need.key, need.line.pieces)
    for department in source.departments:
        keys = tuple(need.key for need in mine if need.kind in department.holds and not need.line.counted)
        if department.is_fetched:
            _search_for(tx, services, case, source, department, keys)
            continue
        asked = {key for one in requests.of_case(tx, case) if _is_to(one, source, department) for key in one.lines}
        for key in keys:
            if key not in asked:
                begin = first_state(is_fetched=False)
                requests.make(tx, case, source.id, department.id, (key,), begin, need=key)


def _search_for(
    tx: Tx, services: Services, case: CaseId, source: Institution, department: Department, keys: tuple[str, ...]
) -> None:
    begin = first_state(is_fetched=True)
    if keys:
        requests.make(tx, case, source.id, department.id, keys, begin)
    made = next((one for one in requests.of_case(tx, case) if _is_to(one, source, department)), None)
    new = tuple(key for key in keys if made and key not in made.lines)
    if made is None or not new:
        return
    requests.change_lines(tx, made, (*made.lines, *new))
    if set(new) & _open(tx, services, case) and not made.state.is_open and begin in MOVES[made.state]:
        requests.move(tx, made, begin)


def _is_to(request: Request, source: Institution, department: Department) -> bool:
    return (request.institution, request.department) == (source.id, department.id)


def _open(tx: Tx, services: Services, case: CaseId) -> set[str]:
    """The lines that nothing here answers."""
    return {need.line.key for need in look(tx, services, case).completeness.needs if need.state not in SETTLED}


def move(tx: Tx, services: Services, request: Request, source: Institution) -> tuple[str, ...]:
    """Have another institution asked for what was added and this request is still to fill, as far as it holds such
    things; the keys that it has there. The caller holds the case's lock.
    """
    held = {kind for department in source.departments for kind in department.holds}
    lacking = _open(tx, services, request.case)
    going = [
        need
        for need in added_needs(tx.case(request.case))
        if need.key in request.lines and need.key in lacking and need.kind in held and need.institution != source.id
    ]
    for need in going:
        note = tx.case(request.case).added[need.key].added.note
        words = notes.read(tx, note) if note else None
        there = InstitutionId(source.id)
        new = NewNeed(kind=need.kind, institution=there, procedure=need.procedure, day=need.day, words=words)
        _add(tx, services, request.case, new)
        tx.append(Chain.case(request.case), facts.NeedDropped(line=need.key))
    gone = {need.key for need in going}
    if gone:
        now = requests.get(tx, request.id) or request
        requests.change_lines(tx, now, tuple(key for key in now.lines if key not in gone))
    return tuple(sorted(gone))


def drop(tx: Tx, services: Services, case: CaseId, line: str) -> str:
    """Take an added need back: nobody is asked for it any more, and what came for it stays. How the case stands then.

    The caller holds the case's lock, and knows that it stands.
    """
    tx.append(Chain.case(case), facts.NeedDropped(line=line))
    for request in requests.of_case(tx, case):
        if line not in request.lines:
            continue
        rest = tuple(key for key in request.lines if key != line)
        requests.change_lines(tx, request, rest)
        if not rest and RequestState.WITHDRAWN in MOVES[request.state]:
            requests.overrule(tx, request)
            requests.move(tx, request, RequestState.WITHDRAWN)
    for kept in materials.of_case(tx, case, OpenedCase.of(tx.case(case)).patient):
        if kept.line == line and kept.material.state is MaterialState.WANTED:
            materials.cancel(tx, case, kept)
    return settle_needs(tx, services, case).sentence
