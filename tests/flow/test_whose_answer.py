"""First contact: a source that we asked finds somebody under an unknown number. One question, one person."""

import hashlib
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.fakes import MemoryDocuments
from tests.kit.processing import process_all
from tests.kit.staff import ANN, BEN
from tests.kit.studies import a_study
from transfer import facts
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.completeness import WaitCode
from transfer.errors import NotAllowed
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, holds, patients, purging, records, rounds
from transfer.ledger.holds import Hold
from transfer.matching import MatchRule
from transfer.patients import Demographics, IssuedIdentifier, PersonName, PostalAddress
from transfer.requests import RequestState
from transfer.rounds import Dag
from transfer.sandbox.charts import Chart
from transfer.sources import Ending, IndexEntry, SeriesFound, SeriesObject, StudyFound

pytestmark = pytest.mark.servers

MERCYS, LAKESIDES = "urn:oid:2.16.840.1.113883.19.71.3.1", "urn:oid:2.16.840.1.113883.19.71.1.1"


def first_contact(chart: Chart) -> Chart:
    """The same patient as the office knows her: by its own number alone."""
    return {**chart, "numbers": {b.LAKESIDE: chart["numbers"][b.LAKESIDE]}}


def said_of(chart: Chart, *numbers: IssuedIdentifier, **changed: Any) -> Demographics:
    who = chart["patient"]
    plain = Demographics(
        names=(PersonName(who["family"], tuple(who["given"])),),
        birth_date=date.fromisoformat(who["birth_date"]),
        sex=who["sex"],
        identifiers=numbers,
    )
    return replace(plain, **changed)


class Archive:
    """An archive that lists studies by name and birth date, each with one series of one image."""

    def __init__(self) -> None:
        self.lists: list[Demographics] = []
        #: what the files say, where it is not what the list says
        self.states: dict[str, Demographics] = {}
        self.asked_about: list[Demographics] = []

    def ask(self, _source: object) -> Any:
        return self

    def studies(self, who: Demographics, _institution: object, **_: object) -> list[StudyFound]:
        self.asked_about.append(who)
        return [self._study(number, said) for number, said in enumerate(self.lists)]

    def _study(self, number: int, said: Demographics) -> StudyFound:
        return a_study(f"2.25.{number}", said, IssuedIdentifier("urn:dicom:uid", f"urn:oid:2.25.{number}"))

    def series(self, study: str, **_: object) -> list[SeriesFound]:
        return [SeriesFound(uid=f"{study}.1")]

    def instances(self, _study: str, series: str, **_: object) -> frozenset[str]:
        return frozenset({f"{series}.1"})

    def fetch_series(self, study: str, series: str, *, vault: Any, **_: object) -> SeriesObject:
        image = f"image of {study}".encode()
        entry = IndexEntry(f"{series}.1", 0, len(image), hashlib.sha256(image).hexdigest())
        return SeriesObject(
            study_instance_uid=study,
            series_instance_uid=series,
            location=vault.keep([image]),
            index=(entry,),
            complete=True,
            ending=Ending.CLOSED,
            stated=(self.states.get(study, self.lists[int(study.split(".")[2])]),),
        )


@pytest.fixture
def archive() -> Archive:
    return Archive()


@pytest.fixture
def office() -> MemoryDocuments:
    return MemoryDocuments([b"a note"])


@pytest.fixture
def services(ledger: Ledger, archive: Archive, office: MemoryDocuments) -> Services:
    return b.new_services(ledger, ask_archive=archive.ask, ask_documents=lambda _: office)


@pytest.fixture
def chart() -> Chart:
    return b.a_chart()


@pytest.fixture
def number(chart: Chart) -> IssuedIdentifier:
    return IssuedIdentifier(MERCYS, chart["numbers"][b.MERCY]["value"])


def questions(services: Services) -> list[Hold]:
    return [one for one in b.open_holds(services) if one.code is HoldCode.WHOSE_ANSWER]


def kinds(services: Services, case: CaseId) -> list[str]:
    return sorted(one.kind for one in desk.dossier(services, case, actor=ANN).records)


def known(services: Services, case: CaseId) -> set[IssuedIdentifier]:
    with services.ledger.transaction() as tx:
        who = patients.identity(tx, b.patient_of(services, case))
    assert who
    return {number for one in (who.current, *who.former) for number in one.identifiers}


