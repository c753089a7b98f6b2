"""Have we it already? Copies, corrections and withdrawals."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.copies import (
    Version,
    best,
    ended,
    ended_by,
    ended_through,
    ends,
    ends_late,
    original,
    same_document,
    terms,
)
from transfer.identifiers import InstitutionId, RecordId
from transfer.patients import IssuedIdentifier
from transfer.records import DocumentStatus, RecordKind, Relation

LABORATORY, OFFICE = InstitutionId("prairie-pathology"), InstitutionId("lakeside-oncology")
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
FILLERS, ACCESSIONS = "urn:oid:1.2.3", "urn:oid:1.2.4"
REPORT = IssuedIdentifier(FILLERS, "F1")
ACCESSION = IssuedIdentifier(ACCESSIONS, "S26-1001")
ISSUERS = {LABORATORY: frozenset({FILLERS, ACCESSIONS}), OFFICE: frozenset({"urn:oid:9"})}


def numbers(*values: str, issuer: str = FILLERS) -> frozenset[IssuedIdentifier]:
    return frozenset(IssuedIdentifier(issuer, value) for value in values)


def a_version(status: DocumentStatus = DocumentStatus.FINAL, **differing) -> Version:
    """A report of the laboratory's under its filler number."""
    plain = {
        "record": RecordId.draw(),
        "source": LABORATORY,
        "kind": RecordKind.PATHOLOGY_REPORT,
        "status": status,
        "at": NOW - timedelta(days=3),
        "numbers": frozenset({REPORT}),
    }
    return Version(**{**plain, "issuers": ISSUERS[differing.get("source", LABORATORY)], **differing})


def a_correction(**differing) -> Version:
    """As an ORU says it: under the number of the report itself."""
    return a_version(DocumentStatus.CORRECTED, **{"parent": REPORT, "relation": Relation.REPLACES, **differing})


def a_withdrawal(**differing) -> Version:
    return a_version(DocumentStatus.WITHDRAWN, **{"parent": REPORT, "relation": Relation.WITHDRAWS, **differing})


# --- the same document -----------------------------------------------------------------------------------------------


def test_one_shared_number_or_the_same_bytes_make_one_document():
    def version(*values: str, contents: tuple[str, ...] = (), issuer: str = FILLERS) -> Version:
        return a_version(numbers=numbers(*values, issuer=issuer), contents=frozenset(contents))

    assert same_document(version("S26-1001", "F1"), version("S26-1001"))
    assert same_document(version("F1", contents=("ab",)), version("F2", contents=("ab",)))
    assert not same_document(version("S26-1001"), version("S26-1002"))
    assert not same_document(version("S26-1001"), version("S26-1001", issuer="urn:oid:9"))
    assert not same_document(version(), version())


def test_a_study_and_the_report_on_it_are_two_things():
    study = a_version(kind=RecordKind.IMAGES, numbers=frozenset({ACCESSION}))
    report = a_version(kind=RecordKind.IMAGING_REPORT, numbers=frozenset({ACCESSION}))

    assert not same_document(study, report)
    assert original(report, [study]) is None


def test_a_copy_of_a_copy_is_a_copy_of_the_first():
    first, by_fax = a_version(), a_version(numbers=numbers("F1", "X"), source=OFFICE)
    by_fax = replace(by_fax, copy_of=original(by_fax, [first]))

    assert by_fax.copy_of == first.record
    assert original(a_version(numbers=numbers("X"), source=OFFICE), [by_fax]) == first.record
    assert original(a_version(), [first, by_fax]) == first.record
    assert original(first, []) is None


@pytest.mark.parametrize(
    "changed",
    [
        a_correction(),
        a_withdrawal(),
        a_version(DocumentStatus.AMENDED),
        a_version(DocumentStatus.APPENDED, parent=REPORT, relation=Relation.APPENDS),
    ],
)
def test_what_changes_or_adds_to_a_document_is_no_copy_of_it(changed: Version):
    assert same_document(changed, a_version())
    assert original(changed, [a_version()]) is None


