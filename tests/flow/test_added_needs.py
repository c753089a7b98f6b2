"""A case that changes: another checklist, something needed in addition, and what was done to the patient."""

import json

import pytest

from tests.kit import builders as b
from tests.kit.fakes import TakingReceiver
from tests.kit.processing import process_all
from tests.kit.staff import ANN, somebody
from transfer import facts, institutions
from transfer.arrivals import ArrivalKind
from transfer.completeness import NeedState, WaiverKind
from transfer.errors import NotAllowed
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.desk.shown import NeedView
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, materials, requests
from transfer.partial_dates import PartialDate
from transfer.procedures import ProcedureKind
from transfer.records import RecordKind
from transfer.refusals import RefusalCode
from transfer.requests import Request, RequestState
from transfer.rights import Right

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    as_filed = institutions.load(b.ROOT / "institutions", b.NAMES)
    return b.new_services(ledger, institutions=as_filed, hand_to=lambda _: TakingReceiver())


def need(services: Services, case: CaseId, line: str, **how: bool) -> NeedView:
    (found,) = [one for one in desk.dossier(services, case, actor=ANN, **how).needs if one.line == line]
    return found


def moves(services: Services, case: CaseId) -> list[tuple[str, str]]:
    """Department and state of every move of its requests."""
    with services.ledger.transaction() as tx:
        departments = {one.id: one.department for one in requests.of_case(tx, case)}
        told = [line.fact for line in tx.lines(Chain.case(case))]
    return [(departments[one.request], one.state) for one in told if isinstance(one, facts.RequestMoved)]  # type: ignore[index]


def own_request(services: Services, case: CaseId, line: str) -> Request:
    with services.ledger.transaction() as tx:
        (found,) = [one for one in requests.of_case(tx, case) if one.need == line]
    return found


def an_unknown_disease(services: Services) -> CaseId:
    """A case that was opened with the list common to all diseases, all of which came."""
    chart = b.a_chart()
    chart["diagnosis"] = {**chart["diagnosis"], "icd10": "Z99.9", "snomed": "1234567"}
    b.sign_form(services, chart)
    case = b.refer(services, chart)
    process_all(services)
    return case


class TestPickingTheChecklist:
    def test_what_was_collected_stays_and_nobody_is_asked_twice(self, services: Services):
        case = an_unknown_disease(services)
        assert desk.dossier(services, case, actor=ANN).checklist == "common 1"
        for kind in (RecordKind.NOTE, RecordKind.PATHOLOGY_REPORT):
            b.came_in(services, case, kind)
        desk.waive(services, case, "slides", WaiverKind.WAIVED, actor=ANN)
        before, asked = b.folded(services, case).records, moves(services, case)

        assert desk.change(services, case, checklist="colorectal", actor=ANN).changed
        process_all(services)

        assert desk.dossier(services, case, actor=ANN).checklist == "colorectal 1"
        assert b.folded(services, case).records == before
        assert need(services, case, "pathology-report").state == NeedState.SATISFIED
        assert need(services, case, "slides").state == NeedState.WAIVED
        again = moves(services, case)[len(asked) :]
        assert ("report-desk", "expected") not in again
        assert ("records-office", "due") not in again
        assert not [one for one in b.open_holds(services, case) if one.code is HoldCode.DIAGNOSIS_UNKNOWN]

        assert desk.change(services, case, checklist="common", actor=ANN).changed
        assert b.folded(services, case).records == before
        assert not desk.change(services, case, checklist="common", actor=ANN).changed