def asked_again(services: Services, case: CaseId) -> None:
    """The archive's time has come once more, while people are asked."""
    with services.ledger.transaction() as tx:
        tx.run("UPDATE requests SET not_before = transfer.now()")
    desk.answer_request(services, b.request_to(services, case, b.LAKESIDE).id, desk.RequestAnswer.AGAIN, actor=ANN)
    process_all(services)


def test_one_person_says_ours_and_the_images_come(
    services: Services, archive: Archive, chart: Chart, number: IssuedIdentifier
):
    archive.lists = [said_of(chart, number), said_of(chart, number)]
    case = b.a_case(services, first_contact(chart))

    (asked,) = questions(services)
    assert (kinds(services, case), b.request_to(services, case, b.MERCY).state) == (["note"], RequestState.DUE)
    codes = {wait.code for wait in b.assessed(services, case).completeness.waits if wait.institution == b.MERCY}
    assert codes == {WaitCode.UNDECIDED}
    seen = desk.hold(services, asked.id, actor=ANN, identity=True).comparison
    assert seen
    assert (seen.deciders, seen.match_rule, seen.institution) == (1, MatchRule.ANSWERS_REQUEST, b.MERCY)
    assert seen.said[0].identifiers == (number,)
    assert seen.candidates[0].cases == (case,)

    did = desk.resolve(services, asked.id, HoldAnswer.OURS, actor=ANN)
    process_all(services)

    assert did.code == desk.ActionCode.ANSWER_OF_PATIENT
    assert kinds(services, case) == ["images", "images", "note"]
    assert number in known(services, case)
    assert not questions(services)
    with services.ledger.transaction() as tx:
        lines = tx.lines(Chain.patient(b.patient_of(services, case)))
    (decided,) = [line for line in lines if isinstance(line.fact, facts.MatchDecided)]
    assert (decided.by.person, decided.fact.answer, decided.fact.arrival) == ("ann", "ours", None)
    assert desk.resolve(services, asked.id, HoldAnswer.OURS, actor=ANN).changed is False


def test_what_is_somebody_elses_is_not_asked_about_again(
    services: Services, archive: Archive, chart: Chart, number: IssuedIdentifier
):
    archive.lists = [said_of(chart, number)]
    case = b.a_case(services, first_contact(chart))
    desk.resolve(services, questions(services)[0].id, HoldAnswer.NOT_OURS, actor=ANN)
    process_all(services)

    assert b.request_to(services, case, b.MERCY).state is RequestState.NOT_FOUND
    assert not questions(services)
    desk.answer_request(services, b.request_to(services, case, b.MERCY).id, desk.RequestAnswer.AGAIN, actor=ANN)
    process_all(services)
    assert not questions(services)
    assert number not in known(services, case)


def test_documents_are_asked_about_as_images_are(services: Services, office: MemoryDocuments, chart: Chart):
    found = IssuedIdentifier(LAKESIDES, "L0000815")
    office.patient = said_of(chart, found)
    elsewhere = {**chart, "numbers": {b.LAKESIDE: chart["numbers"][b.PRAIRIE]}}
    case = b.a_case(services, elsewhere)

    (asked,) = questions(services)
    assert (asked.subject, asked.about) == (case, b.request_to(services, case, b.LAKESIDE).id)
    assert kinds(services, case) == []
    desk.resolve(services, asked.id, HoldAnswer.OURS, actor=ANN, case=case)
    process_all(services)

    assert kinds(services, case) == ["note"]
    assert found in known(services, case)


def test_a_source_that_finds_nobody_any_more_withdraws_its_question(
    services: Services, office: MemoryDocuments, archive: Archive, chart: Chart, number: IssuedIdentifier
):
    office.patient, archive.lists = said_of(chart, IssuedIdentifier(LAKESIDES, "L0000815")), [said_of(chart, number)]
    case = b.a_case(services, {**chart, "numbers": {b.LAKESIDE: chart["numbers"][b.PRAIRIE]}})
    assert len(questions(services)) == 2
    office.patient, archive.lists = said_of(b.a_chart()), []
    with services.ledger.transaction() as tx:
        tx.run("UPDATE requests SET not_before = transfer.now()")
        rounds.owe(tx, Dag.OPEN_CASE, case)
    process_all(services)

    assert b.request_to(services, case, b.LAKESIDE).state is RequestState.NOT_FOUND
    assert not questions(services)


