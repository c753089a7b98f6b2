"""Discs at the desk: brought in, looked at, and each study said whose it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, cast

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.adapters import disc
from transfer.arrivals import ArrivalKind, Door
from transfer.discs import DiscNotes, DiscRefused, DiscStudy, KeptStudy
from transfer.errors import NotAllowed
from transfer.flow.desk.incoming import (
    PaperView,
    found_incoming,
    named_pages,
    nothing_such,
    store_indexed,
    taken,
    unless_otherwise,
    view_of,
)
from transfer.flow.desk.looking import show_content
from transfer.flow.desk.verbs import at_desk, demand, not_allowed, opened_case, refused, unknown
from transfer.flow.disc_in import plain_of, see_disc, studies_of
from transfer.flow.opening_records import AGREEING
from transfer.flow.paper_in import store
from transfer.flow.services import Services
from transfer.identifiers import ArrivalId, CaseId, IncomingId, InstitutionId, PatientId
from transfer.incoming import UPLOAD, IndexedPages, PagesBecame
from transfer.institutions import Institution
from transfer.ledger import patients, vault_objects
from transfer.ledger.arrivals import NewArrival
from transfer.ledger.incoming import NewPaper, Paper
from transfer.ledger.patients import Identity
from transfer.looks import LookPlace
from transfer.matching import Candidate, MatchVerdict, identify
from transfer.page_ranges import in_ranges
from transfer.patients import Demographics
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyView:
    """A study of a disc, by its number there, and what became of it."""

    number: int
    study: DiscStudy
    became: PagesBecame | None
    case: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscView:
    """What is on a disc, patient by patient."""

    incoming: PaperView
    notes: DiscNotes
    studies: tuple[StudyView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedStudies:
    """What somebody says of studies. `institution`: who made them. `is_compared`: they are the patient's although
    their files name another or nobody.
    """

    institution: InstitutionId
    is_compared: bool = False


def bring_in_disc(services: Services, source: Path | IO[bytes], *, actor: Actor) -> ActionResult:
    """Bring in a disc: a folder, or a ZIP file. The same images again are the same disc. Nothing on it is run.

    Raises:
        NotAllowed: no disc can be made of it; nothing is kept.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES):
        pass  # before a disc is read, which takes its time: the ledger answers
    try:
        came = see_disc(services, UPLOAD, source)
    except DiscRefused as error:
        raise refused(NotAllowed, Reason(RefusalCode.NO_DISC, why=error.why), Remedy(RemedyCode.GIVE_DISC)) from None
    if isinstance(came, NewPaper):
        with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
            came = store(tx, came)
    code = ActionCode.DISC_STORED if came.is_new else ActionCode.DISC_STORED_BEFORE
    return ActionResult(code, incoming=came.id, studies=came.pages)


def look_at_disc(services: Services, name: IncomingId, *, actor: Actor) -> DiscView:
    """What is on a disc: its patients, studies, series, what is missing and what lies beside. The look is a fact.

    Raises:
        Unknown: there is no such disc, or it is destroyed.
        NotAllowed: somebody else has it, or nobody.
    """
    demand(actor, Right.SEE_CONTENT)
    with at_desk(services, actor, Right.SEE_CONTENT) as tx:
        found = _disc(taken(tx, name, actor))
        view = view_of(tx, found)
        show_content(tx, actor, None, name, LookPlace.INCOMING)
    kept = studies_of(services, found)
    became = {page: part for part in found.parts for page in part.pages}
    studies = [
        StudyView(
            number=number,
            study=one.study,
            became=became[number].became if number in became else None,
            case=became[number].case if number in became else None,
        )
        for number, one in enumerate(kept, 1)
    ]
    return DiscView(incoming=view, notes=kept[0].notes, studies=tuple(studies))


