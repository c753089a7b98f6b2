"""Whose is this? Never the wrong patient."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.identifiers import PatientId
from transfer.matching import Candidate, Match, MatchRule, MatchVerdict, identify, is_numbered, lookup_terms
from transfer.patients import Demographics, IssuedIdentifier, OtherNumber, PersonName, PostalAddress

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
        said(PersonName("OBRIEN", ("MARY J",)), BORN, MRN),
        said(PersonName("O’Brien", ("Mary-Jane",)), BORN, MRN),
        said(PersonName("O'Brien", ("Mary",)), BORN, MRN),
        said(JANE, BORN, IssuedIdentifier(HOSPITAL, " 00123 ")),
    ],
)
def test_the_patients_number_with_name_and_birth_date_makes_it_ours(who):
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
        (said(JANE, None, MRN), MatchRule.UNCONFIRMED),
        (said(None, BORN, MRN), MatchRule.UNCONFIRMED),
        (said(PersonName("O'Brien", ("M",)), BORN, MRN), MatchRule.UNCONFIRMED),
        (said(JANE, date(1900, 1, 1), MRN), MatchRule.UNCONFIRMED),
        (said(JANE, date(1970, 1, 1), MRN), MatchRule.UNCONFIRMED),
        (said(PersonName("Unknown"), BORN, MRN), MatchRule.UNCONFIRMED),
        (said(PersonName("O'Brien", ("Baby",)), BORN, MRN), MatchRule.UNCONFIRMED),
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


@pytest.mark.parametrize("ours", ["female", "F"])
@pytest.mark.parametrize(("theirs", "differs"), [("male", True), ("M", True), ("other", True), ("F", False)])
def test_another_sex_is_a_conflict(ours, theirs, differs):
    patient = a_patient(current=replace(said(JANE, BORN, MRN), sex=ours))
    expected = (DOUBTFUL, MatchRule.CONFLICTING_SEX) if differs else (OURS, MatchRule.IDENTIFIER)

    assert judged(replace(said(JANE, BORN, MRN), sex=theirs), patient) == expected


@pytest.mark.parametrize("nothing", [None, "unknown", "U", "", "?"])
def test_a_sex_that_is_not_said_is_nothing(nothing):
    known = replace(said(JANE, BORN, MRN), sex="female")

    assert judged(replace(known, sex=nothing), a_patient(current=known)) == (OURS, MatchRule.IDENTIFIER)
    assert judged(known, a_patient(current=replace(known, sex=nothing))) == (OURS, MatchRule.IDENTIFIER)


def test_a_sex_that_was_said_formerly_is_no_conflict():
    patient = a_patient(replace(said(JANE, BORN), sex="male"), current=replace(said(JANE, BORN, MRN), sex="female"))

    assert judged(replace(said(JANE, BORN, MRN), sex="male"), patient)[0] is OURS


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


def test_what_we_do_not_know_of_a_patient_is_not_confirmed():
    for current in (said(JANE, None, MRN), said(None, BORN, MRN)):
        assert judged(said(JANE, BORN, MRN), a_patient(current=current)) == (DOUBTFUL, MatchRule.UNCONFIRMED)


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
    for nothing in ("0000", "99999", "UNKNOWN", "n/a", "---", "PENDING", "TEST", "123456789"):
        number = IssuedIdentifier(HOSPITAL, nothing)
        patient = a_patient(current=said(JANE, BORN, number))

        assert judged(said(PersonName("Smith", ("Ann",)), BORN, number), patient) == (NOT_OURS, MatchRule.NONE)
        assert judged(said(JANE, BORN, number), patient) == (DOUBTFUL, MatchRule.NAME_AND_BIRTH_DATE)
    short = IssuedIdentifier(HOSPITAL, "777")
    assert judged(said(JANE, BORN, short), a_patient(current=said(JANE, BORN, short))) == (OURS, MatchRule.IDENTIFIER)


@pytest.mark.parametrize(
    "typed",
    ["19570304", "03/04/1957", "1957-03-04", "04.03.1957", "030457", "6085550142", "(608) 555-0142", "+1 608-555-0142"],
)
def test_a_birth_date_or_a_telephone_typed_for_a_number_tells_nobody_from_a_namesake(typed: str):
    number = IssuedIdentifier(HOSPITAL, typed)
    who = replace(said(JANE, BORN, number), telephones=("(608) 555-0142",))

    assert judged(who, a_patient(current=who)) == (DOUBTFUL, MatchRule.NAME_AND_BIRTH_DATE)
    assert judged(replace(who, telephones=()), a_patient(current=who)) == (DOUBTFUL, MatchRule.NAME_AND_BIRTH_DATE)
    assert not is_numbered(who)
    assert not any(term.startswith("id|") for term in lookup_terms(who))


def test_a_number_that_is_near_a_birth_date_or_a_telephone_is_one():
    for real in ("19570305", "1957", "0304", "60855501", "A19570304", "5550142"):
        number = IssuedIdentifier(HOSPITAL, real)
        who = replace(said(JANE, BORN, number), telephones=("(608) 555-0142", "555-0142"))

        assert judged(who, a_patient(current=who)) == (OURS, MatchRule.IDENTIFIER)


def test_a_placeholder_that_both_say_hides_no_other_number():
    pending, other = IssuedIdentifier(HOSPITAL, "PENDING"), IssuedIdentifier(HOSPITAL, "00999")
    patient = a_patient(current=said(JANE, BORN, MRN, pending), studies=[ACCESSION])

    found = judged(said(JANE, BORN, pending, other), patient, studies=[ACCESSION])

    assert found == (DOUBTFUL, MatchRule.CONFLICTING_IDENTIFIER)


def test_a_number_that_two_of_our_patients_have_is_for_people():
    husband = a_patient(current=said(PersonName("O'Brien", ("Tom",)), date(1955, 1, 2), MRN))

    assert judged(said(JANE, BORN, MRN), PATIENT, husband) == (DOUBTFUL, MatchRule.SEVERAL_PATIENTS)


# --- what answers our own request -------------------------------------------------------------------------------------

HOME, PHONE = PostalAddress("12 Elm Street", "53140-1234"), "+1 (262) 555-0142"
ASKED = Demographics(
    names=(JANE,),
    birth_date=BORN,
    sex="female",
    identifiers=(MRN,),
    addresses=(HOME,),
    telephones=(PHONE,),
    other_numbers=(OtherNumber("SS", "4821"),),
)


def answered(*, enough: bool = False, **changed: object) -> Match:
    """What we asked about the patient is answered with what is said here, under a number that we do not know."""
    patient = a_patient(current=ASKED)
    answer = replace(
        Demographics(names=(JANE,), birth_date=BORN, sex="female", identifiers=(IssuedIdentifier(OFFICE, "8801"),)),
        **changed,  # type: ignore[arg-type]
    )
    return identify(
        answer,
        study_identifiers=frozenset(),
        candidates=[patient],
        requested=patient.patient,
        further_suffices=enough,
    )


def test_an_answer_to_our_request_is_one_question_to_one_person():
    found = answered()

    assert (found.verdict, found.match_rule, found.deciders) == (DOUBTFUL, MatchRule.ANSWERS_REQUEST, 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"sex": None},
        {"sex": "male"},
        {"identifiers": (IssuedIdentifier(HOSPITAL, "00999"),)},
        {"names": (PersonName("O'Brien", ("M",)),)},
        {"names": (PersonName("O'Brien", ("Maggie",)),)},
        {"names": (PersonName("O'Brien", ("Maggie",)),), "sex": None},
    ],
)
def test_an_answer_that_agrees_less_or_contradicts_is_for_two(changed):
    assert answered(**changed).deciders == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"names": (PersonName("O'Brien", ("Adam",)),), "sex": "male"},
        {"names": (PersonName("Smith", ("Mary", "Jane")),)},
        {"birth_date": date(1957, 4, 3)},
        {"birth_date": date(1970, 1, 1)},
    ],
)
def test_an_answer_about_another_is_not_ours(changed):
    assert answered(**changed).verdict is NOT_OURS


def test_what_nobody_asked_for_is_no_answer():
    patient = a_patient(current=ASKED)

    found = identify(ASKED, study_identifiers=frozenset(), candidates=[patient], requested=PatientId.draw())
    assert found.match_rule is MatchRule.IDENTIFIER
    bare = replace(ASKED, identifiers=())
    assert match(bare, patient).match_rule is MatchRule.NAME_AND_BIRTH_DATE


@pytest.mark.parametrize(
    ("further", "is_enough"),
    [
        ({"addresses": (PostalAddress("12 ELM ST.", "53140"),), "telephones": ("262-555-0142",)}, True),
        ({"addresses": (HOME,), "other_numbers": (OtherNumber("SS", "4821"),)}, True),
        ({"addresses": (HOME,)}, False),
        ({"addresses": (HOME,), "telephones": ("555-0142",)}, False),
        ({"addresses": (PostalAddress("12 Elm Street", "53141"),), "telephones": (PHONE,)}, False),
        ({"other_numbers": (OtherNumber("DL", "4821"),), "telephones": (PHONE,)}, False),
    ],
)
def test_two_further_things_are_enough_where_the_house_takes_them(further, is_enough):
    assert answered(enough=True, **further).verdict is (OURS if is_enough else DOUBTFUL)
    assert answered(**further).verdict is DOUBTFUL


def answered_by(answer, patient):
    """Whose the answer to our own request is, where the house takes two further things for enough."""
    return identify(
        answer,
        study_identifiers=frozenset(),
        candidates=[patient],
        requested=patient.patient,
        further_suffices=True,
    )


@pytest.mark.parametrize("home", [PostalAddress("Elm Street", "53140"), PostalAddress("12 Elm Street", "531")])
def test_half_an_address_is_nothing_further(home):
    patient = a_patient(current=replace(ASKED, addresses=(home,)))
    answer = replace(ASKED, identifiers=(), addresses=(home,), other_numbers=())

    assert answered_by(answer, patient).match_rule is MatchRule.ANSWERS_REQUEST


def test_what_the_house_takes_for_enough_names_the_patient_and_the_rule():
    patient, home = a_patient(current=ASKED), {"addresses": (HOME,), "telephones": (PHONE,)}
    answer = {"candidates": [patient], "requested": patient.patient, "study_identifiers": frozenset()}

    found = identify(replace(ASKED, identifiers=(), **home), **answer, further_suffices=True)
    assert (found.verdict, found.match_rule, found.patient) == (OURS, MatchRule.CORROBORATED, patient.patient)
    # unless it says so, the house does not
    assert identify(replace(ASKED, identifiers=(), **home), **answer).verdict is DOUBTFUL


@pytest.mark.parametrize(("number", "is_one"), [(MRN, True), (IssuedIdentifier(HOSPITAL, "PENDING"), False)])
def test_a_number_typed_for_want_of_one_is_none(number, is_one):
    assert is_numbered(said(JANE, BORN, number)) is is_one
    assert not is_numbered(said())


def test_lookup_terms_are_written_as_they_are_kept():
    number = IssuedIdentifier("urn:a%|b", "c|1%")

    assert lookup_terms(said(PersonName("Doe", ()), BORN, number)) == (
        "id|urn:a%25%7Cb|C%7C1%25",
        "nb|DOE||1957-03-04",
    )


def test_placeholders_are_nothing_further():
    nobodys = {"telephones": ("000-000-0000",), "other_numbers": (OtherNumber("SS", "0000"),), "addresses": (HOME,)}
    patient = a_patient(current=replace(ASKED, **nobodys))
    answer = replace(ASKED, identifiers=(), **nobodys)

    assert answered_by(answer, patient).match_rule is MatchRule.ANSWERS_REQUEST


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
    assert lookup_terms(said(None, None, IssuedIdentifier("urn:a|b", "c1"))) != lookup_terms(
        said(None, None, IssuedIdentifier("urn:a", "b|c1"))
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
    sex=st.none() | st.sampled_from(["female", "male"]),
    identifiers=st.lists(NUMBERS, max_size=2).map(tuple),
)
STUDIES = st.frozensets(st.builds(IssuedIdentifier, st.just(ARCHIVE), st.sampled_from(["A1", "B2"])), max_size=2)
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
        assert who.birth_date in {one.birth_date for one in known} - {None, date(1900, 1, 1)}
        families = {name.folded[0] for one in known for name in one.names} - {"", "UNKNOWN"}
        assert families & {name.folded[0] for name in who.names}
        sexes = {one.sex for one in known} - {None}
        assert who.sex is None or not sexes or who.sex in sexes


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


@pytest.mark.parametrize("family", ["O'Brien Jr", "O'Brien, JR.", "O'BRIEN III", "O'Brien Sr."])
def test_a_suffix_in_the_family_name_is_no_other_name(family):
    assert match(said(PersonName(family, ("Mary", "Jane")), BORN, MRN)).match_rule is MatchRule.IDENTIFIER
    assert match(said(PersonName("O'Brien", ("Mary", "Jane", "Jr")), BORN, MRN)).match_rule is MatchRule.IDENTIFIER
    written = set(lookup_terms(said(PersonName(family, ("Mary",)))))
    assert set(lookup_terms(said(PersonName("O'Brien", ("Mary",))))) < written
    assert len(written) == 4


def test_a_family_that_is_called_like_a_suffix_keeps_its_name():
    assert match(said(PersonName("Jr", ("Mary",)), BORN, MRN)).match_rule is MatchRule.CONFLICTING_NAME
    assert any("nb|JR|" in term for term in lookup_terms(said(PersonName("Jr", ("Mary",)))))


# --- twins ------------------------------------------------------------------------------------------------------------

_GIVEN = st.sampled_from(
    ["Mary", "Marian", "Ann", "Anna", "Alice", "Beth", "Elizabeth", "Liz", "Jo", "Joan", "John", "Jon", "Jack", "Theo"]
)
_HOME = PostalAddress("12 Elm St", "78701")
_SHARED = {
    "birth_date": BORN,
    "sex": "female",
    "addresses": (_HOME,),
    "telephones": ("512-555-0100",),
    "other_numbers": (OtherNumber("SS", "1234"),),
}


@st.composite
def _twins(draw) -> tuple[PersonName, PersonName]:
    """Two people of one family, and how a message writes the second: in full, without later names, or with initials."""
    first = tuple(draw(st.lists(_GIVEN, min_size=1, max_size=2)))
    second = tuple(draw(st.lists(_GIVEN, min_size=1, max_size=2).filter(lambda one: one[0] != first[0])))
    written = draw(
        st.sampled_from([second, second[:1], tuple(name[0] for name in second), (second[0][0],), (" ".join(second),)])
    )
    return PersonName("Novak", first), PersonName("Novak", written)


@given(_twins(), st.booleans(), st.booleans(), st.booleans())
def test_twins_are_never_one_without_a_person(twins, is_numbered, is_requested, is_enough):
    """All else is theirs together, a number typed for both included."""
    one, other = twins
    numbers = (MRN,) if is_numbered else ()
    patient = a_patient(current=Demographics(names=(one,), identifiers=(MRN,), **_SHARED))
    found = identify(
        Demographics(names=(other,), identifiers=numbers, **_SHARED),
        study_identifiers=frozenset(),
        candidates=[patient],
        requested=patient.patient if is_requested else None,
        further_suffices=is_enough,
    )
    assert found.verdict is not OURS


@pytest.mark.parametrize("written", [("Maria",), ("Maria", "J"), ("Maria J",), ("M", "Josefa")])
def test_a_name_that_may_be_either_twins_is_asked_about_however_much_else_agrees(written):
    """Of Maria Josefa and Maria Jana, without a number of either."""
    patient = a_patient(current=Demographics(names=(PersonName("Novak", ("Maria", "Josefa")),), **_SHARED))

    def asked(given_names: tuple[str, ...]) -> MatchVerdict:
        return identify(
            Demographics(names=(PersonName("Novak", given_names),), **_SHARED),
            study_identifiers=frozenset(),
            candidates=[patient],
            requested=patient.patient,
            further_suffices=True,
        ).verdict

    assert asked(written) is DOUBTFUL
    assert asked(("Maria", "Josefa")) is OURS
