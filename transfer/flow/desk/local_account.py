"""The emergency account: it signs in while the hospital's accounts are away, and each use is a fact.

There is one, and it counts as one person, whoever types its password: where two people must say the same, it is at most
one of them. It has the rights of an officer.
"""

from datetime import datetime, timedelta
from typing import Final

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.adapters import passwords
from transfer.flow.desk.signing_in import begin
from transfer.flow.desk.verbs import at_desk, not_allowed
from transfer.flow.services import WithLedger
from transfer.ledger import local_account, looks
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right, Role
from transfer.sessions import LOCAL_ISSUER, Person

#: characters of a password that stands alone (NIST SP 800-63B-4, section 3.1.1.2)
LEAST_CHARACTERS: Final = 15
MOST_CHARACTERS: Final = 128
#: wrong passwords in a row after which a try is taken once a minute
FREE_TRIES: Final = 5
PAUSE: Final = timedelta(minutes=1)

ACCOUNT: Final = Person(issuer=LOCAL_ISSUER, subject="emergency", name="Emergency account")


def set_local_account(services: WithLedger, password: str, *, actor: Actor) -> ActionResult:
    """Give the emergency account this password. Sessions that began with another one go on until they are over.
    The password it has already changes nothing.

    Raises:
        NotAllowed: the password is shorter than 15 characters or longer than 128.
    """
    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        refusal = Reason(RefusalCode.PASSWORD_LENGTH, shortest=LEAST_CHARACTERS, longest=MOST_CHARACTERS)
        raise not_allowed(refusal, Remedy(RemedyCode.TYPE_PASSWORD))
    kept = passwords.hashed(password)
    with at_desk(services, actor, Right.MANAGE_SIGN_IN) as tx:
        there = local_account.read(tx)
        if there and passwords.is_password(password, there.kept):
            return ActionResult(ActionCode.LOCAL_ACCOUNT_AS_BEFORE)
        local_account.write(tx, kept)
        looks.write(tx, facts.LocalAccountSet(is_usable=True))
    return ActionResult(ActionCode.LOCAL_ACCOUNT_SET)


def remove_local_account(services: WithLedger, *, actor: Actor) -> ActionResult:
    """Nobody signs in by the emergency account any more. The second time says that there is none."""
    with at_desk(services, actor, Right.MANAGE_SIGN_IN) as tx:
        if not local_account.remove(tx):
            return ActionResult(ActionCode.NO_LOCAL_ACCOUNT)
        looks.write(tx, facts.LocalAccountSet(is_usable=False))
    return ActionResult(ActionCode.LOCAL_ACCOUNT_REMOVED)


def sign_in_locally(services: WithLedger, password: str) -> str | None:
    """A session of the emergency account, as `sign_in` begins it; None: not its password, or there is no such account.

    Raises:
        NotAllowed: too many wrong ones were typed just now; this one was not looked at.
    """
    with services.ledger.transaction() as tx:
        found = local_account.read(tx)
        if found is None:
            return None
        if not may_try(found.wrong, found.wrong_at, tx.now()):
            raise not_allowed(Reason(RefusalCode.TOO_MANY_TRIES), Remedy(RemedyCode.WAIT_A_MINUTE))
        if len(password) > MOST_CHARACTERS or not passwords.is_password(password, found.kept):
            local_account.count_wrong(tx)
            return None
        local_account.count_right(tx)
    return begin(services, ACCOUNT, [Role.OFFICER])


def may_try(wrong: int, wrong_at: datetime | None, now: datetime) -> bool:
    """Whether a password is looked at, after so many wrong ones in a row. Who guesses gets 1,440 a day (NIST
    SP 800-63B-4, section 3.2.2 asks for a limit); who mistyped waits a minute.
    """
    return wrong < FREE_TRIES or wrong_at is None or now - wrong_at >= PAUSE