@pytest.mark.parametrize(
    ("changed", "deciders"),
    [
        ({"sex": None}, 2),
        ({"names": (PersonName("Other", ("Given",)),), "identifiers": ()}, 0),
    ],
)
def test_what_agrees_less_is_for_two_or_for_nobody(
    services: Services,
    archive: Archive,
    chart: Chart,
    number: IssuedIdentifier,
    changed: dict[str, Any],
    deciders: int,
):
    archive.lists = [said_of(chart, number, **changed)]
    case = b.a_case(services, first_contact(chart))
    if not deciders:
        assert not questions(services)
        assert b.request_to(services, case, b.MERCY).state is RequestState.NOT_FOUND
        return
    (asked,) = questions(services)

    assert desk.resolve(services, asked.id, HoldAnswer.OURS, actor=ANN).needs_another
    process_all(services)
    assert kinds(services, case) == ["note"]
    desk.resolve(services, asked.id, HoldAnswer.OURS, actor=BEN)
    process_all(services)
    assert kinds(services, case) == ["images", "note"]


def test_a_maiden_name_under_a_known_number_can_be_ours(
    services: Services, archive: Archive, chart: Chart, number: IssuedIdentifier
):
    archive.lists = [said_of(chart, number, names=(PersonName("Maiden", tuple(chart["patient"]["given"])),))]
    case = b.a_case(services, chart)
    (asked,) = questions(services)
    seen = desk.hold(services, asked.id, actor=ANN).comparison
    assert seen
    assert seen.match_rule is MatchRule.CONFLICTING_NAME

    desk.resolve(services, asked.id, HoldAnswer.OURS, actor=ANN)
    process_all(services)
    assert kinds(services, case) == ["images", "note"]


def test_files_that_name_another_than_the_list_are_asked_about(
    services: Services, archive: Archive, chart: Chart, number: IssuedIdentifier
):
    archive.lists = [said_of(chart, number), said_of(chart, number)]
    archive.states["2.25.1"] = Demographics(names=(PersonName("Trauma", ("Unit", "Nine")),))
    case = b.a_case(services, chart)
    (asked,) = questions(services)

    assert kinds(services, case) == ["images", "note"]
    for actor in (ANN, BEN):
        desk.resolve(services, asked.id, HoldAnswer.OURS, actor=actor)
    process_all(services)
    assert kinds(services, case) == ["images", "images", "note"]
    assert not questions(services)


def test_a_file_without_a_number_is_what_its_list_says(
    services: Services, archive: Archive, chart: Chart, number: IssuedIdentifier
):
    archive.lists = [said_of(chart, number)]
    archive.states["2.25.0"] = said_of(chart, birth_date=None, sex=None)
    case = b.a_case(services, chart)

    assert (kinds(services, case), questions(services)) == (["images", "note"], [])


def test_a_file_that_names_nobody_is_not(services: Services, archive: Archive, chart: Chart, number: IssuedIdentifier):
    archive.lists = [said_of(chart, number)]
    archive.states["2.25.0"] = Demographics()
    case = b.a_case(services, chart)

    assert kinds(services, case) == ["note"]
    assert len(questions(services)) == 1


def test_more_that_is_found_asks_anew_and_the_first_question_decides_nothing(
    services: Services, archive: Archive, chart: Chart, number: IssuedIdentifier
):
    archive.lists = [said_of(chart, number)]
    case = b.a_case(services, first_contact(chart))
    (first,) = questions(services)
    archive.lists.append(said_of(chart, replace(number, value="M7777001")))
    asked_again(services, case)

    (second,) = questions(services)
    seen = desk.hold(services, second.id, actor=ANN, identity=True).comparison
    assert seen
    assert len(seen.said) == 2
    with pytest.raises(NotAllowed, match="was answered"):
        desk.resolve(services, first.id, HoldAnswer.OURS, actor=ANN)
    assert kinds(services, case) == ["note"]


