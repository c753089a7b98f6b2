"""Have we it already? Copies, corrections and withdrawals."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.copies import Copy, DocumentKey, best_copy, same_document, superseded
from transfer.identifiers import InstitutionId, RecordId
from transfer.patients import IssuedIdentifier
from transfer.records import DocumentStatus, Relation

LABORATORY, OFFICE = InstitutionId("prairie-pathology"), InstitutionId("lakeside-oncology")
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
REPORT = IssuedIdentifier("urn:oid:1.2.3", "S26-1001")


def a_copy(status: DocumentStatus = DocumentStatus.FINAL, content_type: str = "application/pdf", **differing) -> Copy:
    plain = {
        "record": RecordId.draw(),
        "source": LABORATORY,
        "status": status,
        "content_type": content_type,
        "stored_at": NOW,
        "at": NOW - timedelta(days=3),
        "key": DocumentKey(identifiers=frozenset({REPORT})),
    }
    return Copy(**{**plain, **differing})


def key(*numbers: str, sha256s: tuple[str, ...] = (), issuer: str = "urn:oid:1.2.3") -> DocumentKey:
    return DocumentKey(
        identifiers=frozenset(IssuedIdentifier(issuer, number) for number in numbers), sha256s=frozenset(sha256s)
    )


def test_one_shared_number_or_the_same_bytes_make_one_document():
    assert same_document(key("S26-1001", "F1"), key("S26-1001"))
    assert same_document(key("F1", sha256s=("ab",)), key("F2", sha256s=("ab",)))
    assert not same_document(key("S26-1001"), key("S26-1002"))
    assert not same_document(key("S26-1001"), key("S26-1001", issuer="urn:oid:9"))
    assert not same_document(DocumentKey(), DocumentKey())


def test_a_settled_copy_comes_before_a_structured_one():
    settled, structured = a_copy(), a_copy(DocumentStatus.PRELIMINARY, "application/fhir+json")

    assert best_copy([structured, settled]) == settled


def test_the_structured_original_comes_before_pages_and_pages_before_text_and_pictures():
    kinds = [
        "application/fhir+json",
        "text/xml; charset=utf-8",
        "Application/PDF",
        "text/rtf",
        "text/plain",
        "image/tiff",
    ]
    copies = [a_copy(content_type=kind) for kind in kinds]

    for n in range(len(copies)):
        assert best_copy(copies[: n - 1 : -1] if n else copies[::-1]) == copies[n]


def test_of_equals_the_one_that_came_first():
    first, second = a_copy(), a_copy(stored_at=NOW + timedelta(seconds=1))

    assert best_copy([second, first]) == first


def test_the_date_of_an_original_says_nothing_about_which_copy_is_better():
    first, second = a_copy(at=NOW - timedelta(days=9)), a_copy(at=NOW, stored_at=NOW + timedelta(seconds=1))

    assert best_copy([second, first]) == first


def test_a_correction_comes_before_what_it_corrects_whatever_its_form():
    original = a_copy(content_type="application/fhir+json")
    corrected = a_copy(DocumentStatus.CORRECTED, "text/plain", at=NOW)
    corrected_again = a_copy(DocumentStatus.CORRECTED, "image/tiff", at=NOW + timedelta(days=1))

    assert best_copy([original, corrected]) == corrected
    assert best_copy([original, corrected_again, corrected]) == corrected_again


def test_a_replaced_copy_is_never_the_best():
    old = a_copy(content_type="application/fhir+json")
    new = a_copy(key=key("S26-1001-B"), parent=REPORT, relation=Relation.REPLACES)

    assert superseded([old, new]) == {old.record}
    assert best_copy([old, new]) == new


def test_an_addendum_replaces_nothing():
    old = a_copy()
    addendum = a_copy(DocumentStatus.APPENDED, key=key("S26-1001-A"), parent=REPORT, relation=Relation.APPENDS)

    assert superseded([old, addendum]) == frozenset()


def test_nobody_replaces_or_withdraws_the_document_of_another_institution():
    report = a_copy()
    claimed = a_copy(source=OFFICE, key=key("N1"), parent=REPORT, relation=Relation.REPLACES)
    withdrawn = a_copy(DocumentStatus.WITHDRAWN, source=OFFICE)

    assert superseded([report, claimed]) == frozenset()
    assert best_copy([report, withdrawn]) == report


def test_a_new_version_under_the_same_number_does_not_replace_itself():
    assert superseded([a_copy(parent=REPORT, relation=Relation.REPLACES)]) == frozenset()


@pytest.mark.parametrize("at", [NOW, None])
def test_a_withdrawal_holds_for_every_copy_whichever_way_it_came(at):
    withdrawn = a_copy(DocumentStatus.WITHDRAWN, "text/plain", at=at)

    assert best_copy([a_copy(), a_copy(content_type="application/fhir+json", at=None), withdrawn]) is None


def test_a_notice_of_withdrawal_is_no_copy():
    assert best_copy([a_copy(), a_copy(at=NOW, relation=Relation.WITHDRAWS)]) is None


def test_what_is_issued_again_after_a_withdrawal_counts():
    withdrawn = a_copy(DocumentStatus.WITHDRAWN, at=NOW)
    again = a_copy(at=NOW + timedelta(days=1))

    assert best_copy([a_copy(), withdrawn, again]) == again
    assert best_copy([withdrawn, a_copy(at=NOW)]) is None


def test_of_no_copies_none_is_the_best():
    assert best_copy([]) is None


COPIES = st.lists(
    st.builds(
        Copy,
        record=st.builds(RecordId.draw),
        source=st.sampled_from([LABORATORY, OFFICE]),
        status=st.sampled_from(DocumentStatus),
        content_type=st.sampled_from(["application/pdf", "text/plain", "image/tiff", ""]),
        stored_at=st.sampled_from([NOW, NOW + timedelta(1)]),
        at=st.none() | st.sampled_from([NOW, NOW - timedelta(1)]),
        key=st.builds(key, st.sampled_from(["1", "2"])),
        parent=st.none() | st.builds(IssuedIdentifier, st.just("urn:oid:1.2.3"), st.sampled_from(["1", "2"])),
        relation=st.none() | st.sampled_from(Relation),
    ),
    max_size=5,
)


@given(COPIES)
def test_the_best_copy_is_never_withdrawn_or_replaced_and_does_not_depend_on_order(copies):
    best = best_copy(copies)

    assert best_copy(copies[::-1]) == best
    if best:
        assert best.status is not DocumentStatus.WITHDRAWN
        assert best.record not in superseded(copies)


@given(COPIES)
def test_an_unsettled_copy_is_chosen_only_where_no_settled_one_is_left(copies):
    best = best_copy(copies)

    if best and not best.status.is_settled:
        gone = superseded(copies)
        withdrawn = [c for c in copies if c.status is DocumentStatus.WITHDRAWN or c.relation is Relation.WITHDRAWS]
        alive = [c for c in copies if c.record not in gone and c not in withdrawn and c.status.is_settled]
        assert all(any(w.source == c.source for w in withdrawn) for c in alive)
