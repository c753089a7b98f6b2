"""What a purge removes from the ledger's purgeable tables. Facts stay; the rows and keys that make them readable go."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from transfer import facts
from transfer.facts import Chain
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import PatientId
from transfer.ledger import Tx, case_lists, day_keys, holds, incoming, packets, search_terms, unmatched, vault_objects


def forget_records(tx: Tx, patient: PatientId, gone: Iterable[str]) -> None:
    """Forget records, the arrivals they came in and every packet made of them. Their bytes are marked for deletion."""
    records = sorted(gone)
    parts = tx.rows("DELETE FROM record_parts WHERE record = ANY(%s) RETURNING vault_key", records)
    tx.run("DELETE FROM record_terms WHERE record = ANY(%s)", records)
    search_terms.forget(tx, patient)
    search_terms.owe(tx, patient)
    # Its origin is free again: what is fetched under a new form is another record.
    tx.run(
        """UPDATE records SET about = NULL, purged_at = transfer.now(), origin = convert_to(record, 'UTF8')
           WHERE record = ANY(%s)""",
        records,
    )
    came_in = tx.rows(
        """SELECT DISTINCT arrival FROM records AS gone WHERE record = ANY(%s) AND arrival IS NOT NULL AND NOT EXISTS
             (SELECT 1 FROM records AS kept WHERE kept.arrival = gone.arrival AND kept.purged_at IS NULL)""",
        records,
    )
    forget_arrivals(tx, [row.arrival for row in came_in])
    vault_objects.mark_unused_for_deletion(tx, (row.vault_key for row in parts))
    made = tx.rows(
        """SELECT packet FROM packet_records JOIN packets USING (packet) WHERE record = ANY(%s) AND purged_at IS NULL
           UNION SELECT packet FROM collected JOIN packets USING (case_id)
             WHERE record = ANY(%s) AND tag_manifest IS NULL AND purged_at IS NULL ORDER BY packet""",
        *(records, records),
    )
    _forget_packets(tx, patient, [row.packet for row in made])


def _forget_packets(tx: Tx, patient: PatientId, made: Sequence[str]) -> None:
    """Forget packets, owed ones too: they were wanted with records that are gone now."""
    for name in made:
        known = packets.get(tx, name)
        assert known is not None  # just looked up
        if known.is_assembled:
            vault_objects.mark_for_deletion(tx, packets.plan_of(tx, known.id, patient).generated_keys)
        for code in (HoldCode.RELEASE_NOT_PERMITTED, HoldCode.LEDGER_ALTERED):
            holds.withdraw(tx, known.case, code, SystemAnswer.PURGED, about=known.id)
        tx.append(Chain.case(known.case), facts.PacketPurged(packet=known.id))
    tx.run(
        "UPDATE packets SET plan = NULL, content = NULL, purged_at = transfer.now() WHERE packet = ANY(%s)", list(made)
    )


def forget_unreadable(tx: Tx, patient: PatientId) -> list[str]:
    """Forget all of a patient whose key is gone, without reading it. Returns the forgotten records."""
    tx.run(
        """UPDATE packets SET plan = NULL, content = NULL, purged_at = coalesce(purged_at, transfer.now())
           WHERE case_id IN (SELECT case_id FROM cases WHERE patient = %s)""",
        patient,
    )
    gone = [
        row.record
        for row in tx.rows("SELECT record FROM records WHERE patient = %s AND purged_at IS NULL ORDER BY 1", patient)
    ]
    forget_records(tx, patient, gone)
    forget_patient(tx, patient)
    return gone


def forget_arrivals(tx: Tx, names: Sequence[str]) -> None:
    """Forget what arrivals said. It stays known that they came.

    A paper of which one was made is destroyed as well, once each of its pages is indexed.

    Their place is free, too: a message that is sent again is stored again, and is no repetition. The place of a
    referral or a release form that took effect stays taken. Otherwise a sender's queue, played once more, would open a
    case or a permission that somebody ended.
    """
    rows = tx.rows("SELECT vault_key FROM arrivals WHERE arrival = ANY(%s) AND vault_key IS NOT NULL", list(names))
    incoming.destroy_those_of(tx, names)
    tx.run("DELETE FROM arrival_terms WHERE arrival = ANY(%s)", list(names))
    tx.run("DELETE FROM referral_numbers WHERE arrival = ANY(%s)", list(names))
    tx.run(
        """UPDATE arrivals SET dedupe = convert_to(arrival, 'UTF8'), control = NULL
           WHERE arrival = ANY(%s) AND state <> 'purged'
             AND NOT (state = 'filed' AND kind IN ('referral', 'authorization'))""",
        list(names),
    )
    tx.run(
        "UPDATE arrivals SET payload = NULL, vault_key = NULL, state = 'purged' WHERE arrival = ANY(%s)", list(names)
    )
    vault_objects.mark_unused_for_deletion(tx, (row.vault_key for row in rows))


def forget_patient(tx: Tx, patient: PatientId) -> None:
    """Forget who it was: names, numbers, notes, forms, every arrival. The caller destroys the key, last.

    What is being written for the patient is marked for deletion as well: no permission is left to keep it under.
    """
    tx.run("UPDATE vault_uploads SET at = '-infinity' WHERE patient = %s", patient)
    # Also what its door has filed and no run has joined to the patient yet.
    said = tx.rows(
        "SELECT arrival FROM arrivals WHERE patient = %s UNION SELECT arrival FROM permissions WHERE patient = %s",
        *(patient, patient),
    )
    forget_arrivals(tx, [row.arrival for row in said])
    _ask_no_more_if_one(tx, patient)
    tx.grounds.clear()
    tx.run("UPDATE patients SET identity = NULL WHERE patient = %s", patient)
    tx.run("DELETE FROM patient_terms WHERE patient = %s", patient)
    search_terms.forget(tx, patient)
    tx.run("DELETE FROM compared_identities WHERE patient = %s", patient)
    # Also what was said of those who became the patient.
    tx.run(
        """DELETE FROM heeded_words WHERE patient = %s
             OR patient IN (SELECT absorbed FROM merged_patients WHERE kept = %s)""",
        *(patient, patient),
    )
    tx.run("UPDATE merged_patients SET identity = NULL, its_own = NULL WHERE kept = %s", patient)
    tx.run("UPDATE permissions SET form = NULL, reference = NULL WHERE patient = %s", patient)
    tx.run("UPDATE notes SET text = NULL WHERE patient = %s", patient)
    tx.run("UPDATE materials SET about = NULL WHERE case_id IN (SELECT case_id FROM cases WHERE patient = %s)", patient)


def _ask_no_more_if_one(tx: Tx, patient: PatientId) -> None:
    """Nobody can say any more whether the patient is somebody else, on whichever case it is asked, open or ended."""
    asked = tx.rows(
        """SELECT DISTINCT hold, subject FROM holds JOIN cases AS c ON c.case_id IN (subject, about)
           WHERE c.patient = %s AND code = %s AND resolved_at IS NULL ORDER BY subject, hold""",
        *(patient, HoldCode.SAME_PATIENT),
    )
    for row in asked:
        holds.resolve(tx, row.hold, SystemAnswer.PURGED)


def is_housekeeping_due(tx: Tx) -> bool:
    """Whether housekeeping has work: unmatched messages, objects to delete, or a day with nothing left has lapsed; or
    lists lag behind.
    """
    has_lapsed = unmatched.has_lapsed(tx) or vault_objects.orphaned(tx, timedelta(hours=6)) or day_keys.lapsed(tx)
    return bool(
        has_lapsed
        or incoming.to_destroy(tx)
        or search_terms.is_owed(tx, case_lists.MAY_LAG)
        or case_lists.to_tell(tx, limit=1, older_than=case_lists.MAY_LAG)
    )