def index_studies(
    services: Services, name: IncomingId, studies: str, case: CaseId, said: IndexedStudies, *, actor: Actor
) -> ActionResult:
    """Make studies of a disc images of this case. Each is processed as whatever an institution sends: collected if a
    permission covers it, or kept sealed until one does; image by image into what an archive gave of the same study.

    `studies`: by their numbers on the disc, as `1-3, 5`, or `all`. Doing the same again changes nothing.

    Raises:
        Unknown: no such disc, case or institution.
        NotAllowed: there are no such studies, they are another patient's or left out already, the case is closed, or
            they name somebody else than its patient and nobody says that they compared both.
        ChangedMeanwhile: the case became another patient's meanwhile; the same again decides anew.
    """
    demand(actor, Right.DECIDE_WHOSE)  # before anything of it is read
    source = services.institutions[said.institution]
    with at_desk(services, actor, Right.DECIDE_WHOSE) as tx:
        found = _disc(found_incoming(tx, name))
        numbers = named_pages(found, studies)
        before = {page for part in found.parts if part.case == case for page in part.pages}
        unless_otherwise(found, IndexedPages(pages=numbers, became=PagesBecame.RECORD, case=case))
        _, _, patient = opened_case(tx, case)
        who = patients.identity(tx, patient)
    if who is None:
        raise unknown(Reason(RefusalCode.PATIENT_IS_PURGED), Remedy(RemedyCode.VERIFY_TRAIL))
    kept = studies_of(services, found)
    chosen = {number: kept[number - 1] for number in numbers if number not in before}
    differing = {n for n, one in chosen.items() if not _names(one.study, source, patient, who)}
    if differing and not said.is_compared:
        reason = Reason(RefusalCode.DISC_NAMES_ANOTHER, studies=in_ranges(tuple(sorted(differing))))
        raise not_allowed(reason, Remedy(RemedyCode.COMPARE_DISC, incoming=name))
    for number, one in chosen.items():
        with vault_objects.writing_for(patient):
            sent = _sent(services, found, one, who.current, said.institution, f"{name}|{number}|{case}")
        new = IndexedPages(pages=(number,), became=PagesBecame.RECORD, case=case)
        fact_of = partial(_fact, name, number, said.institution, number in differing)
        with at_desk(services, actor, Right.DECIDE_WHOSE) as tx:
            stored = store_indexed(tx, sent, name, new, patient, fact_of)
        if stored is None and sent.location is not None:
            services.vault.remove(sent.location.key)
    code = ActionCode.STUDIES_INDEXED if chosen else ActionCode.STUDIES_INDEXED_BEFORE
    return ActionResult(code, studies=in_ranges(numbers), case=case)


def _fact(
    name: IncomingId, study: int, institution: InstitutionId, differs: bool, arrival: ArrivalId
) -> facts.StudyIndexed:
    return facts.StudyIndexed(incoming=name, study=study, arrival=arrival, institution=institution, differs=differs)


def _disc(found: Paper) -> Paper:
    if not found.is_disc:
        raise nothing_such(found.id)
    return found


def _names(study: DiscStudy, source: Institution, patient: PatientId, who: Identity) -> bool:
    """Whether the files of a study name this patient: their number, or name, birth date and sex."""
    said = disc.demographics_of(study.patient, source)
    ours = Candidate(patient=patient, current=who.current, former=who.former)
    match = identify(said, study_identifiers=frozenset(), candidates=[ours], requested=patient)
    return match.verdict is MatchVerdict.OURS or match.match_rule in AGREEING


def _sent(
    services: Services, found: Paper, kept: KeptStudy, who: Demographics, source: InstitutionId, said: str
) -> NewArrival:
    """The study as what its institution sends, its images in the vault."""
    images = disc.images_of(plain_of(services, found, kept))
    place = services.vault.keep(cast("Iterable[bytes]", disc.bundled(who, kept.study, images)))
    return NewArrival(
        institution=source,
        door=Door.DESK,
        kind=ArrivalKind.ANSWER,
        business=f"{said}|{source}",
        control=None,
        content_type=disc.DISC_STUDY,
        payload=None,
        location=place,
        content_sha256=bytes.fromhex(place.sha256),
    )