def test_a_question_stays_one_however_often_the_source_is_asked(
    services: Services, archive: Archive, chart: Chart, number: IssuedIdentifier
):
    archive.lists = [said_of(chart, number)]
    case = b.a_case(services, first_contact(chart))
    (asked,) = questions(services)
    asked_again(services, case)

    assert len(archive.asked_about) == 2
    assert [one.id for one in questions(services)] == [asked.id]


def test_two_cases_of_one_patient_ask_one_question(
    services: Services, archive: Archive, chart: Chart, number: IssuedIdentifier
):
    archive.lists = [said_of(chart, number)]
    first = b.a_case(services, first_contact(chart))
    again = {**first_contact(chart), "referral": {**chart["referral"], "number": b.a_chart()["referral"]["number"]}}
    with services.ledger.transaction() as tx:
        tx.run("UPDATE cases SET receiver = 'another-center' WHERE case_id = %s", first)
    second = b.refer(services, again)
    process_all(services)
    assert b.patient_of(services, second) == b.patient_of(services, first)
    (asked,) = questions(services)

    desk.resolve(services, asked.id, HoldAnswer.OURS, actor=ANN)
    process_all(services)
    assert ["images" in kinds(services, case) for case in (first, second)] == [True, True]


def test_nobody_is_asked_where_two_further_things_agree_and_the_house_takes_them(
    services: Services, archive: Archive, chart: Chart, number: IssuedIdentifier
):
    home = chart["patient"]["address"]
    archive.lists = [
        said_of(
            chart,
            number,
            addresses=(PostalAddress(home["line"], home["postal_code"]),),
            telephones=(chart["patient"]["phone"],),
        )
    ]
    case = b.a_case(replace(services, takes_corroborated=True), first_contact(chart))
    assert (kinds(services, case), questions(services)) == (["images", "note"], [])


def test_the_answer_files_what_waits_from_there(
    services: Services, archive: Archive, chart: Chart, number: IssuedIdentifier
):
    """Prairie pushes a report under Mercy's number, too: people are asked about it until the number is known."""
    archive.lists = [said_of(chart, number)]
    case = b.a_case(services, first_contact(chart))
    report = (
        b.report_of(chart)
        .replace(b"^^^PRAIRIE", b"^^^&2.16.840.1.113883.19.71.3.1&ISO")
        .replace(chart["numbers"][b.PRAIRIE]["value"].encode(), number.value.encode())
    )
    b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, report, HL7_V2, Door.MLLP)
    process_all(services)
    assert b.the_hold(services, "whose-record")

    desk.resolve(services, questions(services)[0].id, HoldAnswer.OURS, actor=ANN)
    process_all(services)

    assert kinds(services, case) == ["images", "note", "pathology-report"]
    assert [one.code for one in b.open_holds(services) if one.code == "whose-record"] == []


def test_reports_that_say_the_same_ask_one_question_and_are_filed_together(services: Services, chart: Chart):
    case = b.a_case(services, first_contact(chart))
    for control in ("1", "2", "3"):
        b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, b.report_of(chart, control), HL7_V2, Door.MLLP)
    process_all(services)
    asked = b.the_hold(services, "whose-record")

    for actor in (ANN, BEN):
        desk.resolve(services, asked.id, HoldAnswer.OURS, actor=actor, case=case)
    process_all(services)

    with services.ledger.transaction() as tx:
        states = [row.state for row in tx.rows("SELECT state FROM arrivals WHERE kind = 'answer'")]
    assert states == ["filed"] * 3
    assert "pathology-report" in kinds(services, case)


def test_reports_that_say_the_same_are_not_ours_together_and_never_asked_about_again(services: Services, chart: Chart):
    case = b.a_case(services, first_contact(chart))
    other = b.a_twin(chart)
    for control in ("1", "2"):
        b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, b.report_of(other, control), HL7_V2, Door.MLLP)
    process_all(services)
    for actor in (ANN, BEN):
        desk.resolve(services, b.the_hold(services, "whose-record").id, HoldAnswer.NOT_OURS, actor=actor)
    b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, b.report_of(other, "3"), HL7_V2, Door.MLLP)
    process_all(services)

    assert not [one for one in b.open_holds(services) if one.code == "whose-record"]
    with services.ledger.transaction() as tx:
        rows = tx.rows("SELECT state, patient FROM arrivals WHERE kind = 'answer'")
    assert [(row.state, row.patient) for row in rows] == [("sealed", None)] * 3
    assert "pathology-report" not in kinds(services, case)


