"""Glass and blocks, counted as they come."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from transfer import codec, facts, materials
from transfer.facts import Chain
from transfer.identifiers import CaseId, InstitutionId, MaterialId, PatientId
from transfer.ledger import Row, Tx, search_terms
from transfer.materials import Material, MaterialKind, MaterialState
from transfer.sealing import KeyName


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What stands on the labels: sealed at rest."""

    accession: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMaterial:
    material: Material
    institution: InstitutionId
    line: str
    label: Label | None
    received_at: datetime | None


def want(tx: Tx, case: CaseId, institution: str, line: str, kind: MaterialKind) -> None:
    """Note that pieces of this kind are wanted from there. Where pieces are awaited on the line already, of whatever
    kind, nothing is noted.
    """
    if not tx.rows(
        "SELECT 1 FROM materials WHERE case_id = %s AND institution = %s AND line = %s", case, institution, line
    ):
        _await(tx, case, institution, line, kind)


def _await(tx: Tx, case: CaseId, institution: str, line: str, kind: MaterialKind) -> None:
    material = MaterialId.draw()
    new = tx.run(
        """INSERT INTO materials (material, case_id, institution, line, kind, state) VALUES (%s, %s, %s, %s, %s, %s)
           ON CONFLICT (case_id, institution, line, kind) DO NOTHING""",
        *(material, case, institution, line, kind, MaterialState.WANTED),
    )
    if new:
        fact = facts.MaterialAwaited(material=material, institution=institution, line=line, pieces=kind)
        tx.append(Chain.case(case), fact)


def of_kind(tx: Tx, case: CaseId, patient: PatientId, kept: StoredMaterial, kind: MaterialKind) -> StoredMaterial:
    """The material that pieces of this kind are counted on: the one awaited, which is of this kind from now on, or one
    beside it where pieces of the other kind came before.
    """
    if kept.material.kind is kind:
        return kept
    same = (kept.institution, kept.line, kind)
    here = [m for m in of_case(tx, case, patient) if (m.institution, m.line, m.material.kind) == same]
    if here:
        return here[0]
    if kept.material.received:
        _await(tx, case, *same)
        return of_kind(tx, case, patient, kept, kind)
    tx.run("UPDATE materials SET kind = %s WHERE material = %s", kind, kept.material.id)
    fact = facts.MaterialAwaited(material=kept.material.id, institution=kept.institution, line=kept.line, pieces=kind)
    tx.append(Chain.case(case), fact)
    return replace(kept, material=replace(kept.material, kind=kind))


def receive(
    tx: Tx, case: CaseId, patient: PatientId, kept: StoredMaterial, *, pieces: int, announced: int | None, label: Label
) -> Material:
    """Count a parcel in by its labels, and compare it with the sender's list where there is one.

    Raises:
        NeedsReview: an earlier parcel carried another accession number.
        NotAllowed: no pieces, or the material has gone back.
    """
    number = tx.keys.hmac(KeyName.patient(patient), label.accession.encode()).hex()
    wanted = kept.material if kept.label else replace(kept.material, accession_hmac=number)
    now = materials.receive(wanted, pieces=pieces, accession_hmac=number)
    now = materials.announce(now, announced) if announced else now
    sealed = tx.keys.seal(KeyName.patient(patient), codec.dump(Label, label), about=now.id)
    tx.run("UPDATE materials SET about = %s, received_at = transfer.now() WHERE material = %s", sealed, now.id)
    search_terms.owe(tx, patient)
    _count(tx, case, kept, now)
    return now


def announce(tx: Tx, case: CaseId, kept: StoredMaterial, expected: int) -> Material:
    """How many pieces the sender's list says were sent, said after they came. The same again writes nothing.

    Raises:
        NotAllowed: fewer than one piece.
    """
    now = materials.announce(kept.material, expected)
    if now != kept.material:
        _count(tx, case, kept, now)
    return now


def doubt(tx: Tx, case: CaseId, kept: StoredMaterial) -> None:
    """The receiver says that what is in hand is not what it needs: it is counted anew. Twice is once."""
    if kept.material.state is MaterialState.RECEIVED:
        _count(tx, case, kept, replace(kept.material, state=MaterialState.DISCREPANT))


def cancel(tx: Tx, case: CaseId, kept: StoredMaterial) -> None:
    """Pieces are wanted no more.

    Raises:
        NotAllowed: they are on their way, or came.
    """
    _count(tx, case, kept, materials.move(kept.material, MaterialState.CANCELLED))


def _count(tx: Tx, case: CaseId, kept: StoredMaterial, now: Material) -> None:
    tx.run(
        "UPDATE materials SET expected = %s, received = %s, state = %s WHERE material = %s",
        *(now.expected, now.received, now.state, now.id),
    )
    fact = facts.MaterialReceived(
        material=now.id,
        institution=kept.institution,
        line=kept.line,
        received=now.received,
        expected=now.expected,
        state=now.state,
    )
    tx.append(Chain.case(case), fact)


def counted(tx: Tx, wanted: Sequence[CaseId]) -> dict[CaseId, list[tuple[str, int, int]]]:
    """Of each case that pieces are wanted for: their kind, how many came, and how many were announced (0: unsaid)."""
    rows = tx.rows(
        """SELECT case_id, kind, sum(received)::int AS received, sum(expected)::int AS expected FROM materials
           WHERE case_id = ANY(%s) GROUP BY case_id, kind ORDER BY kind""",
        list(wanted),
    )
    found: dict[CaseId, list[tuple[str, int, int]]] = {}
    for row in rows:
        found.setdefault(CaseId(row.case_id), []).append((row.kind, row.received, row.expected))
    return found


def of_case(tx: Tx, case: CaseId, patient: PatientId) -> list[StoredMaterial]:
    rows = tx.rows("SELECT * FROM materials WHERE case_id = %s ORDER BY institution, line, kind", case)
    return [_kept(tx, patient, row) for row in rows]


def _kept(tx: Tx, patient: PatientId, row: Row) -> StoredMaterial:
    label = None
    if row.about:
        label = codec.load(Label, tx.keys.unseal(KeyName.patient(patient), row.about, about=row.material))
    return StoredMaterial(
        material=Material(
            id=MaterialId(row.material),
            accession_hmac=tx.keys.hmac(KeyName.patient(patient), label.accession.encode()).hex() if label else "",
            kind=MaterialKind(row.kind),
            expected=row.expected,
            received=row.received,
            state=MaterialState(row.state),
            loan=row.loan,
            due_back=row.due_back,
        ),
        institution=InstitutionId(row.institution),
        line=row.line,
        label=label,
        received_at=row.received_at,
    )
