"""Who looked at whom: facts of the day's chain, and the flags for which somebody must say why."""

from collections.abc import Collection
from datetime import datetime, timedelta

from transfer import facts
from transfer.facts import Chain, Fact, LedgerLine
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx
from transfer.ledger.connections import ANY_OF
from transfer.looks import LookReason, PatientFlag

_LOOKS = (
    *(facts.IdentityViewed, facts.ContentViewed, facts.ReasonStated, facts.TrailViewed),
    *(facts.SessionBegun, facts.OutsideSessionBegun, facts.CenterAccountSet),
)


def write(tx: Tx, fact: Fact) -> None:
    """Add a fact to today's chain (UTC)."""
    tx.append(Chain.desk(tx.now().date()), fact)


def reasons(tx: Tx, person: str, within: timedelta) -> frozenset[tuple[CaseId, LookReason]]:
    """The cases of which somebody lately said why they look at them, each with what they said."""
    now = tx.now()
    return frozenset(
        (CaseId(line.fact.case), LookReason(line.fact.reason))
        for line in _lines(tx, now - within, now, (facts.ReasonStated,))
        if isinstance(line.fact, facts.ReasonStated) and line.by.person == person
    )


def between(tx: Tx, begin: datetime, end: datetime) -> list[LedgerLine]:
    """Every sign-in and look from `begin` on and before `end` (UTC), and every reason given for one, in order."""
    return [line for line in _lines(tx, begin, end, _LOOKS) if line.at < end]


def _lines(tx: Tx, begin: datetime, end: datetime, kinds: Collection[type[Fact]]) -> list[LedgerLine]:
    days = [begin.date() + timedelta(days=n) for n in range((end.date() - begin.date()).days + 1)]
    rows = tx.rows(
        """SELECT text, previous, hash FROM facts
           WHERE chain = ANY(%s) AND at >= %s AND kind = ANY(%s) ORDER BY at, sequence""",
        *([Chain.desk(day) for day in days], begin, facts.stored_kinds(*kinds)),
    )
    return [facts.read(row.text, row.previous, row.hash) for row in rows]


def flag(tx: Tx, patient: PatientId, flag: PatientFlag) -> bool:
    """From now on who looks at the patient must say why. False: so it was before."""
    return bool(
        tx.run("INSERT INTO patient_flags (patient, flag) VALUES (%s, %s) ON CONFLICT DO NOTHING", patient, flag)
    )


def unflag(tx: Tx, patient: PatientId, flag: PatientFlag) -> bool:
    """Take the flag away. False: there was none."""
    return bool(
        tx.run(
            """DELETE FROM patient_flags WHERE flag = %s
               AND (patient = %s OR patient IN (SELECT absorbed FROM merged_patients WHERE kept = %s))""",
            *(flag, patient, patient),
        )
    )


def flagged(tx: Tx, cases: Collection[CaseId]) -> frozenset[CaseId]:
    """Those of the cases whose patient bears a flag, or somebody who was merged into them does."""
    rows = tx.rows(
        f"""SELECT DISTINCT c.case_id FROM cases AS c LEFT JOIN merged_patients AS m ON m.kept = c.patient
            JOIN patient_flags AS f ON f.patient IN (c.patient, m.absorbed) WHERE c.case_id = {ANY_OF}""",  # noqa: S608
        list(cases),
    )
    return frozenset(CaseId(row.case_id) for row in rows)
