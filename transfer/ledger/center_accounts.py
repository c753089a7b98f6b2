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


def mails(tx: Tx, accounts: Collection[str]) -> Mapping[str, str]:
    """The mail addresses of those that are accounts of a center; the others are left out."""
    rows = tx.rows("SELECT account, mail FROM center_accounts WHERE account = ANY(%s)", list(accounts))
    return {row.account: row.mail for row in rows}


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
