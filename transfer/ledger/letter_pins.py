"""PINs of patient and referring office, told by telephone: one for each holder and case. None is kept as it is."""

from datetime import datetime

from transfer import facts
from transfer.facts import Chain
from transfer.identifiers import CaseId
from transfer.ledger import Tx
from transfer.letter_codes import LASTS, MOST_WRONG_PINS, CodeHolder


def give(tx: Tx, case: CaseId, holder: CodeHolder, kept: str) -> datetime:
    """This PIN works from now on, and no other of the holder: whoever typed one before types this one, too. `kept` is
    what is kept of it. Until when it works (UTC). The caller holds the case's lock.
    """
    until = tx.now() + LASTS[holder]
    tx.run("DELETE FROM letter_pins WHERE ends_at <= transfer.now()")
    tx.run(
        """INSERT INTO letter_pins (case_id, holder, pin, ends_at) VALUES (%s, %s, %s, %s)
           ON CONFLICT (case_id, holder) DO UPDATE SET pin = excluded.pin, ends_at = excluded.ends_at, wrong = 0""",
        *(case, holder, kept, until),
    )
    tx.run("UPDATE opened_letters SET is_proven = false WHERE case_id = %s AND holder = %s", case, holder)
    tx.append(Chain.case(case), facts.LetterPinGiven(holder=holder, until=until.isoformat()))
    return until


def kept(tx: Tx, case: CaseId, holder: CodeHolder) -> str | None:
    """What is kept of the PIN that works now, locked until the transaction ends; None: none does."""
    found = tx.value(
        """SELECT pin FROM letter_pins WHERE case_id = %s AND holder = %s AND ends_at > transfer.now() AND wrong < %s
           FOR UPDATE""",
        *(case, holder, MOST_WRONG_PINS),
    )
    return str(found) if found is not None else None


def count_wrong(tx: Tx, case: CaseId, holder: CodeHolder) -> bool:
    """A wrong one was typed. True: from now on none works until another is given."""
    wrong = tx.value(
        "UPDATE letter_pins SET wrong = wrong + 1 WHERE case_id = %s AND holder = %s RETURNING wrong", case, holder
    )
    return bool(wrong == MOST_WRONG_PINS)


def shown(tx: Tx, account: str, case: CaseId, holder: CodeHolder) -> None:
    """It was typed in this sign-in. The caller holds the case's lock."""
    tx.run("UPDATE letter_pins SET wrong = 0 WHERE case_id = %s AND holder = %s", case, holder)
    is_new = tx.run(
        "UPDATE opened_letters SET is_proven = true WHERE account = %s AND subject = %s AND NOT is_proven",
        *(account, case),
    )
    if is_new:
        tx.append(Chain.case(case), facts.LetterPinShown(holder=holder))


def end(tx: Tx, case: CaseId, holder: CodeHolder) -> None:
    """None works any more."""
    tx.run("DELETE FROM letter_pins WHERE case_id = %s AND holder = %s", case, holder)
