"""The one account that signs in here, without the hospital's accounts: its kept password, and wrong tries at it."""

from dataclasses import dataclass
from datetime import datetime

from transfer.ledger import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAccount:
    #: what is kept of its password
    kept: str
    #: wrong passwords in a row, and when the last one was typed (UTC)
    wrong: int
    wrong_at: datetime | None


def read(tx: Tx) -> LocalAccount | None:
    """The account, locked until the transaction ends; None: there is none."""
    row = tx.row("SELECT * FROM local_account FOR UPDATE")
    return LocalAccount(kept=row.kept, wrong=row.wrong, wrong_at=row.wrong_at) if row else None


def write(tx: Tx, kept: str) -> None:
    """The account has this password from now on."""
    tx.run(
        """INSERT INTO local_account (kept) VALUES (%s)
           ON CONFLICT (is_only) DO UPDATE SET kept = excluded.kept, wrong = 0, wrong_at = NULL""",
        kept,
    )


def remove(tx: Tx) -> bool:
    """Nobody signs in by it any more. False: there was none."""
    return bool(tx.run("DELETE FROM local_account"))


def count_wrong(tx: Tx) -> None:
    tx.run("UPDATE local_account SET wrong = wrong + 1, wrong_at = transfer.now()")


def count_right(tx: Tx) -> None:
    tx.run("UPDATE local_account SET wrong = 0, wrong_at = NULL")
