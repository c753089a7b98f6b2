"""Sessions of people of outside, and their tries at one. A session is found by the hash of what its cookie holds."""

import hashlib

from transfer.identifiers import InstitutionId
from transfer.ledger import Tx
from transfer.outside_sessions import TRIES_COUNT_FOR, Outsider, OutsideSession, TriedBy
from transfer.sealing import SITE
from transfer.sessions import AT_MOST, IDLE


def begin(tx: Tx, secret: str, kind: Outsider, account: str, institution: str) -> None:
    """A session begins now. Sessions that are over are forgotten."""
    tx.run(
        "DELETE FROM outside_sessions WHERE used_at <= transfer.now() - %s OR begun_at <= transfer.now() - %s",
        *(IDLE, AT_MOST),
    )
    tx.run(
        """INSERT INTO outside_sessions (session, kind, account, institution, begun_at, used_at)
           SELECT %s, %s, %s, %s, t, t FROM transfer.now() AS t""",
        *(_hash(secret), kind, account, institution),
    )


def find(tx: Tx, secret: str) -> OutsideSession | None:
    """The session of this secret, over or not."""
    row = tx.row("SELECT * FROM outside_sessions WHERE session = %s", _hash(secret))
    if row is None:
        return None
    return OutsideSession(
        kind=Outsider(row.kind),
        account=row.account,
        institution=InstitutionId(row.institution),
        begun_at=row.begun_at,
        used_at=row.used_at,
    )


def use(tx: Tx, secret: str) -> None:
    """It is used now."""
    tx.run("UPDATE outside_sessions SET used_at = transfer.now() WHERE session = %s", _hash(secret))


def end(tx: Tx, secret: str) -> None:
    """Forget the session. Doing so again does nothing."""
    tx.run("DELETE FROM outside_sessions WHERE session = %s", _hash(secret))


def end_of(tx: Tx, account: str) -> None:
    """Forget every session of an account. Doing so again does nothing."""
    tx.run("DELETE FROM outside_sessions WHERE account = %s", account)


def count_try(tx: Tx, by: TriedBy, who: str) -> int:
    """Count a try before it is looked at. How many there were lately, this one among them. What is counted by is kept
    as an HMAC. Those whose time is over are forgotten.
    """
    tx.run("DELETE FROM outside_tries WHERE begun_at <= transfer.now() - %s", TRIES_COUNT_FOR)
    return int(
        tx.value(
            """INSERT INTO outside_tries (counted_by, tries, begun_at) VALUES (%s, 1, transfer.now())
               ON CONFLICT (counted_by) DO UPDATE SET tries = outside_tries.tries + 1 RETURNING tries""",
            _counted(tx, by, who),
        )
    )


def forget_tries(tx: Tx, by: TriedBy, who: str) -> None:
    """They have shown who they are: what they tried before counts no more."""
    tx.run("DELETE FROM outside_tries WHERE counted_by = %s", _counted(tx, by, who))


def forget_one_try(tx: Tx, by: TriedBy, who: str) -> None:
    """One of the tries was right, and no guess. Those of others by the same address go on counting."""
    tx.run("UPDATE outside_tries SET tries = tries - 1 WHERE counted_by = %s AND tries > 0", _counted(tx, by, who))


def _counted(tx: Tx, by: TriedBy, who: str) -> bytes:
    return tx.keys.hmac(SITE, f"tries\n{by}\n{who}".encode())


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
