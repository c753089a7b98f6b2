"""Accounts of receiving centers' people: whom staff invited, their kept PIN, and the code that went out last."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from transfer.center_accounts import CenterAccount
from transfer.identifiers import InstitutionId
from transfer.ledger import Row, Tx
from transfer.sealing import SITE


def invite(tx: Tx, account: str, institution: str, mail: str, pin: str) -> None:
    """There is an account of this address from now on. `pin` is what is kept of its PIN."""
    tx.run(
        """INSERT INTO center_accounts (account, institution, mail, pin, invited_at)
           VALUES (%s, %s, %s, %s, transfer.now())""",
        *(account, institution, mail, pin),
    )


def of_mail(tx: Tx, mail: str) -> CenterAccount | None:
    """The account of an address, locked until the transaction ends; None: nobody of it signs in."""
    row = tx.row("SELECT * FROM center_accounts WHERE mail = %s AND ended_at IS NULL FOR UPDATE", mail)
    return _account(row) if row else None


def every(tx: Tx) -> list[CenterAccount]:
    """All accounts, ended ones last."""
    rows = tx.rows("SELECT * FROM center_accounts ORDER BY ended_at IS NOT NULL, institution, mail, invited_at")
    return [_account(row) for row in rows]


def has_ended(tx: Tx, mail: str) -> bool:
    """Whether somebody of this address signed in once, and nobody does now."""
    ended = tx.value("SELECT bool_and(ended_at IS NOT NULL) FROM center_accounts WHERE mail = %s", mail)
    return bool(ended)


def names(tx: Tx, accounts: Collection[str]) -> Mapping[str, str]:
    """What pages call those that are of a center: by the address that was invited, or as their provider does. The
    others are left out.
    """
    rows = tx.rows(
        """SELECT account, mail AS name FROM center_accounts WHERE account = ANY(%s)
           UNION SELECT account, name FROM center_people WHERE account = ANY(%s)""",
        *(list(accounts), list(accounts)),
    )
    return {row.account: row.name for row in rows}


def know(tx: Tx, account: str, institution: str, name: str) -> None:
    """Somebody whom the center's own provider signed in is called so from now on."""
    tx.run(
        """INSERT INTO center_people (account, institution, name) VALUES (%s, %s, %s)
           ON CONFLICT (account, institution) DO UPDATE SET name = excluded.name
           WHERE center_people.name <> excluded.name""",
        *(account, institution, name),
    )


def of_institution(tx: Tx, institution: str) -> frozenset[str]:
    """The accounts of all who are or were of a center."""
    rows = tx.rows(
        """SELECT account FROM center_accounts WHERE institution = %s
           UNION SELECT account FROM center_people WHERE institution = %s""",
        *(institution, institution),
    )
    return frozenset(row.account for row in rows)


def end(tx: Tx, account: str) -> bool:
    """Nobody signs in by it any more. False: so it was before."""
    return bool(
        tx.run("UPDATE center_accounts SET ended_at = transfer.now() WHERE account = %s AND ended_at IS NULL", account)
    )


def kept_pin(tx: Tx, account: str) -> str:
    return str(tx.value("SELECT pin FROM center_accounts WHERE account = %s", account))


def set_pin(tx: Tx, account: str, pin: str) -> None:
    """It has another PIN from now on."""
    tx.run("UPDATE center_accounts SET pin = %s WHERE account = %s", pin, account)


def set_code(tx: Tx, account: str, code: str, works_for: timedelta) -> None:
    """This code works from now on, once, and no other of the account."""
    tx.run(
        "UPDATE center_accounts SET code = %s, code_until = transfer.now() + %s WHERE account = %s",
        *(_code(tx, account, code), works_for, account),
    )


def has_code(tx: Tx, account: str, code: str) -> bool:
    """Whether this code works now."""
    return bool(
        tx.value(
            """SELECT code IS NOT DISTINCT FROM %s AND coalesce(code_until > transfer.now(), false)
               FROM center_accounts WHERE account = %s""",
            *(_code(tx, account, code), account),
        )
    )


def forget_code(tx: Tx, account: str) -> None:
    """No code works until another is sent."""
    tx.run("UPDATE center_accounts SET code = NULL, code_until = NULL WHERE account = %s", account)


def _code(tx: Tx, account: str, code: str) -> bytes:
    return tx.keys.hmac(SITE, f"code\n{account}\n{code}".encode())


def _account(row: Row) -> CenterAccount:
    return CenterAccount(
        account=row.account,
        institution=InstitutionId(row.institution),
        mail=row.mail,
        invited_at=row.invited_at,
        ended_at=row.ended_at,
    )
