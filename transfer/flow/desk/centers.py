"""Who of a receiving center signs in at our pages: staff invite them, tell them a PIN by telephone, and end it."""

import secrets
from typing import Final

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.adapters import passwords
from transfer.center_accounts import LONGEST_MAIL, PIN_DIGITS, CenterAccount, mail_of
from transfer.flow.desk.looking import show_content
from transfer.flow.desk.verbs import at_desk, demand, not_allowed, unknown
from transfer.flow.services import Services, WithLedger
from transfer.holds import HoldCode
from transfer.identifiers import CaseId, HoldId
from transfer.ledger import Tx, center_accounts, holds, looks, notes, outside_sessions
from transfer.looks import LookPlace
from transfer.mail import Mail
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right
from transfer.sessions import Person

_SUBJECT: Final = "You are invited to the records desk"


def list_center_accounts(services: WithLedger, *, actor: Actor) -> tuple[CenterAccount, ...]:
    """Everybody who was invited, those who sign in no more last."""
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        return tuple(center_accounts.every(tx))


def invite_to_center(services: Services, center: str, mail: str, *, actor: Actor) -> ActionResult:
    """Invite somebody of a receiving center by mail. The result holds the PIN, which is shown once and told to them by
    telephone. Invited before, they are sent the mail again and keep their PIN.

    Raises:
        Unknown: no such institution.
        NotAllowed: it receives nothing, the address is none, or somebody of another center has it.
        Unavailable: the mail could not be sent; they are invited all the same.
    """
    demand(actor, Right.RELEASE)
    institution, address = services.institutions[center], mail_of(mail)
    if institution.receives is None:
        raise not_allowed(Reason(RefusalCode.RECEIVES_NOTHING, institution=center), Remedy(RemedyCode.CORRECT_FILE))
    if address is None:
        raise not_allowed(Reason(RefusalCode.NO_MAIL_ADDRESS, longest=LONGEST_MAIL), Remedy(RemedyCode.TYPE_MAIL))
    pin = "".join(str(secrets.randbelow(10)) for _ in range(PIN_DIGITS))
    account, kept = Person(issuer="invited", subject=secrets.token_hex(16), name="-").account, passwords.hashed(pin)
    with at_desk(services, actor, Right.RELEASE) as tx:
        there = center_accounts.of_mail(tx, address)
        if there and there.institution != center:
            raise not_allowed(Reason(RefusalCode.MAIL_OF_ANOTHER), Remedy(RemedyCode.END_CENTER_ACCOUNT))
        if there is None:
            center_accounts.invite(tx, account, center, address, kept)
            _write(tx, account, center, is_usable=True)
    text = (
        f"Your center is sent patients' records by our desk. They stand ready at {services.public_url}/c/\n\n"
        "Sign in there by this mail address. The desk tells you a PIN by telephone.\n"
    )
    services.mailer.send(Mail(to=address, subject=_SUBJECT, text=text))
    if there:
        return ActionResult(ActionCode.CENTER_INVITED_BEFORE)
    return ActionResult(ActionCode.CENTER_INVITED, pin=pin)


def renew_center_pin(services: WithLedger, mail: str, *, actor: Actor) -> ActionResult:
    """Give somebody of a center another PIN: it is in the result, and the former one works no more. Each call draws
    another.

    Raises:
        Unknown: nobody of this address signs in.
    """
    demand(actor, Right.RELEASE)
    pin = "".join(str(secrets.randbelow(10)) for _ in range(PIN_DIGITS))
    kept = passwords.hashed(pin)
    with at_desk(services, actor, Right.RELEASE) as tx:
        there = _of(tx, mail)
        center_accounts.set_pin(tx, there.account, kept)
        outside_sessions.end_of(tx, there.account)
        _write(tx, there.account, there.institution, is_usable=True)
    return ActionResult(ActionCode.CENTER_PIN_RENEWED, pin=pin)


def end_center_account(services: WithLedger, mail: str, *, actor: Actor) -> ActionResult:
    """Nobody signs in by this address any more; who has signed in is signed out. The second time says so.

    Raises:
        Unknown: nobody of this address ever did.
    """
    with at_desk(services, actor, Right.STOP) as tx:
        if center_accounts.has_ended(tx, mail_of(mail) or ""):
            return ActionResult(ActionCode.CENTER_ACCOUNT_ENDED_BEFORE)
        there = _of(tx, mail)
        center_accounts.end(tx, there.account)
        outside_sessions.end_of(tx, there.account)
        _write(tx, there.account, there.institution, is_usable=False)
    return ActionResult(ActionCode.CENTER_ACCOUNT_ENDED)


def _of(tx: Tx, mail: str) -> CenterAccount:
    address = mail_of(mail)
    there = center_accounts.of_mail(tx, address) if address else None
    if there is None:
        raise unknown(Reason(RefusalCode.NO_CENTER_ACCOUNT), Remedy(RemedyCode.LIST_CENTER_ACCOUNTS))
    return there


def _write(tx: Tx, account: str, center: str, *, is_usable: bool) -> None:
    looks.write(tx, facts.CenterAccountSet(center_account=account, institution=center, is_usable=is_usable))


def read_center_question(services: WithLedger, name: HoldId, *, actor: Actor) -> str | None:
    """What somebody of a center asks, in their words; None: it is no such question, or it was destroyed. That it was
    read is a fact.

    Raises:
        NotAllowed: the actor may see no content.
    """
    demand(actor, Right.SEE_CONTENT)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        hold = holds.get(tx, name)
        if hold is None or hold.code is not HoldCode.CENTER_ASKS or hold.about is None:
            return None
        text = notes.read(tx, hold.about)
        if text is not None:
            show_content(tx, actor, CaseId(hold.subject), hold.about, LookPlace.DECISION)
        return text
