"""What institutions say of a patient of ours where no rule makes it surely the patient, and what people said of it.

It is asked about once for each patient and institution, and remembered. It is sealed under the patient's key and goes
with the patient.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from transfer import codec
from transfer.holds import HoldAnswer, SystemAnswer
from transfer.identifiers import CaseId, HoldId, InstitutionId, PatientId
from transfer.ledger import Row, Tx, arrivals, holds, lock_number
from transfer.ledger.arrivals import Arrival
from transfer.matching import MatchRule, is_numbered
from transfer.patients import Demographics
from transfer.rounds import LEASE
from transfer.sealing import SITE, KeyName


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedIdentity:
    """What an institution says, of what, and the rule by which it is not surely the patient.

    `source` is the institution's own name for what it is said of: a URL, a study. It tells apart what bears no number.
    """

    said: Demographics
    source: str
    match_rule: MatchRule


def lock(tx: Tx, patient: PatientId, institution: InstitutionId) -> None:
    """Hold this patient's questions about this institution until the transaction ends. Lock no case after this."""
    tx.row("SELECT pg_advisory_xact_lock(%s)", lock_number(f"compared/{patient}/{institution}"))


def answer(
    tx: Tx, patient: PatientId, institution: InstitutionId, said: Demographics, source: str
) -> HoldAnswer | None:
    """What people said of exactly this; None where nobody was asked, or nobody has answered."""
    found: str | None = tx.value(
        "SELECT answer FROM compared_identities WHERE patient = %s AND institution = %s AND digest = %s",
        *(patient, institution, _digest(tx, patient, said, source)),
    )
    return HoldAnswer(found) if found else None


