"""What left is told from the facts: to whom, on which basis, approved by whom, and whether an accounting lists it."""

import csv
import hashlib
import io
import zipfile
from datetime import date, timedelta

import pytest

from tests.kit import builders as b
from tests.kit.handed_over import BY_FORM, handed_over
from tests.kit.staff import ANN
from transfer import facts
from transfer.disclosures import DisclosureOutcome
from transfer.flow import desk
from transfer.flow.desk import ChosenDisclosures
from transfer.flow.services import Services
from transfer.institutions import Basis
from transfer.ledger.disclosures import Grounds
from transfer.periods import Period
from transfer.sheets import SheetFormat

pytestmark = pytest.mark.servers

DIRECTED = Grounds(bases=("access-directive", "authorization"), permissions=())


@pytest.fixture
def services(ledger) -> Services:
    return b.new_services(ledger)


def lately(services: Services, days: int = 30) -> Period:
    return desk.latest_days(services, days, actor=ANN)


def test_a_disclosure_says_to_whom_on_which_basis_and_who_approved_it(services):
    case = handed_over(services)

    (one,) = [found for found in desk.list_disclosures(services, lately(services), actor=ANN) if found.is_packet]

    assert (one.case, one.receiver, one.outcome) == (case, b.SUMMIT, DisclosureOutcome.MADE)
    assert (one.bases, one.permissions) == (BY_FORM.bases, BY_FORM.permissions)
    assert (one.size, one.streams, one.approved_by) == (420_864, 1, "ann")
    assert one.exempt == ("164.528(a)(1)(iv)",)
    assert dict(one.kinds) == {"images": 1, "note": 1, "pathology-report": 1}
    with services.ledger.transaction() as tx:
        line = tx.lines(facts.Chain.case(case))[one.line - 1]
    assert (line.hash.hex(), line.fact.kind) == (one.hash, "disclosure-begun")


def test_only_what_no_exception_names_is_accounted_for(services):
    covered, directed = handed_over(services), handed_over(services, grounds=DIRECTED)

    def cases(**chosen: object) -> set[str]:
        asked = ChosenDisclosures(**chosen)
        found = desk.list_disclosures(services, lately(services), actor=ANN, chosen=asked)
        return {one.case for one in found if one.is_packet}

    assert cases(is_accountable=True) == {directed}
    assert cases(is_accountable=False) == {covered}
    assert cases(basis=Basis.ACCESS_DIRECTIVE) == {directed}
    assert cases(basis=Basis.EMERGENCY) == set()
    assert cases(receiver=b.MERCY) == set()
    assert cases(outcome=DisclosureOutcome.UNKNOWN) == set()


def test_the_patient_of_one_case_is_the_patient_of_all_of_theirs(services):
    chart = b.a_chart()
    first, second, other = (handed_over(services, chart=who) for who in (chart, chart, None))

    asked = ChosenDisclosures(case=second)
    found = desk.list_disclosures(services, lately(services), actor=ANN, chosen=asked)

    assert {one.case for one in found} == {first, second}
    assert other not in {one.case for one in found}


def test_what_was_disclosed_on_another_day_is_not_in_the_period(services, hours_pass):
    before = handed_over(services)
    hours_pass(timedelta(days=40))
    after = handed_over(services)

    def packets(days: int) -> list[str]:
        found = desk.list_disclosures(services, lately(services, days), actor=ANN)
        return [one.case for one in found if one.is_packet]

    assert packets(30) == [after]
    assert packets(60) == [after, before]  # the newest first


def test_a_file_says_the_same_and_its_hash_is_a_fact(services):
    case = handed_over(services)

    made = desk.disclosures_file(services, lately(services), SheetFormat.CSV, actor=ANN)

    assert made.sha256 == hashlib.sha256(made.content).hexdigest()
    assert made.sha256[:12] in made.name
    table = list(csv.reader(io.StringIO(made.content.decode())))
    head = table.index([]) + 1
    rows = [dict(zip(table[head], row, strict=True)) for row in table[head + 1 :]]
    assert {row["Case"] for row in rows} == {case}
    assert {row["Accounted for (164.528)"] for row in rows} == {"no"}
    assert {row["Approved by"] for row in rows if row["What"].startswith("packet")} == {"ann"}
    with services.ledger.transaction() as tx:
        told = [line.fact for line in tx.lines(facts.Chain.desk(tx.now().date()))]
    assert [fact.sha256 for fact in told if isinstance(fact, facts.ReportMade)] == [made.sha256]


def test_a_spreadsheet_holds_every_row(services):
    case = handed_over(services)

    made = desk.disclosures_file(services, lately(services), SheetFormat.XLSX, actor=ANN)

    with zipfile.ZipFile(io.BytesIO(made.content)) as book:
        assert case in book.read("xl/sharedStrings.xml").decode()
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


def test_no_file_names_a_patient(services):
    chart = b.a_chart()
    handed_over(services, chart=chart)

    made = desk.disclosures_file(services, lately(services), SheetFormat.CSV, actor=ANN)

    assert chart["patient"]["family"].encode() not in made.content
    assert date.fromisoformat(chart["patient"]["birth_date"]).isoformat().encode() not in made.content
