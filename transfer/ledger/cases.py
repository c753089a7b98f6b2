"""Cases as they are found: by their patients and packets. Each transaction writes their rows anew (`Tx.project`)."""

from collections.abc import Iterable, Sequence

from transfer import facts
from transfer.case import Case, fold
from transfer.facts import Chain
from transfer.identifiers import CaseId, InstitutionId, PatientId
from transfer.ledger import Tx
from transfer.ledger.connections import ANY_OF


def of_patients(tx: Tx, patients: Sequence[PatientId]) -> list[tuple[CaseId, PatientId]]:
    """All cases of these patients, open ones first, the newest first."""
    rows = tx.rows(
        f"SELECT case_id, patient FROM cases WHERE patient = {ANY_OF} ORDER BY is_open DESC, opened_at DESC",  # noqa: S608  ours
        list(patients),
    )
    return [(CaseId(row.case_id), PatientId(row.patient)) for row in rows]


def patients_of(tx: Tx, named: Iterable[CaseId]) -> dict[CaseId, PatientId]:
    """The patients of these cases; one whose referral is not understood yet has none, and is left out."""
    rows = tx.rows(
        "SELECT case_id, patient FROM cases WHERE case_id = ANY(%s) AND patient IS NOT NULL", [*dict.fromkeys(named)]
    )
    return {CaseId(row.case_id): PatientId(row.patient) for row in rows}


def of_patient(tx: Tx, patient: PatientId) -> list[CaseId]:
    """All cases of a patient, in the order in which they are locked."""
    rows = tx.rows("SELECT case_id FROM cases WHERE patient = %s ORDER BY case_id", patient)
    return [CaseId(row.case_id) for row in rows]


def newest_first(tx: Tx, patient: PatientId) -> list[CaseId]:
    """All cases of a patient, to show."""
    rows = tx.rows("SELECT case_id FROM cases WHERE patient = %s ORDER BY opened_at DESC", patient)
    return [CaseId(row.case_id) for row in rows]


def open_of(tx: Tx, patients: Iterable[str]) -> list[CaseId]:
    """The open cases of these patients, in the order in which they are locked."""
    rows = tx.rows("SELECT case_id FROM cases WHERE patient = ANY(%s) AND is_open ORDER BY case_id", list(patients))
    return [CaseId(row.case_id) for row in rows]


def by_its_packets(tx: Tx, case: CaseId) -> Case:
    """The case by the facts of its opening, its packets, what no longer counts and its ending alone. It costs the same
    however many records were collected and streams were opened.
    """
    kinds = facts.stored_kinds(
        *(
            facts.CaseOpened,
            facts.CaseMoved,
            facts.CaseChanged,
            facts.ReferralUpdated,
            facts.CaseClosed,
            facts.PacketPlanned,
            facts.PacketAssembled,
            facts.PacketRecalled,
            facts.PacketGivenUp,
        ),
        *(
            facts.RecordSuperseded,
            facts.ImagesRejected,
            facts.Anchored,
            facts.PacketPurged,
            facts.DisclosureBegun,
            facts.DisclosureSettled,
            facts.ReceiptRecorded,
        ),
    )
    rows = tx.rows(
        "SELECT text, previous, hash FROM facts WHERE chain = %s AND kind = ANY(%s) ORDER BY sequence",
        *(Chain.case(case), kinds),
    )
    return fold(case, (facts.read(row.text, row.previous, row.hash) for row in rows))


def duplicated(tx: Tx, case: CaseId, patient: PatientId, receiver: InstitutionId) -> CaseId | None:
    """Another open case of this patient that goes to this receiver: the oldest."""
    found = tx.value(
        """SELECT case_id FROM cases WHERE patient = %s AND receiver = %s AND is_open AND case_id <> %s
           ORDER BY opened_at, case_id LIMIT 1""",
        *(patient, receiver, case),
    )
    return CaseId(found) if found else None
