"""Sessions of people of outside, and bounds on tries at one."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from transfer import facts
from transfer.flow.desk.verbs import not_allowed
from transfer.flow.services import WithLedger
from transfer.identifiers import InstitutionId
from transfer.ledger import Tx, looks, outside_sessions
from transfer.outside_sessions import MOST_TRIES, Outsider, OutsideSession, TriedBy
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode


@contextmanager
def by_outsider(services: WithLedger, account: str) -> Iterator[Tx]:
    """A transaction of somebody of outside. Its facts carry their account."""
    by = replace(services.ledger.origin, person=account, claimed=False)
    with services.ledger.transaction(by) as tx:
        yield tx


def begin(services: WithLedger, kind: Outsider, account: str, institution: InstitutionId) -> str:
    """Begin a session of somebody who has shown who they are. It is a fact. What it returns is for their cookie alone:
    256 random bits, of which a hash is kept.
    """
    secret = secrets.token_urlsafe(32)
    with by_outsider(services, account) as tx:
        outside_sessions.begin(tx, secret, kind, account, institution)
        looks.write(tx, facts.OutsideSessionBegun(outsider=kind, institution=institution))
    return secret


def session_of(services: WithLedger, kind: Outsider, secret: str) -> OutsideSession | None:
    """The session, which is used by that; None where there is none of this kind or it is over, and then it is
    forgotten.
    """
    with services.ledger.transaction() as tx:
        found, now = outside_sessions.find(tx, secret), tx.now()
        if found is None or found.kind is not kind:
            return None
        if found.is_over(now):
            outside_sessions.end(tx, secret)
            return None
        if found.is_use_to_be_kept(now):
            outside_sessions.use(tx, secret)
        return found


def sign_out(services: WithLedger, secret: str) -> None:
    """End the session. Doing so again does nothing."""
    with services.ledger.transaction() as tx:
        outside_sessions.end(tx, secret)


def count_try(services: WithLedger, by: TriedBy, who: str) -> None:
    """Count a try at something that opens a session, before it is looked at.

    Raises:
        NotAllowed: there were too many within the hour; this one is not to be looked at.
    """
    with services.ledger.transaction() as tx:
        tries = outside_sessions.count_try(tx, by, who)
    if tries > MOST_TRIES[by]:
        raise not_allowed(Reason(RefusalCode.TRIED_TOO_OFTEN), Remedy(RemedyCode.TRY_IN_AN_HOUR))
