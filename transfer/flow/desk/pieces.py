"""Glass and blocks as they come in, by hand."""

from transfer.flow.assess import settle_needs
from transfer.flow.desk.verbs import Did, at_desk, not_allowed, opened_case, still_open, unknown
from transfer.flow.edges import Edges
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx, materials
from transfer.ledger.materials import Kept, Label
from transfer.materials import Material, discrepancy


def receive_material(
    edges: Edges,
    case: CaseId,
    *,
    pieces: int,
    accession: str,
    person: str,
    announced: int | None = None,
    material: str | None = None,
    is_another_parcel: bool = False,
) -> Did:
    """Count a parcel in by what its labels say. The same parcel entered again counts once, unless it is said to be
    another one.

    Raises:
        Unknown: nothing of that kind is awaited.
        NeedsReview: the labels carry another accession number than an earlier parcel's.
        NotAllowed: several materials are awaited and none is named, or what is counted differs from what was entered.
    """
    if not accession.strip():
        raise not_allowed("no accession number was given", "Type what stands on the labels.")
    with at_desk(edges, person) as tx:
        found, _, patient = opened_case(tx, case)
        still_open(found)
        kept = _meant(tx, case, patient, material)
        if kept.material.received and not is_another_parcel:
            return _entered_before(kept, pieces, accession)
        label = Label(accession=accession.strip(), description=kept.label.description if kept.label else "")
        now = materials.receive(tx, case, patient, kept, pieces=pieces, announced=announced, label=label)
        after = settle_needs(tx, edges, case)
    return Did(sentence=f"{_counted(now)}; {after.sentence}")


def announce_material(edges: Edges, case: CaseId, count: int, *, person: str, material: str | None = None) -> Did:
    """How many pieces the sender's list says were sent, where that became known after they came.

    Raises:
        NotAllowed: nothing came yet: the number is then given with the parcel.
    """
    with at_desk(edges, person) as tx:
        found, _, patient = opened_case(tx, case)
        still_open(found)
        kept = _meant(tx, case, patient, material)
        if not kept.material.received:
            raise not_allowed(
                f"material {kept.material.id} has not come yet",
                "Give the number with the parcel: transfer material receive --announced.",
            )
        if kept.material.expected == count:
            return Did(sentence=f"{_counted(kept.material)}, said before", changed=False)
        now = materials.announce(tx, case, kept, count)
        after = settle_needs(tx, edges, case)
    return Did(sentence=f"{_counted(now)}; {after.sentence}")


def _meant(tx: Tx, case: CaseId, patient: PatientId, material: str | None) -> Kept:
    awaited = materials.of_case(tx, case, patient)
    meant = [one for one in awaited if material in (None, one.material.id)]
    if not meant:
        raise unknown(f"case {case} awaits no such material", f"What it awaits: transfer case show {case}.")
    if len(meant) > 1:
        ids = ", ".join(f"{one.material.id} ({one.institution})" for one in meant)
        raise not_allowed(f"case {case} awaits several materials", f"Say which with --material: {ids}.")
    return meant[0]


def _entered_before(kept: Kept, pieces: int, accession: str) -> Did:
    same = kept.label is not None and kept.label.accession == accession.strip()
    if same and kept.material.received == pieces:
        return Did(sentence=f"{_counted(kept.material)}, entered before", changed=False)
    raise not_allowed(
        f"material {kept.material.id}: {kept.material.received} pieces were entered before",
        "If these came in a further parcel, say --another-parcel.",
    )


def _counted(material: Material) -> str:
    wrong = discrepancy(material)
    told = f"{material.received} of {material.expected}" if material.expected else f"{material.received}"
    return f"{told} {material.kind}s in hand" + (f": {wrong}" if wrong else "")
