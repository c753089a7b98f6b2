"""Incoming at the desk: papers are uploaded, taken, looked at, and their pages indexed."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.adapters import paper
from transfer.adapters.paper import PaperRecord
from transfer.arrivals import ArrivalKind, Door
from transfer.checklist import Checklist
from transfer.errors import NotAllowed, Unknown
from transfer.flow.desk.content import Content
from transfer.flow.desk.looking import show_content
from transfer.flow.desk.verbs import at_desk, demand, not_allowed, opened_case, refused, still_open, unknown
from transfer.flow.identity import DecideAgain
from transfer.flow.paper_in import original_of, picture_of, see, store
from transfer.flow.services import Services
from transfer.identifiers import ArrivalId, CaseId, IncomingId, InstitutionId, PatientId
from transfer.incoming import (
    UPLOAD,
    IncomingState,
    IndexedPages,
    PagesBecame,
    PaperRefused,
    SentBack,
    clash,
    pages_in,
)
from transfer.ledger import Tx, arrivals, arriving, incoming, patients, sessions, vault_objects
from transfer.ledger.arrivals import NewArrival
from transfer.ledger.incoming import NewPaper, Paper
from transfer.looks import LookPlace
from transfer.media_types import extension
from transfer.page_ranges import in_ranges
from transfer.partial_dates import PartialDate
from transfer.records import RecordKind
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right
from transfer.staging import CHUNK

TURNS: Final = (0, 90, 180, 270)
#: papers on one page of the list
PAPERS_ON_A_PAGE: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOfPaper:
    """Pages, as people write them, and what they became."""

    pages: str
    became: PagesBecame
    case: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperView:
    """A paper in a list. `left` are the pages that are not indexed; of a disc pages are studies. Times are UTC."""

    incoming: IncomingId
    is_disc: bool
    line: str
    received_at: datetime
    state: IncomingState
    pages: int
    left: tuple[int, ...]
    #: the account that has it, and what people call whoever it is
    taken_by: str | None
    taker: str | None
    parts: tuple[PartOfPaper, ...]
    destroy_after: datetime | None
    #: some of it was misdirected, and nobody has said how it went back
    to_send_back: bool
    sent_back: SentBack | None
    #: what people call whoever said so
    sender: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingPage:
    """One page of the papers, numbered from 1, and how many there are in all."""

    papers: tuple[PaperView, ...]
    number: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAPERS_ON_A_PAGE))


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedAs:
    """What somebody says of pages. `turn` is in degrees, clockwise. `line`: the line of the case's checklist that they
    answer; None: what their kind answers by itself.
    """

    kind: RecordKind
    institution: InstitutionId
    day: PartialDate | None = None
    turn: int = 0
    line: str | None = None

    def __post_init__(self) -> None:
        if self.turn not in TURNS:
            raise ValueError("pages are turned by quarters")


def list_incoming(services: Services, *, actor: Actor, everything: bool = False, number: int = 1) -> IncomingPage:
    """One page of the papers that wait or are to go back, oldest first; with `everything` also the others, newest
    first. No content. A page that there is not is empty.
    """
    number = max(number, 1)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        after = (number - 1) * PAPERS_ON_A_PAGE
        found, total = incoming.listed(tx, everything=everything, limit=PAPERS_ON_A_PAGE, after=after)
        return IncomingPage(papers=tuple(view_of(tx, one) for one in found), number=number, total=total)


def listed_paper(services: Services, name: IncomingId, *, actor: Actor, is_kept: bool = True) -> PaperView:
    """One paper as the list has it, also of one that is done: nothing of its pages.

    Raises:
        Unknown: there is no such paper; where `is_kept`, also if it is destroyed.
    """
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        found = found_incoming(tx, name) if is_kept else incoming.get(tx, name)
        if found is None:
            raise nothing_such(name)
        return view_of(tx, found)


def upload_paper(services: Services, body: bytes, *, actor: Actor) -> ActionResult:
    """Bring in a paper from a file: PDF, TIFF, JPEG or PNG. The same file again is the same paper.

    Raises:
        NotAllowed: no pages can be made of it; nothing is kept.
    """
    demand(actor, Right.WORK_ON_CASES)
    try:
        came = see(services, UPLOAD, body)
    except PaperRefused as error:
        raise refused(NotAllowed, Reason(RefusalCode.NO_PAPER, why=error.why), Remedy(RemedyCode.GIVE_PAPER)) from None
    if isinstance(came, NewPaper):
        with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
            came = store(tx, came)
    code = ActionCode.PAPER_STORED if came.is_new else ActionCode.PAPER_STORED_BEFORE
    return ActionResult(code, incoming=came.id, pages=came.pages)


def take_paper(services: Services, name: IncomingId, *, actor: Actor) -> ActionResult:
    """From now on the paper or disc is the actor's work, and they see what is on it; whoever had it sees that no more.

    Raises:
        Unknown: there is no such paper, or it is destroyed.
    """
    demand(actor, Right.SEE_CONTENT)
    with at_desk(services, actor, Right.SEE_CONTENT) as tx:
        found = found_incoming(tx, name, lock=True)
        if found.taken_by == actor.person:
            return ActionResult(ActionCode.PAPER_TAKEN_BEFORE, incoming=name)
        incoming.take(tx, found, actor.person)
    return ActionResult(ActionCode.PAPER_TAKEN, incoming=name)


def look_at_paper(services: Services, name: IncomingId, *, actor: Actor) -> PaperView:
    """What a page of its pictures says of a paper. That its pages are shown is a fact.

    Raises:
        Unknown: there is no such paper, or it is destroyed.
        NotAllowed: somebody else has it, or nobody.
    """
    demand(actor, Right.SEE_CONTENT)
    with at_desk(services, actor, Right.SEE_CONTENT) as tx:
        found = _paper(taken(tx, name, actor))
        view = view_of(tx, found)
        show_content(tx, actor, None, name, LookPlace.INCOMING)
    return view


def show_picture(services: Services, name: IncomingId, page: int, *, actor: Actor) -> bytes:
    """The picture of one page, for whoever has the paper: JPEG. That they took it is the fact of the look.

    Raises as `look_at_paper`; Unknown also where there is no such page.
    """
    demand(actor, Right.SEE_CONTENT)
    with at_desk(services, actor, Right.SEE_CONTENT) as tx:
        found = _paper(taken(tx, name, actor))
    if not 1 <= page <= found.count:
        raise unknown(Reason(RefusalCode.NO_SUCH_PAGES), Remedy(RemedyCode.NAME_PAGES, count=found.count))
    return picture_of(services, found, page)


def open_paper(services: Services, name: IncomingId, *, actor: Actor) -> Content:
    """The paper as it came, to print or to send back. That it was opened is a fact. Raises as `look_at_paper`."""
    demand(actor, Right.SEE_CONTENT)
    with at_desk(services, actor, Right.SEE_CONTENT) as tx:
        found = _paper(taken(tx, name, actor))
        show_content(tx, actor, None, name, LookPlace.INCOMING)
    body = original_of(services, found)
    pieces: Callable[[], Iterator[bytes]] = lambda: iter([body])  # noqa: E731  as everything to keep is given
    return Content(
        name=f"{name}.{extension(found.content_type)}",
        content_type=found.content_type,
        size=len(body),
        text=None,
        pieces=pieces,
    )


# --- indexing ---------------------------------------------------------------------------------------------------------


def index_pages(
    services: Services, name: IncomingId, pages: str, case: CaseId, said: IndexedAs, *, actor: Actor
) -> ActionResult:
    """Make some pages of a paper a record of this case, from the institution that made them. It is processed as
    whatever an institution sends: collected if a permission covers it, or kept sealed until one does.

    `pages`: as `1-4, 7`, or `all`. Doing the same again changes nothing.

    Raises:
        Unknown: no such paper, case or institution.
        NotAllowed: there are no such pages, they are another patient's or left out already, the case is closed, or its
            checklist has no such line that documents of this kind may answer.
        ChangedMeanwhile: the case became another patient's meanwhile; the same again decides anew.
    """
    demand(actor, Right.DECIDE_WHOSE)  # before a page of it is read
    source = services.institutions[said.institution]
    with at_desk(services, actor, Right.DECIDE_WHOSE) as tx:
        found = found_paper(tx, name)
        new = IndexedPages(pages=named_pages(found, pages), became=PagesBecame.RECORD, case=case)
        _, opened, patient = opened_case(tx, case)
        _answerable(services.checklist_of(opened.checklist, opened.receiver), said)
        identity = patients.identity(tx, patient)
    if identity is None:
        raise unknown(Reason(RefusalCode.PATIENT_IS_PURGED), Remedy(RemedyCode.VERIFY_TRAIL))
    made, title = _made(services, found, new.pages, said.turn)
    answers = frozenset({said.line} if said.line else ())
    record = PaperRecord(patient=identity.current, kind=said.kind, day=said.day, title=title, answers=answers)
    with vault_objects.writing_for(patient):
        said_so = f"{name}|{in_ranges(new.pages)}|{case}|{source.id}|{said.kind}|{said.day}|{said.turn}"
        said_so += f"|{said.line}" if said.line else ""
        sent = _arrival(services, InstitutionId(source.id), said_so, paper.bundled_record(record, made))
    with at_desk(services, actor, Right.DECIDE_WHOSE) as tx:
        arrival = store_indexed(
            tx,
            sent,
            name,
            new,
            patient,
            lambda arrival: facts.PagesIndexed(
                incoming=name,
                pages=in_ranges(new.pages),
                arrival=arrival,
                document=said.kind,
                institution=sent.institution,
                line=said.line,
            ),
        )
    if arrival is not None:
        return ActionResult(ActionCode.PAGES_INDEXED, pages=in_ranges(new.pages), case=case, arrival=arrival)
    if sent.location is not None:
        services.vault.remove(sent.location.key)
    return ActionResult(ActionCode.PAGES_INDEXED_BEFORE, pages=in_ranges(new.pages), case=case)


def _answerable(checklist: Checklist, said: IndexedAs) -> None:
    """Raise `NotAllowed` where documents of this kind answer no such line of the list."""
    keys = tuple(line.key for line in checklist.lines if said.kind in line.kinds)
    if said.line and said.line not in keys:
        raise not_allowed(
            Reason(RefusalCode.NO_SUCH_LINE, checklist=checklist.id, line=said.line),
            Remedy(RemedyCode.CHOOSE_ONE_OF, choices=keys),
        )


def leave_out(services: Services, name: IncomingId, pages: str, became: PagesBecame, *, actor: Actor) -> ActionResult:
    """Say that pages become no record: cover sheets and blank ones, or misdirected ones, which go back to their sender.
    A paper of which pages were misdirected is destroyed after seven days, once all of its pages are indexed. So it is
    with the studies of a disc.

    Doing the same again changes nothing.

    Raises:
        Unknown: there is no such paper.
        NotAllowed: there are no such pages, or they are a record already.
        ValueError: `became` is a record.
    """
    demand(actor, Right.DECIDE_WHOSE)
    with at_desk(services, actor, Right.DECIDE_WHOSE) as tx:
        found = found_incoming(tx, name, lock=True)
        new = IndexedPages(pages=named_pages(found, pages), became=became)
        told = in_ranges(new.pages)
        if new in found.parts:
            return ActionResult(ActionCode.PAGES_LEFT_OUT_BEFORE, pages=told, became=became)
        unless_otherwise(found, new)
        incoming.index(tx, found, new)
    return ActionResult(ActionCode.PAGES_LEFT_OUT, pages=told, became=became)


def _made(services: Services, found: Paper, pages: tuple[int, ...], turn: int) -> tuple[bytes, str]:
    """The pages as a document, and where it comes from. A whole paper that is not turned stays as it came."""
    body, came = original_of(services, found), f"{found.received_at.date().isoformat()}"
    if len(pages) == found.count and not turn:
        return body, f"Paper of {found.count} pages, as it came {came}"
    turned = f", turned by {turn} degrees" if turn else ""
    title = f"Copy of pages {in_ranges(pages)} of a paper of {found.count} that came {came}{turned}"
    return paper.taken(found.content_type, body, pages, turn), title


def _arrival(services: Services, source: InstitutionId, business: str, body: bytes) -> NewArrival:
    in_row = len(body) <= arrivals.IN_ROW
    place = None if in_row else services.vault.keep(body[at : at + CHUNK] for at in range(0, len(body), CHUNK))
    return NewArrival(
        institution=source,
        door=Door.DESK,
        kind=ArrivalKind.ANSWER,
        business=business,
        control=None,
        content_type=paper.PAPER_RECORD,
        payload=body if in_row else None,
        location=place,
        content_sha256=hashlib.sha256(body).digest(),
    )


def store_indexed(
    tx: Tx,
    sent: NewArrival,
    name: IncomingId,
    new: IndexedPages,
    patient: PatientId,
    fact_of: Callable[[ArrivalId], facts.PagesIndexed | facts.StudyIndexed],
) -> ArrivalId | None:
    """Store what pages or studies became as what came for this patient. None: it was stored before."""
    patients.hold_epoch_shared(tx, patient)
    known, _, now = opened_case(tx, CaseId(new.case or ""))
    if now != patient:
        raise DecideAgain
    still_open(known)
    found = found_incoming(tx, name, lock=True)
    (stored,) = arriving.store(tx, [sent])
    if stored.is_duplicate:
        return None
    unless_otherwise(found, new)
    claimed = arrivals.claim(tx, stored.arrival)
    assert claimed is not None  # it was stored in this transaction
    arrivals.join_patient(tx, claimed, patient)
    arrivals.release_claim(tx, claimed)
    incoming.index(tx, found, new, arrival=stored.arrival, fact=fact_of(stored.arrival))
    arriving.owe_for(tx, [sent], [stored])
    return stored.arrival


def named_pages(found: Paper, pages: str) -> tuple[int, ...]:
    """The pages that somebody names. Raises `NotAllowed` where the paper has no such."""
    try:
        return pages_in(pages, found.count)
    except ValueError:
        raise not_allowed(Reason(RefusalCode.NO_SUCH_PAGES), Remedy(RemedyCode.NAME_PAGES, count=found.count)) from None


def unless_otherwise(found: Paper, new: IndexedPages) -> None:
    """Raise `NotAllowed` where the pages are indexed otherwise already."""
    if pages := clash(new, found.parts):
        raise not_allowed(
            Reason(RefusalCode.PAGES_ARE_OTHERS, pages=in_ranges(pages)), Remedy(RemedyCode.LIST_INCOMING)
        )


def found_paper(tx: Tx, name: IncomingId, *, lock: bool = False) -> Paper:
    """The paper. Raises `Unknown` where there is none, it is destroyed, or it is a disc."""
    return _paper(found_incoming(tx, name, lock=lock))


def found_incoming(tx: Tx, name: IncomingId, *, lock: bool = False) -> Paper:
    """The paper or disc. Raises `Unknown` where there is none, or it is destroyed."""
    found = incoming.get(tx, name, lock=lock)
    if found is None or found.state is IncomingState.DESTROYED:
        raise nothing_such(name)
    return found


def nothing_such(name: IncomingId) -> Unknown:
    """There is none of this name, or it is another thing."""
    return unknown(Reason(RefusalCode.NO_INCOMING, incoming=name), Remedy(RemedyCode.LIST_INCOMING))


def _paper(found: Paper) -> Paper:
    if found.is_disc:
        raise nothing_such(found.id)
    return found


def taken(tx: Tx, name: IncomingId, actor: Actor) -> Paper:
    """The paper or disc that this actor has. Raises `NotAllowed` where somebody else has it, or nobody."""
    found = found_incoming(tx, name)
    if found.taken_by != actor.person:
        raise not_allowed(Reason(RefusalCode.NOT_TAKEN, incoming=name), Remedy(RemedyCode.TAKE_PAPER, incoming=name))
    return found


def view_of(tx: Tx, found: Paper) -> PaperView:
    """What a list says of it: nothing of its content."""
    said = found.sent_back
    names = sessions.names(tx, [one for one in (found.taken_by, said and said.by) if one])
    taker = found.taken_by and names.get(found.taken_by, found.taken_by)
    parts = [PartOfPaper(pages=in_ranges(one.pages), became=one.became, case=one.case) for one in found.parts]
    return PaperView(
        incoming=found.id,
        is_disc=found.is_disc,
        line=found.line,
        received_at=found.received_at,
        state=found.state,
        pages=found.count,
        left=found.left,
        taken_by=found.taken_by,
        taker=taker,
        parts=tuple(parts),
        destroy_after=found.destroy_after,
        to_send_back=found.to_send_back,
        sent_back=said,
        sender=names.get(said.by, said.by) if said else None,
    )