def test_the_report_before_a_correction_is_no_copy_of_that():
    assert original(a_version(), [a_correction()]) is None


# --- what replaces or withdraws what ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [DocumentStatus.CORRECTED, DocumentStatus.AMENDED])
def test_a_changed_report_replaces_the_earlier_one_of_its_number_also_where_it_names_none(status: DocumentStatus):
    assert ends(a_version(status), a_version()) is Relation.REPLACES


def test_a_final_report_replaces_the_preliminary_one_and_not_the_other_way_round():
    final, preliminary = a_version(), a_version(DocumentStatus.PRELIMINARY)

    assert ends(final, preliminary) is Relation.REPLACES
    assert ends(preliminary, final) is None
    assert ends(final, a_version()) is None


def test_a_document_replaces_the_one_it_names_under_another_number():
    old, new = a_version(), a_version(numbers=numbers("F2"), parent=REPORT, relation=Relation.REPLACES)

    assert ends(new, old) is Relation.REPLACES
    assert ended(new, [old, a_version(numbers=numbers("F3"))]) == [(old.record, Relation.REPLACES)]


def test_an_addendum_replaces_nothing():
    addendum = a_version(numbers=numbers("F2"), parent=REPORT, relation=Relation.APPENDS)

    assert ends(addendum, a_version()) is None
    assert ends(a_version(DocumentStatus.APPENDED, parent=REPORT, relation=Relation.APPENDS), a_version()) is None


def test_nobody_replaces_or_withdraws_the_document_of_another_institution():
    report = a_version()
    claimed = a_version(source=OFFICE, numbers=numbers("N1"), parent=REPORT, relation=Relation.REPLACES)
    withdrawn = a_version(DocumentStatus.WITHDRAWN, source=OFFICE)

    assert ends(claimed, report) is None
    assert ends(withdrawn, report) is None
    assert ended_by(report, [claimed, withdrawn]) is None


def test_the_issuers_word_holds_for_copies_that_came_by_others_before_and_after():
    for word in (a_correction(), a_withdrawal()):
        copy = a_version(source=OFFICE, at=NOW)

        assert ends(word, copy) is word.relation
        assert ended_by(copy, [word]) == (word.record, word.relation)


def test_a_correction_leaves_another_report_on_the_same_accession_alone():
    one = a_correction(numbers=frozenset({REPORT, ACCESSION}))
    other = a_version(numbers=frozenset({ACCESSION, *numbers("F2")}))

    assert ends(one, other) is None
    assert ends(a_correction(), one) is Relation.REPLACES


def test_a_correction_does_not_replace_the_study_it_is_about():
    word = a_correction(kind=RecordKind.IMAGING_REPORT, parent=ACCESSION, numbers=frozenset({ACCESSION}))
    study = a_version(kind=RecordKind.IMAGES, numbers=frozenset({ACCESSION}))

    assert ends(word, study) is None
    assert ended_by(study, [word]) is None


def test_a_new_version_under_the_same_number_does_not_replace_itself():
    one = a_correction()

    assert ends(one, one) is None


@pytest.mark.parametrize("at", [NOW - timedelta(days=3), None])
@pytest.mark.parametrize("word", [a_withdrawal(), a_version(DocumentStatus.WITHDRAWN)])
def test_a_withdrawn_report_that_is_sent_again_stays_withdrawn(at: datetime | None, word: Version):
    assert ended_by(a_version(at=at), [word]) == (word.record, Relation.WITHDRAWS)


def test_an_entry_that_was_withdrawn_and_is_sent_again_stays_withdrawn_unless_it_is_stated_later():
    entry = numbers("1", issuer="https://office.example/DocumentReference")
    word = a_version(DocumentStatus.ENTERED_IN_ERROR, entries=entry, contents=frozenset({"ab"}), stated_at=EARLIER)
    again, unsaid = a_version(entries=entry, contents=frozenset({"cd"})), replace(word, stated_at=None)

    assert ended(again, [unsaid]) == []
    assert ended_by(again, [unsaid]) == (word.record, Relation.WITHDRAWS)
    assert ended(replace(again, stated_at=LATER), [word]) == [(word.record, Relation.REPLACES)]
    assert ended_by(replace(again, stated_at=LATER), [word]) is None


