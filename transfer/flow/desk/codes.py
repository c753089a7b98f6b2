"""Codes that the desk gives to people outside: a department that was asked, the patient, the referring office."""

import secrets

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.adapters import passwords
from transfer.facts import Chain
from transfer.flow.desk.verbs import at_desk, demand, locked_request, not_allowed, opened_case, still_open
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import letter_codes, letter_pins, opened_letters
from transfer.ledger.letter_codes import LiveCode
from transfer.letter_codes import PIN_DIGITS, CodeHolder
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right


def give_reply_code(services: Services, name: str, *, actor: Actor) -> ActionResult:
    """The code by which a department answers this request on a page, to be read out or written down. Asked for again,
    it is the same while at least half of its time is left.

    Raises:
        Unknown: no such request.
        NotAllowed: nothing is awaited of it any more, or its case is closed.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        request = locked_request(tx, name)
        if not request.state.is_open:
            raise not_allowed(
                Reason(RefusalCode.NOTHING_AWAITED, request=name, state=request.state),
                Remedy(RemedyCode.SHOW_CASE, case=request.case),
            )
        given = letter_codes.reply_code(tx, request)
    return _given(given, CodeHolder.SOURCE)


def give_own_code(services: Services, case: CaseId, holder: CodeHolder, *, actor: Actor) -> ActionResult:
    """The code by which the patient or the referring office sees how a case stands; the same again, as above.

    Raises:
        Unknown: there is no such case.
        NotAllowed: it is closed or not understood yet, or a source's code is for a request.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        found, _, _ = opened_case(tx, case)
        still_open(found)
        if holder is CodeHolder.SOURCE:
            raise not_allowed(Reason(RefusalCode.CODE_OF_REQUEST, case=case), Remedy(RemedyCode.SHOW_CASE, case=case))
        given = letter_codes.own_code(tx, case, holder)
    return _given(given, holder)


def give_own_pin(services: Services, case: CaseId, holder: CodeHolder, *, actor: Actor) -> ActionResult:
    """The PIN that the patient or the referring office is told by telephone, once it is sure who they are. With it they
    send and sign at their page; a stop needs none. Each call draws another, and the one before works no more.

    Raises:
        Unknown: there is no such case.
        NotAllowed: it is closed or not understood yet, or a source has none.
    """
    demand(actor, Right.WORK_ON_CASES)
    pin = "".join(str(secrets.randbelow(10)) for _ in range(PIN_DIGITS))
    kept = passwords.hashed(pin)
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        found, _, _ = opened_case(tx, case)
        still_open(found)
        if holder is CodeHolder.SOURCE:
            raise not_allowed(Reason(RefusalCode.CODE_OF_REQUEST, case=case), Remedy(RemedyCode.SHOW_CASE, case=case))
        until = letter_pins.give(tx, case, holder, kept)
    return ActionResult(ActionCode.OWN_PIN_GIVEN, pin=pin, holder=holder, until=until.date().isoformat())


def end_codes(services: Services, case: CaseId, holder: CodeHolder, *, actor: Actor) -> ActionResult:
    """No code or PIN that this holder was given for the case works from now on: a letter went astray. Whoever signed in
    by one sees nothing more of it. Twice is once.

    Raises:
        Unknown: there is no such case.
    """
    with at_desk(services, actor, Right.STOP) as tx:
        opened_case(tx, case)
        count = letter_codes.end_all(tx, case, holder)
        letter_pins.end(tx, case, holder)
        opened_letters.end(tx, case, holder)
        if count:
            tx.append(Chain.case(case), facts.LetterCodesEnded(holder=holder, count=count))
    return ActionResult(ActionCode.CODES_ENDED, holder=holder, count=count)


def _given(given: LiveCode, holder: CodeHolder) -> ActionResult:
    until = given.ends_at.date().isoformat()
    return ActionResult(ActionCode.CODE_GIVEN, code=given.code, holder=holder, until=until)
