"""What stands of a document after all that its source said of it, in whatever order that came."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from transfer.copies import ENDINGS, Version, ended, ended_by
from transfer.identifiers import InstitutionId, RecordId
from transfer.patients import IssuedIdentifier
from transfer.records import DocumentStatus, RecordKind, Relation

LABORATORY, OFFICE = InstitutionId("prairie-pathology"), InstitutionId("lakeside-oncology")
FILLERS = "urn:oid:1.2.3"
ISSUERS = {LABORATORY: frozenset({FILLERS}), OFFICE: frozenset({"urn:oid:9"})}
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
#: a document's number, and that of the document it replaces
NUMBERS = [IssuedIdentifier(FILLERS, f"F{n}") for n in range(3)]


def stands(came: Sequence[Version]) -> set[RecordId]:
    """What still counts once all of these were collected in this order, as `transfer.flow.collecting` does it."""
    kept: list[Version] = []
    gone = set()
    for new in came:
        gone |= {record for record, _ in ended(new, kept)}
        if ended_by(new, kept):
            gone.add(new.record)
        kept.append(new)
    return {one.record for one in kept if one.record not in gone and not one.status.is_void}


def should_stand(said: Sequence[Version]) -> set[RecordId]:
    """The same by what was said, without looking at what came when."""
    return {one.record for one in said if not one.status.is_void and not any(_is_over(one, by) for by in said)}


def _is_over(one: Version, by: Version) -> bool:
    if by.relation in ENDINGS and by.parent in one.numbers and by.parent not in by.numbers:
        return True  # replaced by a document of another number: for good
    if one.source != by.source:
        return by.source == LABORATORY and by.relation in ENDINGS and by.parent in one.numbers
    if not one.numbers & by.numbers or by.stated_at <= one.stated_at:
        return False
    is_changed = by.status in (DocumentStatus.CORRECTED, DocumentStatus.AMENDED)
    is_draft = one.status is DocumentStatus.PRELIMINARY and by.status.is_settled
    return by.status.is_void or is_changed or is_draft


@st.composite
def histories(draw: st.DrawFn) -> list[Version]:
    """What a laboratory says of up to three documents, each replacing the one before, and copies from an office.

    It says what it does to an earlier one as HL7 v2 does, by a relation, or as FHIR does, by the state alone.
    """
    is_related = draw(st.booleans())
    said = []
    for minute, (number, status) in enumerate(
        draw(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(DocumentStatus)), min_size=1, max_size=6))
    ):
        parent, relation = _related(number, status) if is_related else (None, None)
        if number and parent is None:
            parent, relation = NUMBERS[number - 1], Relation.REPLACES
        said.append(_version(LABORATORY, number, status, minute, parent, relation))
    copies = draw(st.lists(st.integers(0, 2), max_size=2))
    return said + [_version(OFFICE, number, DocumentStatus.FINAL, 0, None, None) for number in copies]


def _related(number: int, status: DocumentStatus) -> tuple[IssuedIdentifier | None, Relation | None]:
    if status.is_void:
        return NUMBERS[number], Relation.WITHDRAWS
    if status in (DocumentStatus.CORRECTED, DocumentStatus.AMENDED):
        return NUMBERS[number], Relation.REPLACES
    return None, None


def _version(
    source: InstitutionId,
    number: int,
    status: DocumentStatus,
    minute: int,
    parent: IssuedIdentifier | None,
    relation: Relation | None,
) -> Version:
    return Version(
        record=RecordId.draw(),
        source=source,
        kind=RecordKind.PATHOLOGY_REPORT,
        status=status,
        at=BEGIN,
        stated_at=BEGIN + timedelta(minutes=minute),
        numbers=frozenset({NUMBERS[number]}),
        parent=parent,
        relation=relation,
        issuers=ISSUERS[source],
    )


@given(histories(), st.randoms(use_true_random=False))
def test_what_stands_is_what_was_said_last_in_whatever_order_it_came(said: list[Version], dice):
    came = list(said)
    dice.shuffle(came)

    assert stands(came) == should_stand(said)


@given(histories(), st.randoms(use_true_random=False))
def test_nothing_stands_that_its_source_took_back_and_did_not_say_again(said: list[Version], dice):
    came = list(said)
    dice.shuffle(came)
    standing = stands(came)

    for one in said:
        later = [by for by in said if (by.source, by.numbers) == (one.source, one.numbers)]
        if any(by.status.is_void and by.stated_at > one.stated_at for by in later):
            assert one.record not in standing
