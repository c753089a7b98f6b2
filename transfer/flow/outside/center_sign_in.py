"""How somebody of a receiving center signs in: by a code that goes to the mail address that staff invited, and a PIN
that staff told them by telephone; or by the center's own identity provider. To who guesses, an address that was invited
and one that was not look the same.
"""

import secrets
from typing import Final

from transfer.adapters import passwords
from transfer.center_accounts import CODE_LENGTH, CODE_LETTERS, CODE_WORKS_FOR, CenterAccount, code_of, mail_of
from transfer.flow.outside.sessions import begin, count_try
from transfer.flow.services import Services
from transfer.identifiers import InstitutionId
from transfer.ledger import center_accounts, outside_sessions
from transfer.mail import Mail
from transfer.outside_sessions import Outsider, TriedBy
from transfer.sessions import Person

_SUBJECT: Final = "Your code for the records desk"


def send_code(services: Services, address: str, typed: str) -> None:
    """Send a code to the mail address that was typed, if somebody of it was invited. The code before it works no more.

    `address`: the network address that it was typed at.

    Raises:
        NotAllowed: too many tries.
        Unavailable: the mail could not be sent; no code works.
    """
    mail = mail_of(typed)
    count_try(services, TriedBy.ADDRESS, address)
    count_try(services, TriedBy.ACCOUNT, mail or typed[:254])
    if mail is None:
        return
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    with services.ledger.transaction() as tx:
        account = center_accounts.of_mail(tx, mail)
        if account is None:
            return
        center_accounts.set_code(tx, account.account, code, CODE_WORKS_FOR)
    minutes = round(CODE_WORKS_FOR.total_seconds() / 60)
    text = (
        f"Your code is {code[:4]}-{code[4:]}. It works for {minutes} minutes, once, together with your PIN.\n\n"
        "If you did not ask for it, you need not do anything.\n"
    )
    services.mailer.send(Mail(to=mail, subject=_SUBJECT, text=text))


def sign_in(services: Services, address: str, typed: str, code: str, pin: str) -> str | None:
    """A session of somebody with this address, code and PIN; None: one of them is wrong, and it is not said which. The
    code works once, however the try ends.

    Raises:
        NotAllowed: too many tries; this one was not looked at.
    """
    mail = mail_of(typed)
    count_try(services, TriedBy.ADDRESS, address)
    count_try(services, TriedBy.ACCOUNT, mail or typed[:254])
    account = _shown(services, mail, code_of(code), pin) if mail else None
    if account is None:
        return None
    with services.ledger.transaction() as tx:
        outside_sessions.forget_tries(tx, TriedBy.ACCOUNT, account.mail)
        outside_sessions.forget_one_try(tx, TriedBy.ADDRESS, address)
    return begin(services, Outsider.CENTER, account.account, account.institution)


def sign_in_by_provider(services: Services, center: InstitutionId, person: Person) -> str:
    """A session of somebody whom the center's own provider let in. The caller has made sure who it is."""
    with services.ledger.transaction() as tx:
        center_accounts.know(tx, person.account, center, person.name)
    return begin(services, Outsider.CENTER, person.account, center)


def _shown(services: Services, mail: str, code: str, pin: str) -> CenterAccount | None:
    """The account, if both are right. A PIN is looked at only with a code that works, so nobody tries PINs without
    reading the mail.
    """
    with services.ledger.transaction() as tx:
        account = center_accounts.of_mail(tx, mail)
        if account is None or not center_accounts.has_code(tx, account.account, code):
            return None
        center_accounts.forget_code(tx, account.account)
        kept = center_accounts.kept_pin(tx, account.account)
    return account if passwords.is_password(pin.strip(), kept) else None
