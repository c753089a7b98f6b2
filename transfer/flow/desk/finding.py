"""Finding a case by who it is about, as somebody on the telephone says it. Every search is written down."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from transfer import facts
from transfer.flow.desk.looking import show_identity
from transfer.flow.desk.verbs import at_desk, demand, not_allowed
from transfer.flow.searchable import make_searchable
from transfer.flow.services import Services
from transfer.flow.telling import tell_what_changed
from transfer.flow.waiting import in_words, labels_of, name_of
from transfer.identifiers import CaseId, PacketId, PatientId, RequestId
from transfer.ledger import Tx, case_lists, cases, looks, materials, patients, requests, search_terms
from transfer.ledger.case_lists import Chosen, ListedCase
from transfer.ledger.patients import Identity
from transfer.looks import LookPlace
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.requests import Owner
from transfer.rights import Actor, Right
from transfer.searching import Sought, sought
from transfer.sentences.telephone import read_out

#: cases that are shown
MOST: Final = 10
#: patients who are compared with what was looked for
_COMPARED: Final = 200
#: cases whose patients are made out at once; as soon as more are wholly meant than are shown, no other is
_OPENED: Final = 20
#: patients whose terms a search writes before it looks; housekeeping does the rest
_WRITTEN_FIRST: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCase:
    """A case that may be meant. Times are UTC. Only the year of birth is shown, to tell two of one name apart."""

    case: CaseId
    patient: str | None
    born_in: int | None
    referring: str | None
    receiver: str | None
    is_open: bool
    owner: Owner | None
    why: str
    #: what may be read out to a caller who has said name and birth date
    read_out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCases:
    """At most ten cases, those nearest to what was looked for first. `is_more`: there are others."""

    cases: tuple[FoundCase, ...]
    is_more: bool


def find_cases(
    services: Services, *, actor: Actor, name: str = "", born: str = "", number: str = "", identity: bool = False
) -> FoundCases:
    """Cases of whoever may be meant, known so now or formerly. All that is given must fit. `identity`: they are named.

    `name`: words of it, each whole, its beginning, or as it sounds. `born`: a date in any order. `number`: a medical
    record number, an accession, a source's number of our request, or a case, packet or request of ours.

    Raises:
        NotAllowed: nothing is given by which anybody could be found, or the date can be none.
    """
    demand(actor, Right.SEE_IDENTITY)
    try:
        wanted = sought(name, born, number)
    except ValueError:
        raise not_allowed(Reason(RefusalCode.NOTHING_SOUGHT), Remedy(RemedyCode.SAY_WHO)) from None
    make_searchable(services, at_most=_WRITTEN_FIRST)
    tell_what_changed(services)
    with at_desk(services, actor, Right.SEE_IDENTITY) as tx:
        near, known = _nearest(tx, wanted, number)
        listed = {one.id: one for one in case_lists.listed(tx, Chosen(closed=True, among=near[:MOST]), limit=MOST)}
        counts = materials.counted(tx, list(listed))
        # Last, for others who look wait from then on. Who must say why first is shown no name.
        looks.write(tx, facts.PatientsSought(by=wanted.kinds, shown=tuple(key for key in near[:MOST] if key in listed)))
        named = show_identity(tx, actor, [one.id for one in listed.values() if one.patient], LookPlace.FIND)
        found = tuple(
            _found(services, one, known if key in named else {}, counts.get(key, ()))
            for key in near[:MOST]
            if (one := listed.get(key))
        )
        if not identity:
            found = tuple(replace(one, patient=None) for one in found)
    return FoundCases(cases=found, is_more=len(near) > MOST)


def _nearest(tx: Tx, wanted: Sought, number: str) -> tuple[list[CaseId], Mapping[PatientId, Identity]]:
    """The cases meant, the nearest first, and who their patients are."""
    if (ours := _ours(tx, number)) and not (wanted.words or wanted.birth_dates):
        patient = tx.case(ours).opened
        return [ours], patients.identities(tx, [PatientId(patient.patient)] if patient else [])
    named = cases.of_patients(tx, search_terms.found(tx, wanted.groups, _COMPARED))
    near: list[tuple[int, CaseId]] = []
    known: dict[PatientId, Identity] = {}
    for first in range(0, len(named), _OPENED):
        some = named[first : first + _OPENED]
        known |= patients.identities(tx, {patient for _, patient in some if patient not in known})
        for case, whose in some:
            who = known.get(whose)
            # What was found by its beginning alone and goes on otherwise is not meant.
            if who and (rank := wanted.rank((who.current, *who.former))) is not None:
                near.append((rank, case))
        if sum(rank == 0 for rank, _ in near) > MOST:
            break  # nobody who follows is nearer
    return [case for _, case in sorted(near, key=lambda one: one[0])], known


def _ours(tx: Tx, number: str) -> CaseId | None:
    """The case that a number of ours names."""
    written = re.sub(r"\s", "", number).lower()
    for kind in (CaseId, PacketId, RequestId):
        try:
            name = kind(written)
        except ValueError:
            continue
        if isinstance(name, PacketId):
            return name.case
        if isinstance(name, RequestId):
            request = requests.get(tx, name)
            return request.case if request else None
        return name
    return None


def _found(
    services: Services,
    one: ListedCase,
    known: Mapping[PatientId, Identity],
    pieces: Iterable[tuple[str, int, int]],
) -> FoundCase:
    who = known[one.patient].current if one.patient in known and one.patient else None
    born: date | None = who.birth_date if who else None
    lacking = labels_of(services.checklists, one.checklist, one.wait.lacking)
    return FoundCase(
        case=one.id,
        patient=str(who.names[0]) if who and who.names else None,
        born_in=born.year if born else None,
        referring=name_of(services.institutions, one.referring) if one.referring else None,
        receiver=name_of(services.institutions, one.receiver) if one.receiver else None,
        is_open=one.is_open,
        owner=one.wait.owner,
        why=in_words(one.wait.why, services.institutions),
        read_out=read_out(lacking, pieces, is_open=one.is_open, is_delivered=one.is_open and one.wait.owner is None),
    )
