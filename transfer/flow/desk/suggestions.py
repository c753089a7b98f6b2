"""What pages in Incoming may be, by the words that were read on them: shown to whoever indexes them, and never done."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from transfer.flow.desk.incoming import found_paper, taken
from transfer.flow.desk.looking import show_identity
from transfer.flow.desk.verbs import at_desk, demand
from transfer.flow.page_texts import texts_of
from transfer.flow.searchable import make_searchable
from transfer.flow.services import Services
from transfer.identifiers import CaseId, IncomingId, PatientId
from transfer.ledger import Tx, cases, patients, search_terms
from transfer.looks import LookPlace
from transfer.page_suggestions import (
    SuggestedDay,
    SuggestedKind,
    birth_dates,
    day_of,
    kind_of,
    lines_in,
    names_patient,
)
from transfer.rights import Actor, Right

#: pages of one paper that are compared at once; the others are, once these are indexed
_PAGES: Final = 60
#: patients born on one of the days that stand on the pages
_COMPARED: Final = 500
#: patients whose terms are written before they are looked for; housekeeping does the rest
_WRITTEN_FIRST: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedCase:
    """An open case whose patient a page names, with their birth date. `words` of the page do."""

    case: CaseId
    patient: str
    born: date | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSuggestion:
    """What one page may be. Each part rests on words of the page; what nothing is suggested of is empty."""

    page: int
    cases: tuple[SuggestedCase, ...]
    kind: SuggestedKind | None
    day: SuggestedDay | None


def suggest(
    services: Services, name: IncomingId, *, actor: Actor, only_first: bool = False
) -> tuple[PageSuggestion, ...]:
    """What the pages that nobody has indexed may be, for whoever has the paper, by page. A page of which nothing can be
    said is left out, and so is a patient of whom the actor must say first why they look. `only_first`: of the first
    page that is left alone.

    That names are shown is a fact. Each suggestion is for a person to judge; nothing is changed.

    Raises:
        Unknown: there is no such paper, or it is destroyed.
        NotAllowed: somebody else has it, or nobody.
    """
    demand(actor, Right.SEE_CONTENT)
    make_searchable(services, at_most=_WRITTEN_FIRST)
    with at_desk(services, actor, Right.SEE_CONTENT) as tx:
        found_paper(tx, name)
        left = taken(tx, name, actor).left[: 1 if only_first else _PAGES]
        read = {page: lines_in(text) for page, text in texts_of(tx, name, left).items()}
        meant = _cases(tx, actor, read) if read and actor.may(Right.SEE_IDENTITY) else {}
        today = tx.now().astimezone(services.zone).date()
    said = [
        PageSuggestion(page=page, cases=meant.get(page, ()), kind=kind_of(lines), day=day_of(lines, today))
        for page, lines in read.items()
    ]
    return tuple(one for one in said if one.cases or one.kind or one.day)


def _cases(tx: Tx, actor: Actor, read: Mapping[int, tuple[str, ...]]) -> Mapping[int, tuple[SuggestedCase, ...]]:
    """The open cases of the patients whom each page names."""
    days = {page: birth_dates(lines) for page, lines in read.items()}
    born = frozenset(f"born|{day}" for found in days.values() for day in found)
    known = patients.identities(tx, search_terms.found(tx, [born], _COMPARED)) if born else {}
    named: dict[int, dict[PatientId, str]] = {}
    for page, lines in read.items():
        for patient, who in known.items():
            called = (who.current, *who.former)
            if any(one.birth_date in days[page] for one in called) and (words := names_patient(lines, called)):
                named.setdefault(page, {})[patient] = words
    among = _open(tx, {patient for found in named.values() for patient in found})
    # Last, for others who look wait from then on. Who must say why first is shown no name.
    seen = show_identity(tx, actor, [case for case, _ in among], LookPlace.INCOMING)
    found: dict[int, tuple[SuggestedCase, ...]] = {}
    for page, words_of in named.items():
        found[page] = tuple(
            SuggestedCase(
                case=case,
                patient=str(known[patient].current.names[0]) if known[patient].current.names else case,
                born=known[patient].current.birth_date,
                words=words_of[patient],
            )
            for case, patient in among
            if patient in words_of and case in seen
        )
    return found


def _open(tx: Tx, named: Collection[PatientId]) -> list[tuple[CaseId, PatientId]]:
    return [(case, who) for case, who in cases.of_patients(tx, sorted(named)) if tx.case(case).is_open] if named else []