class TestAddingANeed:
    def test_it_is_asked_for_by_itself_and_holds_the_packet_up(self, services: Services):
        case = b.a_case(services)
        did = desk.add_need(
            services, case, RecordKind.MOLECULAR, b.LAKESIDE, actor=ANN, words="the panel of last spring"
        )
        assert did.fields["lines"] == ("added-1",)

        assert "added-1" in b.request_to(services, case, b.LAKESIDE).lines
        for kind in (RecordKind.NOTE, RecordKind.PATHOLOGY_REPORT, RecordKind.IMAGES):
            b.came_in(services, case, kind)
        assert not b.folded(services, case).packets
        b.came_in(services, case, RecordKind.MOLECULAR)
        assert need(services, case, "added-1").state == NeedState.SATISFIED
        assert b.folded(services, case).packets

    def test_a_department_that_had_answered_is_asked_again(self, services: Services):
        case = b.a_case(services)
        b.came_in(services, case, RecordKind.MOLECULAR)
        assert b.request_to(services, case, b.LAKESIDE).state is RequestState.ANSWERED

        desk.add_need(services, case, RecordKind.MOLECULAR, b.LAKESIDE, actor=ANN)

        assert b.request_to(services, case, b.LAKESIDE).state is RequestState.DUE
        assert need(services, case, "added-1").state == NeedState.REQUESTED

    def test_the_same_is_added_once_and_in_other_words_again(self, services: Services):
        case = b.a_case(services)

        def add(words: str) -> bool:
            return desk.add_need(services, case, RecordKind.NOTE, b.LAKESIDE, actor=ANN, words=words).changed

        assert add("of the cardiologist")
        assert not add("of the cardiologist")
        assert add("of the surgeon")
        assert list(b.folded(services, case).added) == ["added-1", "added-2"]

    def test_what_is_asked_for_elsewhere_is_needed_from_there(self, services: Services):
        case = b.a_case(services)
        desk.add_need(
            services,
            case,
            RecordKind.PATHOLOGY_REPORT,
            b.LAKESIDE,
            actor=ANN,
            words="of the biopsy",
            day=PartialDate(2026),
        )
        office = b.request_to(services, case, b.LAKESIDE)
        assert "added-1" in office.lines
        b.put(services, office, RequestState.ASKING, RequestState.NOT_FOUND)

        moved = desk.answer_request(
            services, office.id, desk.RequestAnswer.ASK_ELSEWHERE, actor=ANN, institution=b.PRAIRIE
        )

        assert moved.changed
        standing = need(services, case, "added-2", notes=True)
        assert (standing.institution, standing.day, standing.words) == (b.PRAIRIE, "2026", "of the biopsy")
        assert b.folded(services, case).added["added-1"].is_dropped
        assert "added-1" not in b.request_to(services, case, b.LAKESIDE).lines
        assert own_request(services, case, "added-2").institution == b.PRAIRIE

    def test_its_words_are_shown_with_what_people_wrote_alone(self, services: Services):
        case = b.a_case(services)
        desk.add_need(services, case, RecordKind.NOTE, b.LAKESIDE, actor=ANN, words="of her surgeon, Mrs. Whitfield")

        plain, with_notes = need(services, case, "added-1"), need(services, case, "added-1", notes=True)

        assert (plain.words, plain.institution) == (None, b.LAKESIDE)
        assert with_notes.words == "of her surgeon, Mrs. Whitfield"
        with services.ledger.transaction() as tx:
            told = "".join(str(line.fact) for line in tx.lines(Chain.case(case)))
        assert "Whitfield" not in told

    def test_dropping_it_undoes_it(self, services: Services):
        case = b.a_case_without_slides(services)
        desk.add_need(services, case, RecordKind.MATERIAL, b.PRAIRIE, actor=ANN)
        desk.add_need(services, case, RecordKind.IMAGES, b.MERCY, actor=ANN)
        assert {"added-1", "added-2"} <= set(b.assessed(services, case).lacking)

        assert desk.drop_need(services, case, "added-1", actor=ANN).changed
        assert desk.drop_need(services, case, "added-2", actor=ANN).changed
        assert not desk.drop_need(services, case, "added-2", actor=ANN).changed

        assert set(b.assessed(services, case).lacking) == {"slides"}
        assert "added-2" not in b.request_to(services, case, b.MERCY).lines
        with services.ledger.transaction() as tx:
            pieces = materials.of_case(tx, case, b.patient_of(services, case))
        assert sorted((one.line, one.material.state) for one in pieces) == [
            ("added-1", "cancelled"),
            ("slides", "wanted"),
        ]
        with pytest.raises(NotAllowed) as refused:
            desk.drop_need(services, case, "slides", actor=ANN)
        assert refused.value.refusal
        assert refused.value.refusal.code is RefusalCode.NOT_ADDED

    def test_a_line_that_was_added_is_waived_and_left_out_as_any_other(self, services: Services):
        case = b.a_case(services)
        desk.add_need(services, case, RecordKind.NOTE, b.LAKESIDE, actor=ANN)

        desk.waive(services, case, "added-1", WaiverKind.ABSENT, actor=ANN)

        assert need(services, case, "added-1").state == NeedState.ABSENT_WITH_REASON

    def test_it_survives_another_checklist(self, services: Services):
        case = b.a_case(services)
        desk.add_need(services, case, RecordKind.IMAGES, b.MERCY, actor=ANN)

        desk.change(services, case, checklist="common", actor=ANN)

        assert "added-1" in b.request_to(services, case, b.MERCY).lines
        assert "added-1" in b.assessed(services, case).lacking

    def test_after_the_packet_went_it_comes_in_a_further_one(self, services: Services):
        case = b.a_case_without_slides(services)
        process_all(services)
        packet = b.folded(services, case).newest_packet
        assert packet
        body = {"resourceType": "Task", "status": "accepted", "intent": "order"}
        focus = {"identifier": {"system": "urn:records-transfer:packet", "value": packet.planned.packet}}
        b.comes(
            services,
            b.SUMMIT,
            ArrivalKind.RECEIPT,
            json.dumps(body | {"focus": focus}).encode(),
            "application/fhir+json",
            subject=packet.planned.packet,
        )
        process_all(services)

        desk.add_need(services, case, RecordKind.OPERATIVE_NOTE, b.LAKESIDE, actor=ANN)
        b.came_in(services, case, RecordKind.OPERATIVE_NOTE)

        assert HoldCode.APPROVE_DELTA in {one.code for one in b.open_holds(services, case)}

    def test_it_is_refused_where_nobody_holds_it_and_without_the_right(self, services: Services):
        case = b.a_case(services)

        with pytest.raises(NotAllowed) as refused:
            desk.add_need(services, case, RecordKind.OPERATIVE_NOTE, b.MERCY, actor=ANN)
        assert refused.value.refusal
        assert refused.value.refusal.code is RefusalCode.HOLDS_NO_KIND
        with pytest.raises(NotAllowed):
            nobody = somebody("ann", without=frozenset({Right.WORK_ON_CASES}))
            desk.add_need(services, case, RecordKind.IMAGES, b.MERCY, actor=nobody)
        assert not b.folded(services, case).added


