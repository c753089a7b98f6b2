"""What all verbs of the desk share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from transfer.case import Case
from transfer.errors import NotAllowed, Unknown
from transfer.facts import CaseOpened
from transfer.flow.edges import Edges
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx
from transfer.sealing import KeyGone


@dataclass(frozen=True, slots=True, kw_only=True)
class Did:
    """What a verb did, in a sentence without anything of the patient."""

    sentence: str
    #: False: it had been done before, and nothing was written
    changed: bool = True
    #: it takes effect when another person says the same
    needs_another: bool = False


@contextmanager
def at_desk(edges: Edges, person: str) -> Iterator[Tx]:
    """A transaction whose facts carry the person's name.

    Raises:
        Unknown: the patient's key was destroyed; nothing of theirs can be read or written any more.
    """
    try:
        with edges.ledger.transaction(replace(edges.ledger.origin, person=person)) as tx:
            yield tx
    except KeyGone:
        raise unknown("the patient is purged", "Only the trail is left: transfer trail verify.") from None


def not_allowed(what: str, remedy: str) -> NotAllowed:
    """A refusal that says what to do instead."""
    error = NotAllowed(what)
    error.remedy = remedy
    return error


def unknown(what: str, remedy: str) -> Unknown:
    error = Unknown(what)
    error.remedy = remedy
    return error


def known_case(tx: Tx, case: CaseId) -> Case:
    """The case, which may not be opened yet.

    Raises:
        Unknown: there is none.
    """
    found = tx.case(case)
    if found.opened_at is None and not tx.row("SELECT 1 FROM arrivals WHERE subject = %s LIMIT 1", case):
        raise unknown(f"no case {case}", "See the open ones: transfer case list.")
    return found


def opened_case(tx: Tx, case: CaseId) -> tuple[Case, CaseOpened, PatientId]:
    """A case with its patient, locked so that nobody else changes it meanwhile.

    Raises:
        Unknown: there is none.
        NotAllowed: its referral has not been understood yet, so nobody is known whom it is about.
    """
    tx.lock_case(case)
    found = known_case(tx, case)
    if found.opened is None:
        raise not_allowed(f"case {case} is not opened yet", f"Settle its referral first: transfer case show {case}.")
    return found, found.opened, PatientId(found.opened.patient)


def still_open(found: Case) -> None:
    """Raise `NotAllowed` where the case is closed."""
    if found.closed:
        raise not_allowed(
            f"case {found.id} is closed ({found.closed.ending})", "A new referral opens a new case: transfer open."
        )