def test_an_answer_that_repeats_our_number_is_for_one_person(services: Services, chart: Chart):
    case = b.a_case(services, first_contact(chart))
    request = b.request_to(services, case, b.PRAIRIE)
    report = b.report_of(chart).replace(chart["pathology"]["order"].encode(), request.id.encode())
    b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, report, HL7_V2, Door.MLLP)
    process_all(services)

    asked = b.the_hold(services, "whose-record")
    seen = desk.hold(services, asked.id, actor=ANN).comparison
    assert seen
    assert (seen.deciders, seen.match_rule) == (1, MatchRule.ANSWERS_REQUEST)
    desk.resolve(services, asked.id, HoldAnswer.OURS, actor=ANN, case=case)
    process_all(services)
    assert "pathology-report" in kinds(services, case)


def test_a_number_of_a_request_to_another_institution_is_none(services: Services, chart: Chart):
    case = b.a_case(services, first_contact(chart))
    request = b.request_to(services, case, b.MERCY)
    report = b.report_of(chart).replace(chart["pathology"]["order"].encode(), request.id.encode())
    b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, report, HL7_V2, Door.MLLP)
    process_all(services)

    seen = desk.hold(services, b.the_hold(services, "whose-record").id, actor=ANN).comparison
    assert seen
    assert seen.deciders == 2


def test_what_was_compared_goes_with_the_patient(
    services: Services, archive: Archive, chart: Chart, number: IssuedIdentifier
):
    archive.lists = [said_of(chart, number)]
    case = b.a_case(services, first_contact(chart))
    with services.ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM compared_identities") == 1
        purging.forget_patient(tx, b.patient_of(services, case))
        assert tx.value("SELECT count(*) FROM compared_identities") == 0
        assert holds.open_holds(tx, case)


def test_a_report_that_bears_a_known_number_teaches_the_laboratorys_own(services: Services, chart: Chart):
    """It is filed by the office's number; the next report, which bears the laboratory's alone, needs nobody."""
    case = b.a_case(services, first_contact(chart))
    both = {**chart, "ordered_under": chart["numbers"][b.LAKESIDE]}
    for sent in (both, chart):
        b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, b.report_of(sent), HL7_V2, Door.MLLP)
        process_all(services)

    assert not [one for one in b.open_holds(services) if one.code == "whose-record"]
    with services.ledger.transaction() as tx:
        states = [row.state for row in tx.rows("SELECT state FROM arrivals WHERE kind = 'answer'")]
    assert (states, "pathology-report" in kinds(services, case)) == (["filed"] * 2, True)


def test_of_two_who_share_a_number_people_say_whose_once(services: Services, chart: Chart):
    case = b.a_case(services, chart)
    husband = b.a_chart()
    husband["numbers"][b.PRAIRIE] = chart["numbers"][b.PRAIRIE]
    b.refer(services, husband)
    process_all(services)
    desk.resolve(services, b.the_hold(services, "whose-referral").id, HoldAnswer.NOT_OURS, actor=ANN)
    process_all(services)
    b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, b.report_of(chart, "1"), HL7_V2, Door.MLLP)
    process_all(services)
    for actor in (ANN, BEN):
        desk.resolve(services, b.the_hold(services, "whose-record").id, HoldAnswer.OURS, actor=actor, case=case)
    process_all(services)
    b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, b.report_of(chart, "2"), HL7_V2, Door.MLLP)
    process_all(services)

    assert not [one for one in b.open_holds(services) if one.code == "whose-record"]
    with services.ledger.transaction() as tx:
        rows = tx.rows("SELECT state, patient FROM arrivals WHERE kind = 'answer'")
    assert [(row.state, row.patient) for row in rows] == [("filed", b.patient_of(services, case))] * 2


def two_of_one_person(services: Services, chart: Chart) -> tuple[CaseId, CaseId, Chart]:
    """Two cases of one person, whom another office calls otherwise; and that office's chart."""
    otherwise: Chart = {**b.a_chart(), "patient": {**chart["patient"], "family": "Otherwise"}}
    case, other = b.a_case(services, first_contact(chart)), b.a_case(services, first_contact(otherwise))
    return case, other, otherwise


