"""Sessions of the desk, and the names of its staff. A session is found by the hash of what its cookie holds."""

import hashlib
from collections.abc import Collection, Mapping

from transfer.ledger import Tx
from transfer.rights import Role
from transfer.sessions import AT_MOST, IDLE, Person, Session


def begin(tx: Tx, secret: str, person: Person, roles: Collection[Role]) -> None:
    """A session begins now. The person's name is the one said last. Sessions that are over are forgotten."""
    tx.run(
        """INSERT INTO staff (account, issuer, subject, name) VALUES (%s, %s, %s, %s)
           ON CONFLICT (account) DO UPDATE SET name = excluded.name WHERE staff.name <> excluded.name""",
        *(person.account, person.issuer, person.subject, person.name),
    )
    tx.run(
        "DELETE FROM sessions WHERE used_at <= transfer.now() - %s OR begun_at <= transfer.now() - %s", IDLE, AT_MOST
    )
    tx.run(
        """INSERT INTO sessions (session, account, roles, begun_at, used_at)
           SELECT %s, %s, %s, t, t FROM transfer.now() AS t""",
        *(_hash(secret), person.account, sorted(roles)),
    )


def find(tx: Tx, secret: str) -> Session | None:
    """The session of this secret, over or not."""
    row = tx.row("SELECT * FROM sessions JOIN staff USING (account) WHERE session = %s", _hash(secret))
    if row is None:
        return None
    return Session(
        account=row.account,
        name=row.name,
        roles=frozenset(map(Role, row.roles)),
        begun_at=row.begun_at,
        used_at=row.used_at,
    )


def use(tx: Tx, secret: str) -> None:
    """It is used now."""
    tx.run("UPDATE sessions SET used_at = transfer.now() WHERE session = %s", _hash(secret))


def end(tx: Tx, secret: str) -> None:
    """Forget the session. Doing so again does nothing."""
    tx.run("DELETE FROM sessions WHERE session = %s", _hash(secret))


def names(tx: Tx, accounts: Collection[str]) -> Mapping[str, str]:
    """The names of those accounts that have signed in; the others are left out."""
    rows = tx.rows("SELECT account, name FROM staff WHERE account = ANY(%s)", list(accounts))
    return {row.account: row.name for row in rows}


def staff(tx: Tx, limit: int) -> Mapping[str, str]:
    """Everybody who has ever signed in, as they were called last, by their names."""
    rows = tx.rows("SELECT account, name FROM staff ORDER BY name, account LIMIT %s", limit)
    return {row.account: row.name for row in rows}


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