def add(tx: Tx, patient: PatientId, institution: InstitutionId, found: Iterable[ComparedIdentity]) -> bool:
    """Keep what is to be compared. True: some of it was not known."""
    new = 0
    for one in found:
        digest = _digest(tx, patient, one.said, one.source)
        sealed = tx.keys.seal(KeyName.patient(patient), codec.dump(Demographics, one.said), about=digest.hex())
        new += tx.run(
            """INSERT INTO compared_identities (patient, institution, digest, said, match_rule)
               VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            *(patient, institution, digest, sealed, one.match_rule),
        )
    return new > 0


def open_question(tx: Tx, patient: PatientId, institution: InstitutionId) -> tuple[HoldId, CaseId] | None:
    """The question that people are asked now, and the case that it is asked on."""
    row = tx.row(
        """SELECT DISTINCT h.hold, h.subject FROM compared_identities JOIN holds AS h USING (hold)
           WHERE patient = %s AND institution = %s AND h.resolved_at IS NULL LIMIT 1""",
        *(patient, institution),
    )
    return (HoldId(row.hold), CaseId(row.subject)) if row else None


def is_undecided(tx: Tx, patient: PatientId, institution: InstitutionId) -> bool:
    """Whether people are asked about something of it on any case, or were on one that ended before they answered."""
    row = tx.row(
        """SELECT 1 FROM compared_identities AS c JOIN holds AS h USING (hold)
           WHERE c.patient = %s AND c.institution = %s AND c.answer IS NULL
             AND (h.resolved_at IS NULL OR h.answer = %s) LIMIT 1""",
        *(patient, institution, SystemAnswer.CLOSED),
    )
    return row is not None


def left_open(tx: Tx, patient: PatientId) -> list[InstitutionId]:
    """The institutions about which a question ended with its case, and no other case asks it."""
    rows = tx.rows(
        """SELECT DISTINCT institution FROM compared_identities AS c JOIN holds AS h USING (hold)
           WHERE c.patient = %s AND c.answer IS NULL AND h.answer = %s ORDER BY institution""",
        *(patient, SystemAnswer.CLOSED),
    )
    return [InstitutionId(row.institution) for row in rows]


def show_in(tx: Tx, patient: PatientId, institution: InstitutionId, hold: HoldId) -> None:
    """This question shows all that nobody has answered and no other open question shows."""
    tx.run(
        """UPDATE compared_identities AS c SET hold = %s WHERE patient = %s AND institution = %s AND answer IS NULL
             AND NOT EXISTS (SELECT 1 FROM holds AS h WHERE h.hold = c.hold AND h.resolved_at IS NULL)""",
        *(hold, patient, institution),
    )


def shown_in(tx: Tx, hold: HoldId) -> list[tuple[PatientId, InstitutionId, Demographics, MatchRule]]:
    """Whom the question asks about: the patient, and what which institution says."""
    return [
        (PatientId(row.patient), InstitutionId(row.institution), _said(tx, row), MatchRule(row.match_rule))
        for row in tx.rows("SELECT * FROM compared_identities WHERE hold = %s ORDER BY digest", hold)
    ]


def decide(tx: Tx, hold: HoldId, decided: HoldAnswer) -> None:
    """People gave this answer to the question."""
    tx.run("UPDATE compared_identities SET answer = %s WHERE hold = %s", decided, hold)


def remember(tx: Tx, patient: PatientId, institution: InstitutionId, said: Demographics, decided: HoldAnswer) -> None:
    """People said of a message whether it is this patient's. What bears a number is not asked about again."""
    if is_numbered(said):
        one = ComparedIdentity(said=said, source="", match_rule=MatchRule.DECIDED)
        add(tx, patient, institution, [one])
        tx.run(
            "UPDATE compared_identities SET answer = %s WHERE patient = %s AND institution = %s AND digest = %s",
            *(decided, patient, institution, _digest(tx, patient, said, "")),
        )


def forget(tx: Tx, patient: PatientId, *, but: HoldAnswer | None = None) -> None:
    """This patient is no longer whom people compared: their answers do not stand, `but` such ones, and what they are
    asked is withdrawn.

    The caller holds the patient's cases.
    """
    for row in tx.rows(
        """SELECT DISTINCT h.hold FROM compared_identities JOIN holds AS h USING (hold)
           WHERE patient = %s AND h.resolved_at IS NULL ORDER BY h.hold""",
        patient,
    ):
        holds.resolve(tx, row.hold, SystemAnswer.ASKED_ANEW)
    tx.run("DELETE FROM compared_identities WHERE patient = %s AND answer IS DISTINCT FROM %s", patient, but)


# --- messages that wait for an answer ---------------------------------------------------------------------------------


def wait_for_answer(tx: Tx, arrival: Arrival, patient: PatientId, said: bytes) -> bool:
    """Let it wait for the answer about an earlier one, of which people are asked and which says the same of the same
    patient. False: there is none, and the question is about this one.
    """
    whose = tx.keys.hmac(SITE, b"whose|" + f"{arrival.institution}|{arrival.kind}|{patient}|".encode() + said)
    tx.row("SELECT pg_advisory_xact_lock(%s)", lock_number(f"whose/{whose.hex()}"))
    first: str | None = tx.value(
        """SELECT a.arrival FROM arrivals AS a JOIN holds AS h ON h.subject = a.arrival AND h.resolved_at IS NULL
           WHERE a.whose = %s AND a.state = 'held' AND a.arrival <> %s ORDER BY a.received_at LIMIT 1""",
        *(whose, arrival.id),
    )
    tx.run(
        "UPDATE arrivals SET whose = %s, waits_for = %s WHERE arrival = %s",
        *(None if first else whose, first, arrival.id),
    )
    return first is not None


def claim_waiting_for(tx: Tx, first: Arrival) -> list[Arrival]:
    """Those that wait for the answer about this one, claimed. They wait no longer."""
    tx.run("UPDATE arrivals SET whose = NULL WHERE arrival = %s", first.id)
    rows = tx.rows(
        """UPDATE arrivals SET waits_for = NULL, claim = claim + 1, lease_until = transfer.now() + %s
           WHERE waits_for = %s AND state = 'held' RETURNING *""",
        *(LEASE, first.id),
    )
    return [arrivals.of_row(row) for row in sorted(rows, key=lambda row: row.received_at)]


def wait_no_longer(tx: Tx, arrival: Arrival) -> None:
    """It is nobody's question any more, and waits for no answer."""
    tx.run("UPDATE arrivals SET whose = NULL, waits_for = NULL WHERE arrival = %s", arrival.id)


def held_for(tx: Tx, terms: Sequence[bytes]) -> list[str]:
    """What people are asked about and shares a term, oldest first."""
    rows = tx.rows(
        """SELECT DISTINCT a.arrival, a.received_at FROM arrival_terms JOIN arrivals AS a USING (arrival)
           WHERE term = ANY(%s) AND a.state = 'held' AND kind IN ('answer', 'authorization') ORDER BY a.received_at""",
        list(terms),
    )
    return [row.arrival for row in rows]


def _said(tx: Tx, row: Row) -> Demographics:
    key = KeyName.patient(PatientId(row.patient))
    return codec.load(Demographics, tx.keys.unseal(key, row.said, about=bytes(row.digest).hex()))


def _digest(tx: Tx, patient: PatientId, said: Demographics, source: str) -> bytes:
    """Of names, birth date, sex and numbers. Where it bears no number, also of what it is said of."""
    plain = replace(said, other_numbers=(), addresses=(), telephones=())
    text = b"compared|" + codec.dump(Demographics, plain)
    return tx.keys.hmac(KeyName.patient(patient), text if is_numbered(said) else text + source.encode())
