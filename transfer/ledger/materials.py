"""Glass and blocks, counted as they come."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from transfer import codec, facts, materials
from transfer.facts import Chain
from transfer.identifiers import CaseId, InstitutionId, MaterialId, ParcelId, PatientId
from transfer.ledger import Row, Tx, parcels, search_terms
from transfer.ledger.connections import ANY_OF
from transfer.materials import DescribedPiece, LabelCheck, Material, MaterialKind, MaterialState, Sufficiency
from transfer.parcels import Carrier
from transfer.sealing import KeyName


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What stands on the labels, and numbers by which people ask for the pieces: sealed at rest."""

    accession: str
    description: str = ""
    #: the receiving center's own number for them
    our_accession: str = ""
    #: of the courier who takes them back
    return_number: str = ""
    #: of the specimen, that the labels of all pieces name; none: nobody wrote down which
    parts: tuple[str, ...] = ()
    #: those of the pieces that somebody described
    pieces: tuple[DescribedPiece, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What somebody counted, how its labels stand beside its papers, and how many the sender's list says were sent.

    `due_back`: as the lender says; None: as is usual. `with_report`: whether its pathology report lay in the parcel.
    """

    pieces: int
    label: Label
    labels: LabelCheck = LabelCheck.AGREE
    announced: int | None = None
    parcel: ParcelId | None = None
    with_report: bool | None = None
    due_back: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMaterial:
    material: Material
    institution: InstitutionId
    line: str
    label: Label | None
    received_at: datetime | None
    #: of the accessions of this kind from there, the first, the second …
    nth: int = 1


def want(tx: Tx, case: CaseId, institution: str, line: str, kind: MaterialKind) -> None:
    """Note that pieces of this kind are wanted from there. Where pieces are awaited on the line already, of whatever
    kind, nothing is noted.
    """
    if not tx.rows(
        "SELECT 1 FROM materials WHERE case_id = %s AND institution = %s AND line = %s", case, institution, line
    ):
        _await(tx, case, institution, line, kind)


def beside(tx: Tx, case: CaseId, patient: PatientId, kept: StoredMaterial, kind: MaterialKind) -> StoredMaterial:
    """A material of this kind beside these, on the same line of the same laboratory: for another accession."""
    which = kept.institution, kept.line, kind
    same = [one.nth for one in of_case(tx, case, patient) if _which(one) == which]
    _await(tx, case, *which, nth=max(same, default=0) + 1)
    return max((one for one in of_case(tx, case, patient) if _which(one) == which), key=lambda one: one.nth)


def _which(kept: StoredMaterial) -> tuple[InstitutionId, str, MaterialKind]:
    return kept.institution, kept.line, kept.material.kind


def _await(tx: Tx, case: CaseId, institution: str, line: str, kind: MaterialKind, nth: int = 1) -> None:
    material = MaterialId.draw()
    new = tx.run(
        """INSERT INTO materials (material, case_id, institution, line, kind, nth, state)
           VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (case_id, institution, line, kind, nth) DO NOTHING""",
        *(material, case, institution, line, kind, nth, MaterialState.WANTED),
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


def receive(tx: Tx, case: CaseId, patient: PatientId, kept: StoredMaterial, came: Came) -> Material:
    """Count a parcel in by its labels, and compare it with the sender's list where there is one. What was counted of
    the same parcel before is replaced.

    Raises:
        NeedsReview: an earlier parcel carried another accession number.
        NotAllowed: no pieces, or the material has gone back.
    """
    number = accession_hmac(tx, patient, came.label.accession)
    wanted = kept.material if kept.label else replace(kept.material, accession_hmac=number)
    before = parcels.counted(tx, came.parcel, wanted.id) if came.parcel else 0
    now = materials.receive(wanted, pieces=came.pieces, accession_hmac=number, labels=came.labels, instead_of=before)
    now = materials.announce(now, came.announced) if came.announced else now
    now = replace(now, loan=now.kind.is_original, due_back=came.due_back or _due_back(tx, now))
    if came.parcel:
        parcels.keep_count(tx, came.parcel, now.id, came.pieces)
    _seal(tx, patient, now.id, replace(came.label, pieces=kept.label.pieces if kept.label else ()))
    tx.run("UPDATE materials SET received_at = transfer.now() WHERE material = %s", now.id)
    _count(tx, case, kept, now, parcel=came.parcel, with_report=came.with_report)
    return now


def accession_hmac(tx: Tx, patient: PatientId, accession: str) -> str:
    """By what an accession number is told from another."""
    return tx.keys.hmac(KeyName.patient(patient), accession.encode()).hex()


def _due_back(tx: Tx, now: Material) -> date | None:
    return now.due_back or materials.due_back(now.kind, tx.now().date())


def _seal(tx: Tx, patient: PatientId, material: MaterialId, label: Label) -> None:
    sealed = tx.keys.seal(KeyName.patient(patient), codec.dump(Label, label), about=material)
    tx.run("UPDATE materials SET about = %s WHERE material = %s", sealed, material)
    search_terms.owe(tx, patient)


def relabel(tx: Tx, patient: PatientId, kept: StoredMaterial, label: Label) -> None:
    """Keep other numbers by which people ask for the pieces."""
    _seal(tx, patient, kept.material.id, label)


def keep_piece(tx: Tx, case: CaseId, patient: PatientId, kept: StoredMaterial, said: DescribedPiece) -> None:
    """Keep what stands on one piece, and where it is. The fact says only that somebody did."""
    label = kept.label or Label(accession="")
    is_elsewhere = all(one.id != said.id or one.place != said.place for one in label.pieces)
    change = "moved" if is_elsewhere else "described"
    _seal(tx, patient, kept.material.id, replace(label, pieces=materials.described(label.pieces, said)))
    tx.append(Chain.case(case), facts.PieceDescribed(material=kept.material.id, piece=said.id, change=change))


def judge(tx: Tx, case: CaseId, kept: StoredMaterial, said: Sufficiency) -> Material:
    """What a pathologist says of the pieces. The same again writes nothing.

    Raises:
        NotAllowed: none came.
    """
    return _become(tx, case, kept, materials.judge(kept.material, said))


def move(tx: Tx, case: CaseId, kept: StoredMaterial, to: MaterialState, *, carrier: Carrier | None = None) -> Material:
    """A move of custody; `carrier`: who takes them. The same again writes nothing.

    Raises:
        NotAllowed: there is no such move.
    """
    if kept.material.state is to:
        return kept.material
    return _become(tx, case, kept, materials.move(kept.material, to), carrier=carrier)


def keep_until(tx: Tx, case: CaseId, kept: StoredMaterial, day: date) -> Material:
    """The lender lets them stay until this day. The same again writes nothing.

    Raises:
        NotAllowed: they are no loan that is here, or are due back later.
    """
    return _become(tx, case, kept, materials.keep_until(kept.material, day))


def _become(tx: Tx, case: CaseId, kept: StoredMaterial, now: Material, *, carrier: Carrier | None = None) -> Material:
    if now != kept.material:
        _count(tx, case, kept, now, carrier=carrier)
    return now


def announce(tx: Tx, case: CaseId, kept: StoredMaterial, expected: int) -> Material:
    """How many pieces the sender's list says were sent, said after they came. The same again writes nothing.

    Raises:
        NotAllowed: fewer than one piece.
    """
    return _become(tx, case, kept, materials.announce(kept.material, expected))


def doubt(tx: Tx, case: CaseId, kept: StoredMaterial) -> None:
    """The receiver says that what is in hand is not what it needs: it is counted anew. Twice is once."""
    if kept.material.state is MaterialState.RECEIVED:
        _count(tx, case, kept, replace(kept.material, state=MaterialState.DISCREPANT, judged=None))


def cancel(tx: Tx, case: CaseId, kept: StoredMaterial) -> None:
    """Pieces are wanted no more.

    Raises:
        NotAllowed: they are on their way, or came.
    """
    _count(tx, case, kept, materials.move(kept.material, MaterialState.CANCELLED))


def _count(
    tx: Tx,
    case: CaseId,
    kept: StoredMaterial,
    now: Material,
    *,
    parcel: ParcelId | None = None,
    with_report: bool | None = None,
    carrier: Carrier | None = None,
) -> None:
    tx.run(
        """UPDATE materials SET expected = %s, received = %s, state = %s, labels = %s, judged = %s, loan = %s,
             due_back = %s WHERE material = %s""",
        *(now.expected, now.received, now.state, now.labels, now.judged, now.loan, now.due_back, now.id),
    )
    fact = facts.MaterialReceived(
        material=now.id,
        institution=kept.institution,
        line=kept.line,
        received=now.received,
        expected=now.expected,
        state=now.state,
        parcel=parcel,
        labels=now.labels if now.labels is not LabelCheck.AGREE else None,
        judged=now.judged,
        with_report=with_report,
        due_back=now.due_back.isoformat() if now.due_back else None,
        carrier=carrier,
    )
    tx.append(Chain.case(case), fact)


def counted(tx: Tx, wanted: Sequence[CaseId]) -> dict[CaseId, list[tuple[str, int, int]]]:
    """Of each case that pieces are wanted for: their kind, how many came, and how many were announced (0: unsaid)."""
    rows = tx.rows(
        f"""SELECT case_id, kind, sum(received)::int AS received, sum(expected)::int AS expected FROM materials
            WHERE case_id = {ANY_OF} GROUP BY case_id, kind ORDER BY kind""",  # noqa: S608  our own text
        list(wanted),
    )
    found: dict[CaseId, list[tuple[str, int, int]]] = {}
    for row in rows:
        found.setdefault(CaseId(row.case_id), []).append((row.kind, row.received, row.expected))
    return found


def case_of(tx: Tx, material: MaterialId) -> CaseId | None:
    """The case that these pieces are wanted for."""
    case = tx.value("SELECT case_id FROM materials WHERE material = %s", material)
    return CaseId(case) if case else None


def lent(tx: Tx, limit: int) -> list[tuple[CaseId, MaterialId]]:
    """Loans that are not back at their laboratories, what is due first in front."""
    rows = tx.rows(
        """SELECT case_id, material FROM materials
           WHERE loan AND received > 0 AND state IN ('in-hand', 'discrepant', 'returning', 'lost')
           ORDER BY due_back NULLS LAST, material LIMIT %s""",
        limit,
    )
    return [(CaseId(row.case_id), MaterialId(row.material)) for row in rows]


def lent_to(tx: Tx, receiver: str, limit: int) -> list[tuple[CaseId, MaterialId]]:
    """The same of the cases of one receiving center; also what is consumed, while its case is open."""
    rows = tx.rows(
        """SELECT case_id, material FROM materials JOIN cases USING (case_id)
           WHERE cases.receiver = %s AND received > 0 AND (loan OR cases.is_open)
             AND materials.state IN ('in-hand', 'discrepant', 'returning', 'lost')
           ORDER BY due_back NULLS LAST, material LIMIT %s""",
        *(receiver, limit),
    )
    return [(CaseId(row.case_id), MaterialId(row.material)) for row in rows]


def of_case(tx: Tx, case: CaseId, patient: PatientId) -> list[StoredMaterial]:
    rows = tx.held_rows(case, "SELECT * FROM materials WHERE case_id = %s ORDER BY institution, line, kind, nth", case)
    return [_kept(tx, patient, row) for row in rows]


def _kept(tx: Tx, patient: PatientId, row: Row) -> StoredMaterial:
    label = None
    if row.about:
        label = codec.load(Label, tx.keys.unseal(KeyName.patient(patient), row.about, about=row.material))
    return StoredMaterial(
        material=Material(
            id=MaterialId(row.material),
            accession_hmac=accession_hmac(tx, patient, label.accession) if label else "",
            kind=MaterialKind(row.kind),
            expected=row.expected,
            received=row.received,
            state=MaterialState(row.state),
            loan=row.loan,
            due_back=row.due_back,
            labels=LabelCheck(row.labels),
            judged=Sufficiency(row.judged) if row.judged else None,
        ),
        institution=InstitutionId(row.institution),
        line=row.line,
        label=label,
        received_at=row.received_at,
        nth=row.nth,
    )
