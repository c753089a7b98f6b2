"""What a referral says that was done to the patient: each record that it left behind is asked for, once."""

from collections.abc import Iterator

from transfer import facts
from transfer.arrivals import Referral
from transfer.case import Case, OpenedCase
from transfer.completeness import LEAVES_BEHIND
from transfer.flow import needs
from transfer.flow.needs import NewNeed
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import CaseId
from transfer.institutions import Institutions
from transfer.ledger import Tx, holds, notes
from transfer.partial_dates import PartialDate, day_said
from transfer.procedures import ListedProcedure, ProcedureKind
from transfer.records import RecordKind

#: what the note is about that says of a referral what people have to list
ABOUT = "procedures"


def take_procedures(tx: Tx, services: Services, case: CaseId, said: Referral) -> bool:
    """Add what it lists to an open case; whether there is more to ask for. What is unclear is written down, and a
    person is asked.

    The same again, in other words or by another door, is added once; what a person dropped is not added again. The
    caller holds the case's lock, and judges the case afterwards.
    """
    new = new_needs(services.institutions, tx.case(case), said)
    needs.put(tx, services, case, new)
    unclear = unclear_words(services.institutions, said)
    if unclear and unclear != notes.of_referral(tx, case, ABOUT):
        notes.add_to_case(tx, case, OpenedCase.of(tx.case(case)).patient, unclear, about=ABOUT)
        holds.place(tx, case, HoldCode.PROCEDURE_UNCLEAR)
    return bool(new)


def new_needs(institutions: Institutions, case: Case, said: Referral) -> list[NewNeed]:
    """What it lists and the case never needed."""
    known = [one.added for one in case.added.values()]
    new: list[NewNeed] = []
    for need in _needs(institutions, said):
        same = next((one for one in known if _is_same(one, need)), None)
        if same is None and not any(_is_same_day(need, one) for one in new):
            new.append(need)
        elif same is not None and need.day is None:
            known.remove(same)  # of two without a day each is another one
    return new


def unclear_words(institutions: Institutions, said: Referral) -> str | None:
    """What only people can list, a line each."""
    nobodys = (one for one in said.procedures.listed if not _kinds(institutions, one))
    lines = [*said.procedures.unclear, *(f"{one.words}, {one.day or 'no day'}, {one.institution}" for one in nobodys)]
    return "\n".join(("Done to the patient, as the referral lists it:", *lines)) if lines else None


def _needs(institutions: Institutions, said: Referral) -> Iterator[NewNeed]:
    """Those with a day before those without: a day tells one from another."""
    for one in sorted(said.procedures.listed, key=lambda each: each.day is None):
        for kind, procedure in _kinds(institutions, one).items():
            yield NewNeed(kind=kind, institution=one.institution, procedure=procedure, day=one.day, words=one.words)


def _kinds(institutions: Institutions, listed: ListedProcedure) -> dict[RecordKind, ProcedureKind]:
    """The records that it left behind and its institution holds, each once, with what was done."""
    held = {kind for department in institutions[listed.institution].departments for kind in department.holds}
    found: dict[RecordKind, ProcedureKind] = {}
    for procedure in listed.kinds:
        for kind in LEAVES_BEHIND[procedure]:
            if kind in held:
                found.setdefault(kind, procedure)
    return found


def _is_same(known: facts.NeedAdded, need: NewNeed) -> bool:
    """Whether it is asked for already. Without a day on either side, it may be anything that was done there."""
    if (known.document, known.institution) != (need.kind, need.institution):
        return False
    day = day_said(known.day)
    return known.procedure is not None if day is None or need.day is None else _overlap(day, need.day)


def _is_same_day(one: NewNeed, other: NewNeed) -> bool:
    if one.day is None or other.day is None:
        return False
    return (one.kind, one.institution) == (other.kind, other.institution) and _overlap(one.day, other.day)


def _overlap(one: PartialDate, other: PartialDate) -> bool:
    """Whether they may be one day: a month and a day of it are."""
    return one.first <= other.last and other.first <= one.last
