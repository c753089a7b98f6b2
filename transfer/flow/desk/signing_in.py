"""Signing in at the desk, and out. Two people are two sign-ins."""

import secrets
from collections.abc import Collection
from dataclasses import replace

from transfer import facts
from transfer.flow.services import WithLedger
from transfer.ledger import looks, sessions
from transfer.rights import Role
from transfer.sessions import LOCAL_ISSUER, Person, Session


def sign_in(services: WithLedger, person: Person, roles: Collection[Role]) -> str:
    """Begin a session of somebody whom the hospital's accounts know. It is a fact. What it returns is for the person's
    cookie alone: 256 random bits, of which a hash is kept.

    Raises:
        ValueError: the issuer is the one of the emergency account.
    """
    if person.issuer == LOCAL_ISSUER:
        raise ValueError("the emergency account signs in by its password")
    return begin(services, person, roles)


def begin(services: WithLedger, person: Person, roles: Collection[Role]) -> str:
    """The same of anybody. The caller has made sure who it is."""
    secret = secrets.token_urlsafe(32)
    by = replace(services.ledger.origin, person=person.account, claimed=False)
    with services.ledger.transaction(by) as tx:
        sessions.begin(tx, secret, person, roles)
        looks.write(tx, facts.SessionBegun(roles=tuple(sorted(roles)), is_local=person.issuer == LOCAL_ISSUER))
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
