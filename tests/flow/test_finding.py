"""Who is on the telephone? Found as they say it, with the line to read out; every search is written down."""

from datetime import date

import pytest

from tests.kit import builders as b
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer import facts
from transfer.errors import NotAllowed
from transfer.facts import Chain
from transfer.flow import desk, searchable
from transfer.flow.desk import finding
from transfer.flow.searchable import make_searchable
from transfer.flow.services import Services
from transfer.ledger import Ledger, patients, purging, records
from transfer.refusals import RefusalCode
from transfer.requests import RequestAnswer
from transfer.source_answers import SaidBy

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def found(services: Services, **said: str) -> list[str]:
    return [one.case for one in desk.find_cases(services, actor=ANN, **said).cases]


def born(chart: b.Chart) -> date:
    return date.fromisoformat(chart["patient"]["birth_date"])


def test_a_patient_is_found_by_any_spelling_and_by_a_date_in_any_order(services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    b.a_case(services)
    family, day = chart["patient"]["family"], born(chart)

    for name in (family, family.lower(), family[:3]):
        assert found(services, name=name, born=f"{day:%m/%d/%Y}") == [case]
    assert found(services, born=f"{day:%d %b %Y}") == [case]
    assert found(services, name=family, born="1901-01-01") == []


def test_the_line_to_read_out_says_what_is_outstanding_and_the_year_tells_two_apart(services):
    chart = b.a_chart()
    b.a_case_without_slides(services, chart)

    (one,) = desk.find_cases(services, actor=ANN, name=chart["patient"]["family"]).cases

    assert one.born_in == born(chart).year
    assert one.referring == "Lakeside Oncology"
    assert one.read_out.startswith("Still outstanding: ")
    assert chart["patient"]["family"] not in one.read_out


def test_a_number_of_theirs_or_ours_finds_it(services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    b.a_case(services)
    request = b.request_to(services, case, b.PRAIRIE)
    desk.answer_request(
        services, request.id, RequestAnswer.IN_PROGRESS, actor=ANN, by=SaidBy(reference="PX 77-12", person="Kim")
    )
    desk.receive_material(services, case, pieces=3, announced=4, accession="S26-10071", actor=ANN)
    with services.ledger.transaction() as tx:
        who = patients.identity(tx, b.patient_of(services, case))

    for number in (
        who.current.identifiers[0].value,
        "px7712",
        "s26 10071",
        case,
        case.upper(),
        request.id,
        f"{case}-p1",
    ):
        assert found(services, number=number) == [case], number
    (one,) = desk.find_cases(services, actor=ANN, number="S26-10071").cases
    assert "We have 3 of 4 slides." in one.read_out


def test_what_came_of_a_report_is_found_by_its_accession(services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    b.report_comes(services, chart)
    with services.ledger.transaction() as tx:
        patient = b.patient_of(services, case)
        numbers = {one.value for about in records.about_all(tx, patient) for one in about.identifiers}

    assert numbers
    for number in numbers:
        assert found(services, number=number) == [case]


def test_who_was_known_before_there_were_terms_is_found(services):
    """A migration owes everybody's terms; whoever looks first, or housekeeping, writes them."""
    chart = b.a_chart()
    case = b.a_case(services, chart)
    make_searchable(services)
    with services.ledger.transaction() as tx:
        tx.run("DELETE FROM search_terms")
        tx.run("INSERT INTO search_terms_owed (patient) SELECT patient FROM patients WHERE identity IS NOT NULL")

    assert found(services, name=chart["patient"]["family"]) == [case]


def test_who_just_came_is_found_while_everybodys_terms_are_owed(services, monkeypatch):
    monkeypatch.setattr(finding, "_WRITTEN_FIRST", 1)
    monkeypatch.setattr(searchable, "_AT_ONCE", 1)
    for _ in range(3):
        b.a_case(services)
    make_searchable(services)
    with services.ledger.transaction() as tx:
        tx.run("INSERT INTO search_terms_owed (patient) SELECT patient FROM patients WHERE identity IS NOT NULL")
    chart = b.a_chart()
    case = b.a_case(services, chart)

    assert found(services, name=chart["patient"]["family"]) == [case]


def test_who_is_forgotten_is_found_no_more(services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    assert found(services, name=chart["patient"]["family"]) == [case]
    with services.ledger.transaction() as tx:
        purging.forget_patient(tx, b.patient_of(services, case))

    assert found(services, name=chart["patient"]["family"]) == []
    with services.ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM search_terms") == 0


def test_at_most_ten_are_shown_and_it_is_said_that_there_are_more(services):
    chart = b.a_chart()
    for year in range(1940, 1951):
        other = b.a_twin(chart)
        b.refer(services, {**other, "patient": {**other["patient"], "birth_date": f"{year}-05-06"}})
    process_all(services)

    seen = desk.find_cases(services, actor=ANN, name=chart["patient"]["family"])

    assert (len(seen.cases), seen.is_more) == (10, True)


def test_no_more_patients_are_made_out_than_it_takes_and_the_same_are_shown(services, monkeypatch):
    chart = b.a_chart()
    for year in range(1940, 1954):
        other = b.a_twin(chart)
        b.refer(services, {**other, "patient": {**other["patient"], "birth_date": f"{year}-05-06"}})
    process_all(services)
    family = chart["patient"]["family"]
    everybody = desk.find_cases(services, actor=ANN, name=family)
    opened: list[int] = []
    identities = patients.identities

    def counted(tx, wanted):
        opened.append(len(wanted))
        return identities(tx, wanted)

    monkeypatch.setattr(patients, "identities", counted)
    monkeypatch.setattr(finding, "_OPENED", 4)

    assert desk.find_cases(services, actor=ANN, name=family) == everybody
    assert opened == [4, 4, 4]
    opened.clear()
    assert desk.find_cases(services, actor=ANN, name=family[:3]) == everybody
    assert sum(opened) == 14  # one of them may be called so wholly


def test_every_search_is_written_down_without_what_was_looked_for(services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    family = chart["patient"]["family"]

    found(services, name=family)
    found(services, name="nobody", born="1 Jan 1901")

    with services.ledger.transaction() as tx:
        chain = Chain.desk(tx.now().date())
        lines = [line for line in tx.lines(chain) if isinstance(line.fact, facts.PatientsSought)]
        shown = [line.fact for line in tx.lines(chain) if isinstance(line.fact, facts.IdentityViewed)]
    assert [(line.by.person, line.fact.by, line.fact.shown) for line in lines] == [
        ("ann", ("name",), (case,)),
        ("ann", ("name", "birth-date"), ()),
    ]
    assert shown == [facts.IdentityViewed(cases=(case,), place="find")]
    assert not [line for line in lines if family.encode() in line.text or b"1901" in line.text]


@pytest.mark.parametrize("said", [{}, {"name": "X"}, {"name": "Nguyen", "born": "31/31/1958"}])
def test_what_finds_nobody_is_refused_and_not_repeated(services, said):
    with pytest.raises(NotAllowed) as refused:
        desk.find_cases(services, actor=ANN, **said)

    assert refused.value.refusal.code is RefusalCode.NOTHING_SOUGHT
    assert "Nguyen" not in str(refused.value)
