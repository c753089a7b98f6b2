"""What the patient, or the office that referred them, sees of a case, and what they do about it.

Never results, kinds of illness, or another institution's words: whatever is withheld, the same is shown. After a death
nothing is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from transfer.adapters import passwords
from transfer.arrivals import ArrivalKind
from transfer.case import Case, OpenedCase, Stage
from transfer.completeness import WaitCode
from transfer.errors import Unknown
from transfer.flow import stopping
from transfer.flow.assess import look
from transfer.flow.outside.letters import LOOK_WITHIN, is_said_to_have_died
from transfer.flow.outside.sending import StoreSent, send, send_file
from transfer.flow.outside.sessions import by_outsider
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import ArrivalId, CaseId, PatientId, PermissionId
from transfer.ledger import Tx, holds, letter_pins, opened_letters, patients, permissions
from transfer.ledger.arrivals import Stored
from transfer.ledger.opened_letters import OpenedLetter
from transfer.letter_codes import CodeHolder
from transfer.outside_sessions import OutsideSession
from transfer.permissions import End

#: waits of which something is the patient's or the office's to do
_FOR_THEM: Final = frozenset({WaitCode.RELEASE_FORM, WaitCode.BETTER_AUTHORIZATION, WaitCode.OTHER_IDENTIFIER})
#: seconds within which every stream is cut while the senders answer; the page says no other thing where one does not
_CUT_WITHIN: Final = 5.0
#: lines of a page that say what is awaited
_MOST: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """A packet that was handed over: to whom, and when (UTC)."""

    receiver: str
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCase:
    """A case as its patient or the referring office sees it. `waits` are codes of `transfer.sentences.SENTENCES`."""

    holder: CodeHolder
    #: the PIN was typed in this sign-in: they may send and sign
    is_proven: bool
    receiver: str
    stage: Stage
    #: how the release was ended by somebody's word; None: it was not
    end: End | None
    waits: tuple[str, ...]
    #: what is theirs to do
    for_them: tuple[str, ...]
    sent: tuple[HandedOver, ...]
    zone: ZoneInfo


def get_own_case(services: Services, session: OutsideSession) -> OwnCase:
    """The case whose code was shown.

    Raises:
        Unknown: there is nothing to be seen of it any more.
    """
    with by_outsider(services, session.account) as tx:
        letter, case, opened = _theirs(tx, session)
        waits = () if case.closed else _waits(tx, services, case.id)
        return OwnCase(
            holder=letter.holder,
            is_proven=letter.is_proven,
            receiver=services.institutions[opened.receiver].name,
            stage=case.stage,
            end=_ended(tx, opened.patient),
            waits=tuple(one for one in waits if one not in _FOR_THEM)[:_MOST],
            for_them=tuple(one for one in waits if one in _FOR_THEM),
            sent=_sent(services, case),
            zone=services.institutions[opened.referring].zone,
        )


def show_pin(services: Services, session: OutsideSession, pin: str) -> bool:
    """Type the PIN that was told by telephone: from now on they may send and sign in this sign-in. False: it is wrong,
    or none works. After some wrong ones none works, and a person here is asked to look.

    Raises:
        Unknown: as `get_own_case`.
    """
    with by_outsider(services, session.account) as tx:
        letter, case, _ = _theirs(tx, session)
        tx.lock_case(case.id)
        known = letter_pins.kept(tx, case.id, letter.holder)
        if known is not None and passwords.is_password(pin, known):
            letter_pins.shown(tx, session.account, case.id, letter.holder)
            return True
        is_over = known is not None and letter_pins.count_wrong(tx, case.id, letter.holder)
        if is_over and case.is_open:
            holds.place(tx, case.id, HoldCode.LETTER_CODE_TRIED, letter.holder, due=LOOK_WITHIN)
        return False


def stop(services: Services, session: OutsideSession) -> None:
    """Stop every release at once, because the patient says so. Somebody here asks what is to follow. Twice is once.

    Raises:
        Unknown: as `get_own_case`, or it is not the patient.
        Unavailable: the ledger does not answer; nothing was stopped.
    """
    with by_outsider(services, session.account) as tx:
        _, case, opened = patients_own(tx, session)
        stopped = _end(tx, case, opened, End.PAUSED)
    _await_cut(services, opened.patient, stopped)


def take_back(services: Services, store: StoreSent, session: OutsideSession, signed: str, words: str, key: str) -> None:
    """Take every form back in writing (45 CFR 164.508(b)(5)). What was written is kept, and it stops in the transaction
    that keeps it. Somebody confirms what is destroyed. The same `key` again is the same writing, until another form is
    filed; what goes on by then stops again.

    Raises:
        Unknown, Unavailable: as `stop`, or the PIN was not typed.
    """
    with by_outsider(services, session.account) as tx:
        letter, case, opened = patients_own(tx, session)
        _demand_proven(letter)
        # A page that a browser brought back takes back what was signed since, too.
        forms = sum(not stopping.permits_nothing(one.permission.form) for one in permissions.filed(tx, opened.patient))
    stopped: list[PermissionId] = []

    def on_stored(tx: Tx, _: Stored) -> None:
        stopped.extend(_end(tx, case, opened, End.REVOKED))

    body = f"{words}\n\n{signed}\n".encode()
    name = f"{session.account}|taken-back|{key}|{forms}"
    send(
        services,
        store,
        session.institution,
        ArrivalKind.NOTICE,
        body,
        "text/plain",
        key=name,
        case=case.id,
        on_stored=on_stored,
    )
    if not stopped:  # it was stored before; what went on since stops as well
        with by_outsider(services, session.account) as tx:
            stopped.extend(_end(tx, case, opened, End.REVOKED))
    _await_cut(services, opened.patient, stopped)


def send_own(
    services: Services, store: StoreSent, session: OutsideSession, body: bytes, content_type: str, key: str
) -> ArrivalId:
    """Send a file about the case: a signed form, letters. Our reference for it. The same again is once.

    Raises:
        Unknown, Unavailable: as `get_own_case`, the PIN was not typed, or nothing was stored.
    """
    with by_outsider(services, session.account) as tx:
        letter, case, _ = _theirs(tx, session)
        _demand_proven(letter)
    return send_file(services, store, session.institution, case.id, body, content_type, f"{session.account}|{key}")


def _demand_proven(letter: OpenedLetter) -> None:
    if not letter.is_proven:
        raise Unknown("there is no such page")


def _theirs(tx: Tx, session: OutsideSession) -> tuple[OpenedLetter, Case, OpenedCase]:
    for letter in opened_letters.of_account(tx, session.account):
        case = tx.case(letter.case)
        if case.opened is None:
            continue
        opened = OpenedCase.of(case)
        if patients.identity(tx, opened.patient) is not None and not is_said_to_have_died(tx, opened.patient):
            return letter, case, opened
    raise Unknown("there is no such page")


def patients_own(tx: Tx, session: OutsideSession) -> tuple[OpenedLetter, Case, OpenedCase]:
    """What the patient opened. Raises `Unknown` where it is somebody else, or there is nothing to be seen of it."""
    letter, case, opened = _theirs(tx, session)
    if letter.holder is not CodeHolder.PATIENT:
        raise Unknown("there is no such page")
    return letter, case, opened


def _end(tx: Tx, case: Case, opened: OpenedCase, how: End) -> Sequence[PermissionId]:
    """As somebody at the desk stops everything. A stop is asked about: the patient takes a form back, or it goes on."""
    patients.hold_epoch_exclusive(tx, opened.patient)
    referral = ArrivalId(case.opened.referral if case.opened else "")
    stopped = stopping.stop_everything(tx, opened.patient, how, referral).permissions
    if how is End.PAUSED:
        tx.lock_case(case.id)
        for one in stopped:
            if not holds.is_asked_about(tx, HoldCode.FORM_STOPPED, one):
                holds.place(tx, case.id, HoldCode.FORM_STOPPED, one, due=stopping.DECIDE_WITHIN)
    return stopped


def _await_cut(services: Services, patient: PatientId, stopped: Sequence[PermissionId]) -> None:
    for one in stopped:
        stopping.await_stop_complete(services.ledger, patient, one, seconds=_CUT_WITHIN)


def _waits(tx: Tx, services: Services, case: CaseId) -> tuple[WaitCode, ...]:
    return tuple(dict.fromkeys(one.code for one in look(tx, services, case).completeness.waits))


def _ended(tx: Tx, patient: PatientId) -> End | None:
    """How everything was ended by the patient's word, or the desk's for them. An institution's own stop is not told."""
    filed = [one.permission for one in permissions.filed(tx, patient)]
    forms = {one.ended for one in filed if not stopping.permits_nothing(one.form)}
    stops = [one for one in filed if stopping.permits_nothing(one.form) and not one.form.disclosers]
    if forms and End.REVOKED in forms and not forms & {None, End.PAUSED}:
        return End.REVOKED
    is_stopped = any(one.ended is End.PAUSED for one in stops)
    return End.PAUSED if is_stopped or (End.PAUSED in forms and None not in forms) else None


def _sent(services: Services, case: Case) -> tuple[HandedOver, ...]:
    return tuple(
        HandedOver(receiver=services.institutions[one.begun.recipient].name, sent_at=one.begun_at)
        for one in case.packets.values()
        if one.begun and one.begun_at and one.may_have_left
    )
