"""Whose is this? What a message says of people, held against the patients we know."""

from collections.abc import Iterable

from transfer.errors import ChangedMeanwhile
from transfer.flow.permitted_request import PermittedRequest
from transfer.identifiers import PatientId
from transfer.ledger import Tx, patients
from transfer.matching import Candidate, Match, MatchVerdict, identify
from transfer.patients import Demographics, IssuedIdentifier


class DecideAgain(ChangedMeanwhile):
    """The basis of a decision changed: a patient became known or was forgotten, a permission came. Decide again."""

    def __init__(self) -> None:
        super().__init__("what was decided by is no longer so")


def match_patient(tx: Tx, said: Demographics, numbers: Iterable[IssuedIdentifier] = ()) -> Match:
    """Whose this is, of all patients we know. `numbers` are those of the document or study itself."""
    return identify(said, study_identifiers=frozenset(numbers), candidates=patients.candidates(tx, said))


def match_requested(asking: PermittedRequest, said: Demographics, numbers: Iterable[IssuedIdentifier] = ()) -> Match:
    """Whether what a source gives is of the patient it was asked about. No other patient is thought of."""
    ours = Candidate(patient=asking.patient, current=asking.who.current, former=asking.who.former)
    return identify(said, study_identifiers=frozenset(numbers), candidates=[ours])


def lookup_terms(tx: Tx, said: Iterable[Demographics]) -> list[bytes]:
    """The terms by which each of these people is found. One's birth date does not go with another's name."""
    return sorted({term for one in said for term in patients.terms(tx, one)})


def unless_known(tx: Tx, said: Iterable[Demographics]) -> None:
    """Nobody of them is a patient of ours, and none becomes one before this transaction ends.

    Lock no patient after this.

    Raises:
        DecideAgain: one became known meanwhile to whom the message may belong.
    """
    people = list(said)
    patients.hold_terms(tx, lookup_terms(tx, people))
    if any(match_patient(tx, one).verdict is not MatchVerdict.NOT_OURS for one in people):
        raise DecideAgain


def unless_forgotten(tx: Tx, patient: PatientId) -> None:
    """Whose it is, is asked before a lock is held. A task that waited behind a purge asks again.

    Raises:
        DecideAgain: the patient was forgotten meanwhile.
    """
    if patients.is_forgotten(tx, patient):
        raise DecideAgain