def test_what_is_issued_again_after_a_withdrawal_counts():
    assert ended_by(a_version(at=NOW), [a_withdrawal()]) is None


def test_a_correction_after_a_withdrawal_counts_and_ends_the_withdrawal():
    withdrawal, correction = a_withdrawal(), a_correction()

    assert ended(correction, [withdrawal]) == [(withdrawal.record, Relation.REPLACES)]
    assert ended_by(correction, [withdrawal]) is None


def test_an_older_version_that_comes_late_is_replaced_by_what_stands_under_its_number():
    final, correction = a_version(), a_correction()

    assert ended_by(a_version(), [correction]) == (correction.record, Relation.REPLACES)
    assert ended_by(a_version(DocumentStatus.PRELIMINARY), [final]) == (final.record, Relation.REPLACES)


def test_what_is_dated_later_than_the_correction_of_its_number_stands_beside_it():
    assert ended_by(a_version(at=NOW), [a_correction()]) is None


EARLIER, LATER = NOW - timedelta(hours=2), NOW - timedelta(hours=1)


@pytest.mark.parametrize("status", [DocumentStatus.CORRECTED, *(one for one in DocumentStatus if one.is_void)])
def test_what_the_source_said_earlier_ends_nothing_that_it_said_later(status: DocumentStatus):
    word, reissued = a_version(status, stated_at=EARLIER), a_version(stated_at=LATER, at=NOW - timedelta(days=5))

    assert ended(word, [reissued]) == []
    assert ended_by(reissued, [word]) is None
    assert ended_by(a_version(stated_at=EARLIER, at=NOW), [replace(word, stated_at=LATER)])


def test_of_two_corrections_the_one_said_later_counts_in_whatever_order_they_come():
    first, second = a_correction(stated_at=EARLIER), a_correction(stated_at=LATER)

    assert ended(second, [first]) == [(first.record, Relation.REPLACES)]
    assert ended(first, [second]) == []
    assert ended_by(first, [second]) == (second.record, Relation.REPLACES)


def test_what_was_not_to_be_used_yet_counts_once_it_is_released():
    unavailable = a_version(DocumentStatus.UNAVAILABLE, parent=REPORT, relation=Relation.WITHDRAWS)

    assert ended_by(a_version(), [unavailable]) is None
    assert ended(unavailable, [released := a_version()]) == [(released.record, Relation.WITHDRAWS)]
    assert ended_by(a_version(stated_at=EARLIER), [replace(unavailable, stated_at=LATER)])


def test_a_blank_withdrawal_ends_what_came_under_its_number_whatever_its_kind():
    blank = a_version(DocumentStatus.ENTERED_IN_ERROR, kind=RecordKind.OTHER, at=None)

    assert ends(blank, a_version()) is Relation.WITHDRAWS
    assert ends(blank, a_version(kind=RecordKind.IMAGES)) is None
    assert ends(replace(blank, kind=RecordKind.NOTE), a_version()) is None


@pytest.mark.parametrize("status", [DocumentStatus.ENTERED_IN_ERROR, DocumentStatus.AMENDED])
def test_a_word_about_one_report_leaves_another_on_the_same_accession_alone(status: DocumentStatus):
    """Each has a number of its own by the source; only the accession is one."""
    word = a_version(status, numbers=frozenset({ACCESSION, *numbers("F1")}))

    assert ends(word, a_version(numbers=frozenset({ACCESSION, *numbers("F2")}))) is None
    assert ends(word, a_version(numbers=frozenset({ACCESSION})))


def test_nothing_void_is_a_copy_or_has_one():
    void = a_version(DocumentStatus.UNAVAILABLE)

    assert original(a_version(), [void]) is None
    assert original(void, [a_version(DocumentStatus.UNAVAILABLE)]) is None


