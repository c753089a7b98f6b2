"""Whoever shows the code of a letter and the patient's birth date is let in, to what the letter is about.

A wrong code, a code whose time is over, another's birth date: all of it looks the same. After some tries at one code a
person here is asked to look.
"""

import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from transfer.case import OpenedCase
from transfer.errors import NotAllowed
from transfer.flow.outside.sessions import begin, by_outsider, count_try
from transfer.flow.services import Services, WithLedger
from transfer.holds import HoldCode
from transfer.identifiers import CaseId, InstitutionId, PatientId, RequestId
from transfer.ledger import Tx, cases, holds, letter_codes, opened_letters, outside_sessions, patients, requests
from transfer.letter_codes import CodeHolder, LetterCode, read
from transfer.outside_sessions import MOST_TRIES, Outsider, OutsideSession, TriedBy

#: as what the holder of a code signs in
OUTSIDERS: Final = {
    CodeHolder.SOURCE: Outsider.SOURCE,
    CodeHolder.PATIENT: Outsider.OWN,
    CodeHolder.REFERRING_OFFICE: Outsider.OWN,
}
#: somebody here looks within, whether a code fell into wrong hands
LOOK_WITHIN: Final = timedelta(hours=24)


def open_letter(services: Services, network: str, typed: str, born: date, kind: Outsider) -> str | None:
    """A session of whoever shows this code and birth date; None: they do not go together. `network` is the address
    they come from. That a letter was opened is a fact.

    Raises:
        NotAllowed: too many tries; this one was not looked at.
        Unavailable: ledger or keys do not answer.
    """
    account = f"letter-{secrets.token_hex(8)}"
    shown = _shown(services, network, typed, born, kind, account)
    return begin(services, kind, account, shown.institution) if shown else None


def open_another(services: Services, network: str, typed: str, born: date, session: OutsideSession) -> RequestId | None:
    """Open one more letter in a session of a source that stands. What the letter asks for; None: code and birth date do
    not go together, or it is another institution's.

    Raises:
        NotAllowed, Unavailable: as `open_letter`.
    """
    shown = _shown(services, network, typed, born, session.kind, session.account, only=session.institution)
    return shown.letter.request if shown else None


@dataclass(frozen=True, slots=True)
class _Shown:
    """A letter whose code and birth date were shown, and for whom it is."""

    letter: LetterCode
    institution: InstitutionId


def _shown(
    services: Services,
    network: str,
    typed: str,
    born: date,
    kind: Outsider,
    account: str,
    *,
    only: InstitutionId | None = None,
) -> _Shown | None:
    """The letter, once it is opened in this sign-in."""
    code = read(typed)
    _count(services, network, code or typed[:40])
    if code is None:
        return None
    with by_outsider(services, account) as tx:
        letter = letter_codes.find(tx, code)
        institution = _for_whom(tx, letter, born, kind) if letter else None
        if letter is None or institution is None or institution != (only or institution):
            return None
        tx.lock_case(letter.case)
        if letter_codes.find(tx, code) is None:  # it was ended while it was looked at
            return None
        opened_letters.open_letter(tx, account, letter)
        outside_sessions.forget_tries(tx, TriedBy.CODE, code)
        if opened_letters.sign_ins_lately(tx, letter) <= MOST_TRIES[TriedBy.CODE]:
            outside_sessions.forget_one_try(tx, TriedBy.ADDRESS, network)
        return _Shown(letter, institution)


def _count(services: Services, network: str, code: str) -> None:
    count_try(services, TriedBy.ADDRESS, network)
    try:
        count_try(services, TriedBy.CODE, code)
    except NotAllowed:
        _tell(services, code)
        raise


def _tell(services: WithLedger, code: str) -> None:
    """Ask a person to look: somebody has a code of ours, and not the birth date. Once while it is open."""
    with services.ledger.transaction() as tx:
        letter = letter_codes.find(tx, code)
        if letter is None:
            return
        tx.lock_case(letter.case)
        if tx.case(letter.case).is_open:
            about = letter.request or letter.holder
            holds.place(tx, letter.case, HoldCode.LETTER_CODE_TRIED, about, due=LOOK_WITHIN)


def _for_whom(tx: Tx, letter: LetterCode, born: date, kind: Outsider) -> InstitutionId | None:
    """None: the code opens nothing for this kind, with this birth date. After a death nothing is shown to patient and
    office.
    """
    found = tx.case(letter.case)
    if OUTSIDERS[letter.holder] is not kind or found.opened is None:
        return None
    opened = OpenedCase.of(found)
    who = patients.identity(tx, opened.patient)
    if who is None or who.current.birth_date != born:
        return None
    if kind is Outsider.OWN:
        return None if is_said_to_have_died(tx, opened.patient) else opened.referring
    request = requests.get(tx, letter.request or "")
    return request.institution if request else None


def is_said_to_have_died(tx: Tx, patient: PatientId) -> bool:
    """Whether a case of the patient ended so, or a message says so and nobody has answered that it is not."""
    return any(_has_ended_so(tx, case) for case in cases.of_patient(tx, patient))


def _has_ended_so(tx: Tx, case: CaseId) -> bool:
    closed = tx.case(case).closed
    ended = closed is not None and closed.ending == "died"
    return ended or holds.is_asked(tx, case, HoldCode.PATIENT_DIED)
