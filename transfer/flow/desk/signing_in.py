"""Signing in at the desk, and out. Two people are two sign-ins."""

import secrets
from collections.abc import Collection
from dataclasses import replace

from transfer.flow.services import WithLedger
from transfer.ledger import sessions
from transfer.rights import Role
from transfer.sessions import Person, Session


def sign_in(services: WithLedger, person: Person, roles: Collection[Role]) -> str:
    """Begin a session. What it returns is for the person's cookie alone: 256 random bits, of which a hash is kept."""
    secret = secrets.token_urlsafe(32)
    by = replace(services.ledger.origin, person=person.account, claimed=False)
    with services.ledger.transaction(by) as tx:
        sessions.begin(tx, secret, person, roles)
    return secret


def session_of(services: WithLedger, secret: str) -> Session | None:
    """The session, which is used by that; None where there is none or it is over, and then it is forgotten."""
    with services.ledger.transaction() as tx:
        found, now = sessions.find(tx, secret), tx.now()
        if found is None:
            return None
        if found.is_over(now):
            sessions.end(tx, secret)
            return None
        if found.is_use_to_be_kept(now):
            sessions.use(tx, secret)
        return found


def sign_out(services: WithLedger, secret: str) -> None:
    """End the session. Doing so again does nothing."""
    with services.ledger.transaction() as tx:
        sessions.end(tx, secret)