def merged(services: Services, case: CaseId, other: CaseId) -> None:
    for actor in (ANN, BEN):
        desk.merge(services, case, other, actor=actor)
    process_all(services)


def test_a_question_about_one_who_is_merged_is_asked_anew_of_the_one_that_is_left(
    services: Services, archive: Archive, chart: Chart, number: IssuedIdentifier
):
    archive.lists = [said_of({**chart, "patient": {**chart["patient"], "family": "Otherwise"}}, number)]
    case, other, _ = two_of_one_person(services, chart)
    (before,) = questions(services)
    merged(services, case, other)

    (asked,) = questions(services)
    assert (before.subject, asked.id == before.id) == (other, False)
    desk.resolve(services, asked.id, HoldAnswer.OURS, actor=ANN)
    process_all(services)
    assert "images" in kinds(services, other)


def test_what_people_said_of_two_who_were_one_is_forgotten_when_they_are_two_again(
    services: Services, archive: Archive, chart: Chart, number: IssuedIdentifier
):
    case, other, otherwise = two_of_one_person(services, chart)
    merged(services, case, other)
    archive.lists = [said_of(otherwise, number)]
    desk.answer_request(services, b.request_to(services, case, b.MERCY).id, desk.RequestAnswer.AGAIN, actor=ANN)
    process_all(services)
    desk.resolve(services, questions(services)[0].id, HoldAnswer.OURS, actor=ANN)
    process_all(services)
    assert "images" in kinds(services, case)

    desk.split(services, other, actor=ANN)
    process_all(services)

    with services.ledger.transaction() as tx:
        left = {kept.kind for kept, _ in records.joined(tx, case)}
    assert "images" not in left
    assert number not in known(services, case)
    assert [one.subject for one in questions(services)] == [other]


def test_what_answers_our_request_is_asked_about_also_where_another_was_said_not_to_be_meant(
    services: Services, chart: Chart
):
    """A nickname: by its name it is another patient's, and people said that it is not."""
    case = b.a_case(services, first_contact(chart))
    nickname: Chart = {**chart, "patient": {**chart["patient"], "given": ["Nick"]}}
    b.refer(services, {**b.a_chart(), "patient": nickname["patient"]})
    process_all(services)
    b.report_comes(services, nickname)
    for actor in (ANN, BEN):
        desk.resolve(services, b.the_hold(services, "whose-record").id, HoldAnswer.NOT_OURS, actor=actor)
    request = b.request_to(services, case, b.PRAIRIE)
    answer = b.report_of(nickname, "2").replace(chart["pathology"]["order"].encode(), request.id.encode())
    b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, answer, HL7_V2, Door.MLLP)
    process_all(services)

    seen = desk.hold(services, b.the_hold(services, "whose-record").id, actor=ANN).comparison
    assert seen
    assert [one.cases for one in seen.candidates] == [(case,)]
    assert (seen.deciders, seen.match_rule) == (2, MatchRule.OTHER_GIVEN_NAME)


def test_where_the_first_needs_nobody_any_more_people_are_asked_about_the_next(services: Services, chart: Chart):
    """Two reports without a number of the patient. What comes then says whose the first is, by the report's number."""
    case = b.a_case(services, first_contact(chart))
    other: Chart = {**chart, "pathology": {**b.a_chart()["pathology"]}}
    for number, one in enumerate((chart, other)):
        unnumbered = b.report_of(one, str(number)).replace(_number_of(chart), b"PID|1|||")
        b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, unnumbered, HL7_V2, Door.MLLP)
        process_all(services)
    first = b.the_hold(services, "whose-record")
    b.report_comes(services, {**chart, "ordered_under": chart["numbers"][b.LAKESIDE]})

    second = b.the_hold(services, "whose-record")
    assert second.subject != first.subject
    for actor in (ANN, BEN):
        desk.resolve(services, second.id, HoldAnswer.OURS, actor=actor, case=case)
    process_all(services)
    with services.ledger.transaction() as tx:
        states = [row.state for row in tx.rows("SELECT state FROM arrivals WHERE kind = 'answer'")]
    assert states == ["filed"] * 3


def _number_of(chart: Chart) -> bytes:
    known = chart["numbers"][b.PRAIRIE]
    return f"PID|1||{known['value']}^^^PRAIRIE&{known['system'].removeprefix('urn:oid:')}&ISO^MR|".encode()