def test_a_replaced_document_that_comes_late_is_replaced():
    word = a_version(numbers=numbers("F2"), parent=REPORT, relation=Relation.REPLACES)

    for at in (NOW - timedelta(days=3), NOW, None):
        assert ended_by(a_version(at=at), [word]) == (word.record, Relation.REPLACES)


def test_what_corrects_a_correction_ends_what_that_had_corrected():
    first, second, third, other, copy = (RecordId.draw() for _ in range(5))
    links = {
        first: (second, Relation.REPLACES),
        second: (third, Relation.WITHDRAWS),
        copy: (second, Relation.REPLACES),
        other: (RecordId.draw(), Relation.REPLACES),
    }

    assert ended_through(third, links) == dict.fromkeys((first, second, copy), Relation.WITHDRAWS)
    assert ended_through(second, links) == dict.fromkeys((first, copy), Relation.REPLACES)
    assert ended_through(first, links) == {}


def test_a_document_and_the_one_that_replaces_it_are_found_by_a_term():
    new = a_version(numbers=numbers("F2"), parent=REPORT, relation=Relation.REPLACES)

    assert their_terms(new) & their_terms(a_version())


def their_terms(one: Version) -> set[str]:
    return set(terms(one.numbers, one.contents, one.parents))


NUMBERS = st.builds(IssuedIdentifier, st.sampled_from([FILLERS, "urn:oid:9"]), st.sampled_from(["1", "2"]))
VERSIONS = st.builds(
    a_version,
    st.sampled_from(DocumentStatus),
    source=st.sampled_from([LABORATORY, OFFICE]),
    kind=st.sampled_from([RecordKind.PATHOLOGY_REPORT, RecordKind.NOTE, RecordKind.IMAGES]),
    at=st.none() | st.sampled_from([NOW, NOW - timedelta(1)]),
    numbers=st.frozensets(NUMBERS, max_size=2),
    contents=st.frozensets(st.sampled_from(["ab", "cd"]), max_size=1),
    parent=st.none() | NUMBERS,
    relation=st.none() | st.sampled_from(Relation),
    stated_at=st.none() | st.sampled_from([NOW, NOW - timedelta(1)]),
)


@given(VERSIONS, VERSIONS)
def test_whatever_a_rule_speaks_of_is_found_by_a_term(a: Version, b: Version):
    if same_document(a, b) or ends(a, b):
        assert their_terms(a) & their_terms(b)


@given(VERSIONS, VERSIONS)
def test_the_same_document_is_the_same_from_both_sides(a: Version, b: Version):
    assert same_document(a, b) == same_document(b, a)


@given(VERSIONS, st.lists(VERSIONS, max_size=4))
def test_nothing_ends_what_ends_it(new: Version, earlier: list[Version]):
    gone = {record for record, _ in ended(new, earlier)}
    word = ended_by(new, earlier)

    assert new.record not in gone
    assert word is None or word[0] not in gone


@given(VERSIONS, VERSIONS)
def test_only_the_source_or_who_gives_out_the_number_ends_a_document(newer: Version, older: Version):
    if ends(newer, older) and newer.source != older.source:
        assert newer.parent in older.numbers
        assert newer.parent.issuer in ISSUERS[newer.source]
    if ends_late(newer, older):
        assert ends(newer, older)


@given(VERSIONS, VERSIONS)
def test_no_document_ends_a_study(newer: Version, older: Version):
    if RecordKind.IMAGES in (newer.kind, older.kind):
        assert ends(newer, older) is None
        assert ends_late(newer, older) is None


@given(VERSIONS, st.lists(VERSIONS, max_size=4))
def test_a_copy_is_of_a_document_here_that_it_does_not_end(new: Version, earlier: list[Version]):
    first = original(new, earlier)

    if first:
        (one,) = [each for each in earlier if each.record == first]
        assert same_document(new, one)
        assert not ends(new, one)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=8))
