"""What people fill in about parcels, slides and blocks, at the desk and at a receiving center: read in one place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from transfer.identifiers import CaseId, InstitutionId, ParcelId
from transfer.materials import CheckIn, LabelCheck, MaterialKind, Sufficiency
from transfer.pages.forms import Fields, Problems
from transfer.parcels import MOST_CHARACTERS, Carrier, Condition, as_read
from transfer.reported_parts import parts_named

#: what pieces are called where they are counted, the usual ones first
KINDS: Final[Mapping[MaterialKind, str]] = {
    MaterialKind.SLIDE: "Slides, stained",
    MaterialKind.BLOCK: "Blocks",
    MaterialKind.UNSTAINED: "Unstained",
    MaterialKind.RECUT: "Recuts",
    MaterialKind.SMEAR: "Smears",
    MaterialKind.SCROLL: "Scrolls",
}
CARRIERS: Final[Mapping[Carrier, str]] = {
    Carrier.FEDEX: "FedEx",
    Carrier.UPS: "UPS",
    Carrier.USPS: "USPS",
    Carrier.DHL: "DHL",
    Carrier.OTHER: "Another courier",
    Carrier.BY_HAND: "By hand: the patient, a relative, our staff",
}
CONDITIONS: Final = (
    (Condition.GOOD, "Good"),
    (Condition.SEAL_BROKEN, "The seal is broken"),
    (Condition.WET, "Wet"),
    (Condition.PIECES_BROKEN, "Pieces are broken"),
)
LABELS: Final = (
    (LabelCheck.AGREE, "Name, birth date and number agree with the papers"),
    (LabelCheck.DIFFER, "They differ"),
    (LabelCheck.HANDWRITING_DIFFERS, "The handwriting says otherwise"),
    (LabelCheck.NONE, "There is no label"),
)
#: what lies in the parcel beside the pieces
PAPER_LIST, PAPER_REPORT = "list", "report"
PAPERS: Final = (
    (PAPER_LIST, "Their list says as many as I count"),
    (PAPER_REPORT, "The pathology report is enclosed"),
)
#: what a pathologist says, as it is chosen
SAYS: Final = (
    (Sufficiency.SUFFICIENT, "Sufficient"),
    (Sufficiency.NEED_BLOCK, "A block is needed"),
    (Sufficiency.NEED_UNSTAINED, "Unstained slides are needed"),
    (Sufficiency.NEED_IHC, "Immunostained slides (IHC) are needed"),
    (Sufficiency.NEED_REPORT, "The pathology report is needed"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """A parcel as it is taken in."""

    carrier: Carrier
    condition: Condition
    number: str
    shelf: str


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose pieces they are, and of whom they are awaited."""

    case: CaseId
    source: InstitutionId

    @classmethod
    def of(cls, text: str) -> "Whose | None":
        """As it was chosen; None where nothing was, or nothing that there is."""
        case, _, source = text.partition(" ")
        try:
            return cls(CaseId(case), InstitutionId(source))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SufficiencyEntered:
    """What a pathologist says, how many more are needed, and which."""

    said: Sufficiency
    count: int | None
    words: str | None


def taken_in(fields: Fields, problems: Problems) -> TakenIn | None:
    """A parcel; None where something is wrong with the form."""
    carrier = fields.one_of("carrier", [*Carrier], problems, needed="Choose who brought it")
    condition = fields.one_of("condition", [*Condition], problems, needed="Choose how it is")
    number = fields.line("number", problems, longest=MOST_CHARACTERS)
    shelf = fields.line("shelf", problems, longest=40)
    if problems:
        return None
    return TakenIn(carrier=Carrier(carrier), condition=Condition(condition), number=number, shelf=shelf)


def accession(fields: Fields, problems: Problems) -> str:
    """The number on the labels, as it was read or typed."""
    return as_read(fields.line("accession", problems, longest=MOST_CHARACTERS))


def counted(fields: Fields, problems: Problems, name: str = "count") -> dict[MaterialKind, int]:
    """How many of each kind; those of which there are none are left out."""
    found = {}
    for kind in KINDS:
        text = fields.raw(f"{name}-{kind}").strip()
        if not text or text == "0":
            continue
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 10_000):
            problems.add(f"{name}-{kind}", f"{KINDS[kind]}: a number up to 9999")
        else:
            found[kind] = int(text)
    return found


def checked_in(
    fields: Fields, problems: Problems, parcel: ParcelId, counts: Mapping[MaterialKind, int], source: InstitutionId
) -> CheckIn | None:
    """What was counted under one accession; None where something is wrong with the form."""
    number = accession(fields, problems)
    if not number:
        problems.add("accession", "Type the accession number that stands on the labels")
    labels = fields.one_of("labels", [*LabelCheck], problems, needed="Say how the labels agree with the papers")
    announced = counted(fields, problems, "list")
    if PAPER_LIST in fields.chosen("papers"):
        announced = dict(counts) | announced
    ours, due = fields.line("ours", problems, longest=40), fields.day("due", problems)
    parts = _parts(fields, problems)
    if problems:
        return None
    return CheckIn(
        parcel=parcel,
        accession=number,
        counts=counts,
        announced={kind: announced[kind] for kind in counts if kind in announced},
        source=source,
        labels=LabelCheck(labels),
        with_report=PAPER_REPORT in fields.chosen("papers"),
        our_accession=ours,
        due_back=due,
        parts=parts,
        is_another_accession=bool(fields.chosen("another")),
    )


def _parts(fields: Fields, problems: Problems) -> tuple[str, ...]:
    try:
        return parts_named(fields.line("parts", problems, longest=200))
    except ValueError:
        problems.add("parts", "Type the letters of the parts, like A, B")
        return ()


def judged(fields: Fields, problems: Problems) -> SufficiencyEntered | None:
    """What a pathologist says; None where something is wrong with the form."""
    said = fields.one_of("said", [*Sufficiency], problems, needed="Choose what the pathologist says")
    text, words = fields.raw("number-needed").strip(), fields.note("note", problems)
    if text and not (text.isascii() and text.isdigit() and 0 < int(text) < 1000):
        problems.add("number-needed", "A number up to 999")
    if problems:
        return None
    counts = said in (Sufficiency.NEED_UNSTAINED, Sufficiency.NEED_IHC)
    return SufficiencyEntered(said=Sufficiency(said), count=int(text) if text and counts else None, words=words or None)


def sent_back(fields: Fields, problems: Problems) -> tuple[Carrier, str] | None:
    """Who takes a loan back, and the courier's number; None where something is wrong with the form."""
    carrier = fields.one_of("carrier", [*Carrier], problems, needed="Choose who takes them")
    number = fields.line("number", problems, longest=MOST_CHARACTERS)
    return None if problems else (Carrier(carrier), number)
