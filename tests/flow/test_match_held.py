"""Two patients become one, or two again, at the moment between finding whose something is and writing it."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.doors import a_task, posted
from tests.kit.fakes import MemoryVault
from tests.kit.objections import an_objection
from tests.kit.processing import process_all
from tests.kit.staff import ANN, BEN
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.flow import answers, desk, objections
from transfer.flow.desk import comparing
from transfer.flow.identity import hold_patient_of
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Ledger, Tx, patients, permissions, records
from transfer.permissions import End
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers


class Meanwhile:
    """Does something once, at the next moment at which it is asked."""

    def __init__(self) -> None:
        self.act: Callable[[], object] | None = None

    def __call__(self) -> None:
        act, self.act = self.act, None
        if act:
            act()


class _Vault(MemoryVault):
    """Bytes go into it between match and write."""

    def __init__(self, meanwhile: Meanwhile) -> None:
        super().__init__()
        self.meanwhile = meanwhile

    def keep(self, chunks: Iterable[bytes]) -> Any:
        self.meanwhile()
        return super().keep(chunks)


class Two:
    """One person who was referred twice, under other numbers and another name."""

    def __init__(self, ledger: Ledger) -> None:
        self.meanwhile = Meanwhile()
        self.services = b.new_services(ledger, vault=_Vault(self.meanwhile))
        self.chart = b.a_chart()
        other = b.a_chart()
        self.other_chart: Chart = {**other, "patient": {**self.chart["patient"], "family": "Otherwise"}}
        self.case, self.other = b.a_case(self.services, self.chart), b.a_case(self.services, self.other_chart)
        self.patient, self.absorbed = b.patient_of(self.services, self.case), b.patient_of(self.services, self.other)

    def merge(self) -> None:
        desk.merge(self.services, self.case, self.other, actor=ANN)
        desk.merge(self.services, self.case, self.other, actor=BEN)

    def split(self) -> None:
        desk.split(self.services, self.other, actor=ANN)


@pytest.fixture
def two(ledger: Ledger) -> Two:
    return Two(ledger)


def reports_of(services: Services) -> list[PatientId]:
    with services.ledger.transaction() as tx:
        rows = tx.rows("SELECT patient, record FROM records WHERE kind = 'pathology-report' AND purged_at IS NULL")
        assert all(records.get(tx, row.record) for row in rows), "sealed under another key"
    return [PatientId(row.patient) for row in rows]


def counted(services: Services, case: CaseId) -> int:
    return len([one for one in desk.dossier(services, case, actor=ANN).records if not one.is_superseded])


def test_a_report_of_two_who_become_one_is_the_ones(two: Two):
    b.comes(two.services, b.PRAIRIE, ArrivalKind.ANSWER, b.report_of(two.other_chart), HL7_V2, Door.MLLP)
    two.meanwhile.act = two.merge
    process_all(two.services)

    assert two.meanwhile.act is None
    assert reports_of(two.services) == [two.patient]
    assert counted(two.services, two.other) == 1


def test_a_report_of_one_who_becomes_two_again_is_of_whom_it_names(two: Two):
    two.merge()
    process_all(two.services)
    b.comes(two.services, b.PRAIRIE, ArrivalKind.ANSWER, b.report_of(two.other_chart), HL7_V2, Door.MLLP)
    two.meanwhile.act = two.split
    process_all(two.services)

    assert two.meanwhile.act is None
    assert reports_of(two.services) == [two.absorbed]
    assert (counted(two.services, two.other), counted(two.services, two.case)) == (1, 0)


def test_a_form_of_two_who_become_one_is_the_ones(two: Two, monkeypatch: pytest.MonkeyPatch):
    real = objections.object_to_release

    def object_to_release(*args: Any, **named: Any) -> None:
        two.meanwhile()  # after the form's patient was found, before the patient is held
        real(*args, **named)

    monkeypatch.setattr("transfer.flow.forms.object_to_release", object_to_release)
    b.sign_form(two.services, two.other_chart, number="another-form")
    two.meanwhile.act = two.merge
    process_all(two.services)

    with two.services.ledger.transaction() as tx:
        numbers = [one.permission.form.reference for one in permissions.filed(tx, two.patient)]
        assert permissions.filed(tx, two.absorbed) == []
    assert len(numbers) == 3


def test_a_no_to_one_of_two_who_become_one_stops_the_form(two: Two, monkeypatch: pytest.MonkeyPatch):
    real = objections.match_patient

    def match_patient(*args: Any, **named: Any) -> Any:
        found = real(*args, **named)
        two.meanwhile()
        return found

    monkeypatch.setattr("transfer.flow.objections.match_patient", match_patient)
    two.meanwhile.act = two.merge
    posted(two.services, b.LAKESIDE, an_objection(two.other_chart, status="inactive"))

    with two.services.ledger.transaction() as tx:
        ended = {one.permission.ended for one in permissions.filed(tx, two.patient)}
    assert End.REVOKED in ended


def test_an_answer_to_a_request_of_two_who_become_one_is_heard(two: Two, monkeypatch: pytest.MonkeyPatch):
    request = b.request_to(two.services, two.other, b.PRAIRIE)
    read, named = Tx.case, answers.requests.get
    is_named = False

    def get(tx: Any, name: str) -> Any:
        nonlocal is_named
        is_named = True
        return named(tx, name)

    def case(tx: Any, name: CaseId) -> Any:
        found = read(tx, name)
        if is_named:
            two.meanwhile()  # after it was read whose the case is, before the patient is held
        return found

    posted(two.services, b.PRAIRIE, a_task("request", request.id, "rejected", "no-records"))
    monkeypatch.setattr("transfer.flow.answers.requests.get", get)
    monkeypatch.setattr(Tx, "case", case)
    two.meanwhile.act = two.merge
    process_all(two.services)

    assert b.request_to(two.services, two.other, b.PRAIRIE).state == "no-records"


def test_people_who_compared_with_who_is_somebody_else_now_compare_again(two: Two, monkeypatch: pytest.MonkeyPatch):
    twin = {**b.a_chart(), "patient": two.other_chart["patient"]}
    b.report_comes(two.services, twin)
    asked = b.the_hold(two.services, "whose-record")
    real = comparing.compare

    def compare(*args: Any) -> Any:
        seen = real(*args)
        two.meanwhile()
        return seen

    desk.resolve(two.services, asked.id, HoldAnswer.OURS, actor=ANN, case=two.other)
    monkeypatch.setattr(comparing, "compare", compare)
    two.meanwhile.act = two.merge
    desk.resolve(two.services, asked.id, HoldAnswer.OURS, actor=BEN, case=two.other)
    # ANN's word was about who is somebody else now.
    desk.resolve(two.services, asked.id, HoldAnswer.OURS, actor=ANN, case=two.other)
    process_all(two.services)

    assert reports_of(two.services) == [two.patient]


def test_who_waits_for_a_merge_holds_whose_the_case_is_then(two: Two):
    held: list[PatientId] = []

    def hold(tx: Any, patient: PatientId) -> None:
        if not held:
            two.merge()
        held.append(patient)
        patients.hold_epoch_shared(tx, patient)

    with two.services.ledger.transaction() as tx:
        found = hold_patient_of(tx, two.other, hold)
    assert held == [two.absorbed, two.patient]
    assert found == two.patient