def test_links_that_lead_back_to_themselves_come_to_an_end(pairs: list[tuple[int, int]]):
    names = [RecordId(f"r{n:015d}") for n in range(6)]
    links = {names[older]: (names[newer], Relation.REPLACES) for older, newer in pairs}

    for name in names:
        assert name not in ended_through(name, links)


# --- which is best ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """A record that stands."""

    status: DocumentStatus = DocumentStatus.FINAL
    content_type: str = "application/pdf"
    at: datetime | None = NOW - timedelta(days=3)
    copy_of: RecordId | None = None
    id: RecordId = field(default_factory=RecordId.draw)


def test_a_settled_copy_comes_before_a_structured_one():
    settled = Held()
    structured = Held(DocumentStatus.PRELIMINARY, "application/fhir+json", copy_of=settled.id)

    assert best([structured, settled]) == settled


def test_the_structured_original_comes_before_pages_and_pages_before_text_and_pictures():
    kinds = [
        "application/fhir+json",
        "text/xml; charset=utf-8",
        "Application/PDF",
        "text/rtf",
        "text/plain",
        "image/tiff",
    ]
    first = RecordId.draw()
    copies = [Held(content_type=kind, copy_of=first) for kind in kinds]

    for n in range(len(copies)):
        assert best(copies[: n - 1 : -1] if n else copies[::-1]) == copies[n]


def test_of_equals_the_one_that_came_first():
    first = Held()

    assert best([Held(copy_of=first.id), first]) == first


def test_the_date_of_an_original_says_nothing_about_which_copy_is_better():
    first = Held(at=NOW - timedelta(days=9))

    assert best([Held(at=NOW, copy_of=first.id), first]) == first


def test_of_two_documents_the_later_is_better():
    old, new = Held(at=NOW - timedelta(days=9), content_type="application/fhir+json"), Held(at=NOW)

    assert best([old, new, Held(at=None)]) == new


def test_a_correction_comes_before_what_it_corrects_whatever_its_form():
    first = Held(content_type="application/fhir+json")
    corrected = Held(DocumentStatus.CORRECTED, "text/plain", at=NOW)
    corrected_again = Held(DocumentStatus.CORRECTED, "image/tiff", at=NOW + timedelta(days=1))

    assert best([first, corrected]) == corrected
    assert best([first, corrected_again, corrected]) == corrected_again


def test_the_whole_report_with_its_addendum_comes_before_the_report():
    first = Held()

    assert best([first, with_more := Held(DocumentStatus.APPENDED)]) == with_more


def test_of_no_copies_none_is_the_best():
    assert best([]) is None


HELD = st.lists(
    st.builds(
        Held,
        st.sampled_from(DocumentStatus),
        st.sampled_from(["application/pdf", "text/plain", "image/tiff", ""]),
        st.none() | st.sampled_from([NOW, NOW - timedelta(1)]),
        st.none() | st.sampled_from([RecordId(f"r{n:015d}") for n in range(2)]),
        st.builds(RecordId.draw),
    ),
    max_size=5,
)


@given(HELD)
def test_the_best_copy_does_not_depend_on_order(held: list[Held]):
    assert best(held[::-1]) == best(held)
    assert (best(held) is None) == (not held)


@given(HELD)
def test_an_unsettled_one_is_chosen_only_where_no_settled_one_is_there(held: list[Held]):
    one = best(held)

    if one and not one.status.is_settled:
        assert not any(each.status.is_settled for each in held)


def test_one_that_replaces_several_ends_each_whichever_comes_first():
    parts = [a_version(numbers=numbers(one)) for one in ("A", "B", "C")]
    first, further = numbers("A"), numbers("B")
    whole = a_version(
        numbers=numbers("AB"), parent=next(iter(first)), further_parents=further, relation=Relation.REPLACES
    )

    assert [ends(whole, one) for one in parts] == [Relation.REPLACES, Relation.REPLACES, None]
    assert [ends_late(whole, one) for one in parts] == [Relation.REPLACES, Relation.REPLACES, None]
    assert {*terms(whole.numbers, (), whole.parents)} >= {term for one in parts[:2] for term in terms(one.numbers, ())}