class TestItsOwnRequest:
    """Of who is asked by people, or sends by himself, each added need is a request of its own."""

    @pytest.fixture
    def case(self, services: Services) -> CaseId:
        return b.a_case(services)

    def biopsy(self, services: Services, case: CaseId, day: PartialDate, words: str | None = None) -> Request:
        kind = RecordKind.PATHOLOGY_REPORT
        desk.add_need(services, case, kind, b.PRAIRIE, actor=ANN, day=day, words=words)
        return own_request(services, case, list(b.folded(services, case).added)[-1])

    def test_it_has_a_state_a_time_and_a_next_look_of_its_own(self, services: Services, case: CaseId):
        b.came_in(services, case, RecordKind.PATHOLOGY_REPORT)
        asked = self.biopsy(services, case, PartialDate(2024, 3))

        assert (asked.lines, asked.state) == (("added-1",), RequestState.EXPECTED)
        assert asked.due_at
        assert asked.next_action_on
        main = b.request_to(services, case, b.PRAIRIE)
        assert (main.need, main.state) == ("", RequestState.ANSWERED)
        assert "added-1" not in main.lines

    def test_what_they_say_to_it_is_no_answer_for_the_list(self, services: Services, case: CaseId):
        asked = self.biopsy(services, case, PartialDate(2024, 3))

        desk.answer_request(services, asked.id, desk.RequestAnswer.NO_RECORDS, actor=ANN)

        assert need(services, case, "added-1").state == NeedState.ABSENT_WITH_REASON
        assert need(services, case, "pathology-report").state == NeedState.REQUESTED
        assert b.request_to(services, case, b.PRAIRIE).state is RequestState.EXPECTED

    def test_the_record_that_answers_it_ends_it_and_another_of_its_kind_does_not(
        self, services: Services, case: CaseId
    ):
        with services.ledger.transaction() as tx:
            today = PartialDate.of(tx.now().date())
        old, new = self.biopsy(services, case, PartialDate(2024, 3)), self.biopsy(services, case, today)

        b.came_in(services, case, RecordKind.PATHOLOGY_REPORT)

        assert own_request(services, case, new.need).state is RequestState.ANSWERED
        assert own_request(services, case, old.need).state is RequestState.EXPECTED
        assert need(services, case, "added-2").state == NeedState.SATISFIED

    def test_another_list_leaves_it_alone_and_dropping_it_withdraws_it(self, services: Services, case: CaseId):
        asked = self.biopsy(services, case, PartialDate(2024, 3))

        desk.change(services, case, checklist="breast", actor=ANN)
        assert own_request(services, case, "added-1").lines == ("added-1",)

        desk.drop_need(services, case, "added-1", actor=ANN)
        assert own_request(services, case, asked.need).state is RequestState.WITHDRAWN

    def test_the_same_again_is_one_request(self, services: Services, case: CaseId):
        for _ in range(2):
            self.biopsy(services, case, PartialDate(2024, 3))

        with services.ledger.transaction() as tx:
            made = [one.need for one in requests.of_case(tx, case) if one.institution == b.PRAIRIE]
        assert made == ["", "added-1"]


class TestWhatWasDone:
    def test_each_record_of_an_operation_is_an_item_of_its_own(self, services: Services):
        case, march = b.a_case(services), PartialDate(2026, 3)

        did = desk.add_procedure(services, case, ProcedureKind.OPERATION, b.LAKESIDE, actor=ANN, day=march)

        assert did.fields["lines"] == ("added-1", "added-2")
        shown = [need(services, case, line) for line in ("added-1", "added-2")]
        assert [one.label for one in shown] == ["Operative note of the operation", "Pathology report of the operation"]
        assert {(one.institution, one.day, one.state) for one in shown} == {(b.LAKESIDE, "2026-03", "requested")}

    def test_what_is_here_already_answers_it_and_nobody_is_asked_again(self, services: Services):
        case = b.a_case_without_slides(services)
        with services.ledger.transaction() as tx:
            today = PartialDate.of(tx.now().date())
        asked = b.request_to(services, case, b.MERCY)

        desk.add_procedure(services, case, ProcedureKind.SCAN, b.MERCY, actor=ANN, day=today)

        assert need(services, case, "added-1").state == NeedState.SATISFIED
        assert b.request_to(services, case, b.MERCY).state is asked.state is RequestState.ANSWERED
