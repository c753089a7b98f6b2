"""Whose is this? Never the wrong patient."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.identifiers import PatientId
from transfer.matching import Candidate, Match, MatchRule, MatchVerdict, identify, lookup_terms
from transfer.patients import Demographics, IssuedIdentifier, PersonName

HOSPITAL, OFFICE, ARCHIVE = "urn:oid:1.2.3", "urn:oid:4.5.6", "urn:oid:7.8.9"
BORN = date(1957, 3, 4)
MRN = IssuedIdentifier(HOSPITAL, "00123")
ACCESSION = IssuedIdentifier(ARCHIVE, "S26-1001")
JANE = PersonName("O'Brien", ("Mary", "Jane"))


def said(name: PersonName | None = JANE, born: date | None = BORN, *identifiers: IssuedIdentifier) -> Demographics:
    return Demographics(names=(name,) if name else (), birth_date=born, identifiers=identifiers)


def a_patient(*former: Demographics, current: Demographics | None = None, studies=()) -> Candidate:
    return Candidate(
        patient=PatientId.draw(),
        current=current or said(JANE, BORN, MRN),
        former=former,
        study_identifiers=frozenset(studies),
    )


PATIENT = a_patient(studies=[ACCESSION])


def match(who: Demographics, *candidates: Candidate, studies=()) -> Match:
    return identify(who, study_identifiers=frozenset(studies), candidates=candidates or (PATIENT,))


def judged(who: Demographics, *candidates: Candidate, studies=()) -> tuple[MatchVerdict, MatchRule]:
    found = match(who, *candidates, studies=studies)
    return found.verdict, found.match_rule


OURS, DOUBTFUL, NOT_OURS = MatchVerdict.OURS, MatchVerdict.DOUBTFUL, MatchVerdict.NOT_OURS


@pytest.mark.parametrize(
    "who",
    [
        said(JANE, BORN, MRN),
        said(JANE, None, MRN),
        said(None, BORN, MRN),
        said(PersonName("OBRIEN", ("MARY J",)), BORN, MRN),
        said(PersonName("O’Brien", ("Mary-Jane",)), None, MRN),
        said(PersonName("O'Brien", ("M",)), BORN, MRN),
        said(JANE, BORN, IssuedIdentifier(HOSPITAL, " 00123 ")),
        said(JANE, date(1900, 1, 1), MRN),
        said(PersonName("Unknown"), BORN, MRN),
    ],
)
def test_the_patients_number_with_name_or_birth_date_makes_it_ours(who):
    assert judged(who) == (OURS, MatchRule.IDENTIFIER)
    assert match(who).patient == PATIENT.patient
    assert match(who).deciders == 0


@pytest.mark.parametrize(
    ("who", "match_rule"),
    [
        (said(JANE, date(1957, 4, 3), MRN), MatchRule.CONFLICTING_BIRTH_DATE),
        (said(PersonName("Smith", ("Mary",)), BORN, MRN), MatchRule.CONFLICTING_NAME),
        (said(PersonName("O'Brien", ("Ann",)), BORN, MRN), MatchRule.CONFLICTING_NAME),
        (said(PersonName("O'Brien", ("Mary", "Beth")), BORN, MRN), MatchRule.CONFLICTING_NAME),
        (said(None, None, MRN), MatchRule.UNCONFIRMED),
        (said(PersonName("O'Brien"), None, MRN), MatchRule.UNCONFIRMED),
        (said(PersonName("O'Brien", ("A",)), BORN, MRN), MatchRule.CONFLICTING_NAME),
    ],
)
def test_the_patients_number_on_another_or_on_nobody_is_for_a_person(who, match_rule):
    found = match(who)

    assert (found.verdict, found.match_rule) == (DOUBTFUL, match_rule)
    assert found.patients == (PATIENT.patient,)
    assert found.patient is None
    assert found.deciders == 1


def test_the_same_number_from_another_issuer_is_another_number():
    assert judged(said(None, BORN, IssuedIdentifier(OFFICE, "00123"))) == (NOT_OURS, MatchRule.NONE)
    assert judged(said(None, BORN, IssuedIdentifier(HOSPITAL, "123"))) == (NOT_OURS, MatchRule.NONE)


def test_former_names_and_numbers_count():
    maiden = PersonName("Kelly", ("Mary", "Jane"))
    old_number = IssuedIdentifier(OFFICE, "77")
    patient = a_patient(said(maiden, BORN, old_number))

    assert judged(said(maiden, BORN, MRN), patient) == (OURS, MatchRule.FORMER_IDENTITY)
    assert judged(said(JANE, BORN, old_number), patient) == (OURS, MatchRule.FORMER_IDENTITY)
    assert judged(said(JANE, BORN, MRN), patient) == (OURS, MatchRule.IDENTIFIER)


def test_a_birth_date_that_was_corrected_still_counts():
    patient = a_patient(said(JANE, date(1957, 4, 3)))

    assert judged(said(JANE, date(1957, 4, 3), MRN), patient) == (OURS, MatchRule.FORMER_IDENTITY)


def test_what_we_do_not_know_of_a_patient_contradicts_nothing():
    assert judged(said(JANE, BORN, MRN), a_patient(current=said(JANE, None, MRN))) == (OURS, MatchRule.IDENTIFIER)
    assert judged(said(JANE, BORN, MRN), a_patient(current=said(None, BORN, MRN))) == (OURS, MatchRule.IDENTIFIER)


def test_two_names_that_say_nothing_are_not_the_same_name():
    nameless = PersonName("--", ("Mary",))

    assert judged(said(nameless, BORN), a_patient(current=said(nameless, BORN))) == (NOT_OURS, MatchRule.NONE)


def test_a_study_number_with_name_and_birth_date_makes_it_ours():
    assert judged(said(), studies=[ACCESSION]) == (OURS, MatchRule.STUDY)


@pytest.mark.parametrize(
    ("who", "match_rule"),
    [
        (said(None, BORN), MatchRule.UNCONFIRMED),
        (said(JANE, None), MatchRule.UNCONFIRMED),
        (said(PersonName("O'Brien", ("M",)), BORN), MatchRule.UNCONFIRMED),
        (said(JANE, date(1957, 4, 3)), MatchRule.CONFLICTING_BIRTH_DATE),
        (said(PersonName("Smith", ("Mary",)), BORN), MatchRule.CONFLICTING_NAME),
        (said(JANE, BORN, IssuedIdentifier(HOSPITAL, "00999")), MatchRule.CONFLICTING_IDENTIFIER),
    ],
)
def test_a_study_number_alone_does_not(who, match_rule):
    assert judged(who, studies=[ACCESSION]) == (DOUBTFUL, match_rule)


def test_name_and_birth_date_alone_are_decided_by_two_people():
    found = match(said())

    assert (found.verdict, found.match_rule, found.deciders) == (DOUBTFUL, MatchRule.NAME_AND_BIRTH_DATE, 2)
    assert judged(said(PersonName("O'Brien", ("M",)))) == (DOUBTFUL, MatchRule.NAME_AND_BIRTH_DATE)


@pytest.mark.parametrize(
    "who",
    [
        said(JANE, None),
        said(None, BORN),
        said(None, None),
        said(JANE, date(1900, 1, 1)),
        said(PersonName("O'Brien", ("Ann",)), BORN),
        said(PersonName("Smith", ("Mary",)), BORN),
        said(PersonName("Smith"), None, IssuedIdentifier(OFFICE, "1")),
    ],
)
def test_an_unknown_patient_asks_nothing_of_anybody(who):
    found = match(who)

    assert (found.verdict, found.match_rule, found.patients, found.deciders) == (NOT_OURS, MatchRule.NONE, (), 0)


def test_a_twin_with_her_own_number_is_not_ours():
    assert judged(said(PersonName("O'Brien", ("Ann",)), BORN, IssuedIdentifier(HOSPITAL, "00124"))) == (
        NOT_OURS,
        MatchRule.NONE,
    )


def test_one_number_right_and_one_wrong_needs_both_name_and_birth_date():
    ours, other = IssuedIdentifier(OFFICE, "5"), IssuedIdentifier(HOSPITAL, "00999")
    patient = a_patient(current=said(JANE, BORN, MRN, ours))

    assert judged(said(JANE, BORN, ours, other), patient) == (OURS, MatchRule.IDENTIFIER)
    assert judged(said(None, BORN, ours, other), patient) == (DOUBTFUL, MatchRule.CONFLICTING_IDENTIFIER)


def test_numbers_that_are_none_match_nobody():
    for nothing in ("0000", "99999", "UNKNOWN", "n/a", "---"):
        number = IssuedIdentifier(HOSPITAL, nothing)
        assert judged(said(None, BORN, number), a_patient(current=said(JANE, BORN, number))) == (
            NOT_OURS,
            MatchRule.NONE,
        )
    short = IssuedIdentifier(HOSPITAL, "777")
    assert judged(said(None, BORN, short), a_patient(current=said(JANE, BORN, short))) == (OURS, MatchRule.IDENTIFIER)


def test_two_patients_it_could_be_are_as_bad_as_none():
    twice = [a_patient(), a_patient()]
    found = match(said(JANE, BORN, MRN), *twice)

    assert (found.verdict, found.match_rule, found.patient) == (DOUBTFUL, MatchRule.SEVERAL_PATIENTS, None)
    assert set(found.patients) == {candidate.patient for candidate in twice}
    assert found.deciders == 2


def test_a_number_of_one_patient_and_a_study_of_another_is_doubtful():
    studied = a_patient(current=said(PersonName("Smith", ("Ann",)), date(1960, 1, 2)), studies=[ACCESSION])
    numbered = a_patient()

    assert judged(said(JANE, BORN, MRN), numbered, studied, studies=[ACCESSION]) == (
        DOUBTFUL,
        MatchRule.SEVERAL_PATIENTS,
    )


def test_of_two_with_the_same_name_and_birth_date_the_number_decides():
    namesake = a_patient(current=said(JANE, BORN, IssuedIdentifier(HOSPITAL, "00777")))

    assert match(said(JANE, BORN, MRN), namesake, PATIENT).patient == PATIENT.patient
    assert judged(said(), namesake, PATIENT) == (DOUBTFUL, MatchRule.SEVERAL_PATIENTS)


def test_nobody_known_is_nobody_matched():
    assert identify(said(), study_identifiers=frozenset(), candidates=()).verdict is NOT_OURS


def test_lookup_terms_are_numbers_with_issuer_and_names_with_birth_date():
    assert lookup_terms(said(JANE, date(1970, 1, 2), MRN)) == (
        "id|urn:oid:1.2.3|00123",
        "nb|OBRIEN|MARY|1970-01-02",
        "nb|OBRIEN||1970-01-02",
    )
    assert lookup_terms(said(JANE, None)) == ()
    assert lookup_terms(said(None, BORN, IssuedIdentifier(HOSPITAL, "0000"))) == ()


def test_a_name_from_one_institution_goes_with_the_birth_date_from_another():
    assert "nb|OBRIEN|MARY|1957-03-04" in lookup_terms(said(JANE, None), said(None, BORN))


def test_a_bar_in_a_number_does_not_make_it_another_one():
    assert lookup_terms(said(None, None, IssuedIdentifier("urn:a|b", "c"))) != lookup_terms(
        said(None, None, IssuedIdentifier("urn:a", "b|c"))
    )


# --- what must hold of every message --------------------------------------------------------------------------------

NAMES = st.builds(
    PersonName,
    st.sampled_from(["O'Brien", "Obrien", "Smith", "Müller", "Unknown", "", "李"]),
    st.lists(st.sampled_from(["Mary", "Mary Jane", "Ann", "M", "Beth", ""]), max_size=2).map(tuple),
)
NUMBERS = st.builds(IssuedIdentifier, st.sampled_from([HOSPITAL, OFFICE]), st.sampled_from(["1", "2", "0000", " 1"]))
PEOPLE = st.builds(
    Demographics,
    names=st.lists(NAMES, max_size=2).map(tuple),
    birth_date=st.none() | st.sampled_from([BORN, date(1957, 4, 3), date(1900, 1, 1)]),
    identifiers=st.lists(NUMBERS, max_size=2).map(tuple),
)
STUDIES = st.frozensets(st.builds(IssuedIdentifier, st.just(ARCHIVE), st.sampled_from("AB")), max_size=2)
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        patient=st.builds(PatientId.draw),
        current=PEOPLE,
        former=st.lists(PEOPLE, max_size=1).map(tuple),
        study_identifiers=STUDIES,
    ),
    max_size=3,
)


@given(PEOPLE, STUDIES, CANDIDATES)
def test_what_is_ours_shares_a_number_and_contradicts_nothing(who, studies, candidates):
    found = identify(who, study_identifiers=studies, candidates=candidates)

    if found.verdict is OURS:
        (ours,) = (candidate for candidate in candidates if candidate.patient == found.patient)
        known = (ours.current, *ours.former)
        values = {(i.issuer, i.value.strip()) for one in known for i in one.identifiers}
        shares = any((i.issuer, i.value.strip()) in values and i.value != "0000" for i in who.identifiers)
        assert shares or studies & ours.study_identifiers
        born = {one.birth_date for one in known} - {None, date(1900, 1, 1)}
        assert who.birth_date in born or who.birth_date in (None, date(1900, 1, 1)) or not born
        families = {name.folded[0] for one in known for name in one.names} - {"", "UNKNOWN"}
        theirs = {name.folded[0] for name in who.names} - {"", "UNKNOWN"}
        assert families & theirs or not families or not theirs
        assert who.birth_date in born or families & theirs


@given(PEOPLE, STUDIES, CANDIDATES)
def test_the_order_of_the_patients_changes_nothing(who, studies, candidates):
    forwards = identify(who, study_identifiers=studies, candidates=candidates)

    assert identify(who, study_identifiers=studies, candidates=candidates[::-1]) == forwards


@given(PEOPLE, STUDIES, CANDIDATES)
def test_a_number_removed_never_makes_it_more_ours(who, studies, candidates):
    bare = Demographics(names=who.names, birth_date=who.birth_date)

    assert identify(bare, study_identifiers=frozenset(), candidates=candidates).verdict is not OURS


@given(PEOPLE, CANDIDATES)
def test_whoever_matches_without_a_study_is_found_by_the_lookup_terms(who, candidates):
    """The ledger shows `identify` only those who share a term: nobody who would match may be missed."""
    found = identify(who, study_identifiers=frozenset(), candidates=candidates)

    for patient in found.patients:
        (one,) = (candidate for candidate in candidates if candidate.patient == patient)
        assert set(lookup_terms(one.current, *one.former)) & set(lookup_terms(who))
