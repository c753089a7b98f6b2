"""The day at the desk: what only people here can move comes first, and a list folds no case."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.kit import builders as b
from tests.kit.staff import ANN, BEN
from transfer import facts
from transfer.calls import Call, Callee, CallOutcome
from transfer.completeness import WaiverKind
from transfer.errors import NotAllowed, OutOfOrder
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.desk import Chosen, ListPart
from transfer.flow.housekeeping import clean_up
from transfer.flow.services import Services
from transfer.flow.telling import tell_what_changed
from transfer.holds import HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, Tx, case_lists, holds, purging
from transfer.refusals import RefusalCode
from transfer.requests import Owner, RequestAnswer
from transfer.sealing import KeyName

pytestmark = pytest.mark.servers
ZONE = ZoneInfo("America/Chicago")


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that is run from now on."""
    said: list[str] = []
    for name in ("rows", "rows_by_name", "row", "run"):
        run = getattr(Tx, name)

        def counted(self, query, *values, run=run):
            said.append(query)
            return run(self, query, *values)

        monkeypatch.setattr(Tx, name, counted)
    return said


def look(services: Services, **chosen: object) -> desk.Today:
    return desk.today(services, actor=ANN, zone=ZONE, chosen=Chosen(**chosen))


def of(page: desk.CasePage) -> list[CaseId]:
    return [one.case for one in page.lines]


def more_like(services: Services, case: CaseId, numbers: range) -> None:
    """A further case for each number, whose row is as this one's."""
    with services.ledger.transaction() as tx:
        columns = tx.rows(
            """SELECT attname AS name FROM pg_attribute
               WHERE attrelid = 'transfer.cases'::regclass AND attnum > 1 AND NOT attisdropped AND attgenerated = ''"""
        )
        same = ", ".join(row.name for row in columns)
        tx.run(
            f"INSERT INTO cases (case_id, {same}) SELECT 'c' || lpad(n::text, 11, '0'), {same} FROM cases, "
            "generate_series(%s::int, %s::int) AS n WHERE case_id = %s",
            *(numbers.start, numbers.stop - 1, case),
        )


class TestWhoseTurnItIs:
    @pytest.mark.parametrize(
        ("made", "owner"),
        [
            (lambda services: b.a_case_of_others(services), Owner.SOURCE),
            (lambda services: b.a_case(services, form=False), Owner.PATIENT),
            (b.a_case_without_slides, Owner.DESK),
        ],
        ids=["sources", "patient", "desk"],
    )
    def test_stands_beside_the_case(self, services, made, owner):
        case = made(services)

        (line,) = desk.list_cases(services, actor=ANN)

        assert (line.case, line.owner) == (case, owner)
        assert line.owner_since is not None
        assert desk.dossier(services, case, actor=ANN).owner is owner

    def test_since_when_stays_while_it_is_the_same_side(self, services, hours_pass):
        case = b.a_case(services)
        (before,) = desk.list_cases(services, actor=ANN)
        hours_pass(timedelta(hours=2))
        desk.add_note(services, case, "she called", actor=ANN)

        (after,) = desk.list_cases(services, actor=ANN)

        assert (after.owner, after.owner_since) == (before.owner, before.owner_since)

    def test_what_a_person_is_asked_between_two_judgements_is_told_by_the_next_list(self, services):
        case = b.a_case(services)
        with services.ledger.transaction() as tx:
            holds.place(tx, case, HoldCode.PATIENT_DIED)

        (line,) = desk.list_cases(services, actor=ANN)

        assert line.owner is Owner.DESK
        assert "Needs a decision" in line.why

    def test_a_patient_who_called_to_stop_is_ours_and_nobody_is_told_to_approve(self, services):
        case = b.a_case_without_slides(services)
        (permission,) = desk.list_permissions(services, case, actor=ANN)
        desk.pause(services, permission.permission, actor=ANN)

        (line,) = desk.list_cases(services, actor=ANN)

        assert line.owner is Owner.DESK
        assert line.why.startswith("Stopped: the patient asked us to stop on ")
        assert "Approve" not in line.why

    def test_a_case_nobody_can_read_any_more_says_so_and_the_others_are_listed(self, services):
        gone, case = b.a_case(services), b.a_case(services)
        with services.ledger.transaction() as tx:
            tx.keys.destroy(KeyName.patient(b.patient_of(services, gone)))
            tx.run("UPDATE cases SET told_line = NULL")

        said = {one.case: one.why for one in desk.list_cases(services, actor=ANN)}

        assert said[gone] == "The patient's data is destroyed."
        assert "Waits" in said[case]


class TestAListFoldsNoCase:
    def test_five_hundred_cases_cost_as_many_questions_as_two(self, services, asked):
        case = b.a_case_of_others(services)
        more_like(services, case, range(1, 2))
        counts = []
        for more in (range(0), range(2, 500)):
            if more:
                more_like(services, case, more)
            desk.list_cases(services, actor=ANN)
            asked.clear()
            desk.list_cases(services, actor=ANN, limit=1000)
            look(services)
            counts.append(len(asked))
            assert not [query for query in asked if "FROM facts" in query]

        assert counts[0] == counts[1]
        assert look(services).counts[ListPart.OTHERS] == 500

    def test_housekeeping_catches_up_where_nobody_looks(self, services, hours_pass):
        case = b.a_case(services)
        tell_what_changed(services)
        desk.add_note(services, case, "she called", actor=ANN)
        with services.ledger.transaction() as tx:
            assert not purging.is_housekeeping_due(tx)

        hours_pass(timedelta(minutes=11))

        with services.ledger.transaction() as tx:
            assert purging.is_housekeeping_due(tx)
        clean_up(services)
        with services.ledger.transaction() as tx:
            assert not purging.is_housekeeping_due(tx)
            assert case_lists.to_tell(tx, limit=9) == []

    def test_what_time_alone_changes_is_told_by_housekeeping_and_by_a_list_where_that_is_late(
        self, services, hours_pass
    ):
        b.a_case(services)
        tell_what_changed(services)
        hours_pass(timedelta(hours=6, minutes=5))

        assert tell_what_changed(services) == 0
        with services.ledger.transaction() as tx:
            assert purging.is_housekeeping_due(tx)

        hours_pass(timedelta(minutes=6))

        assert [tell_what_changed(services), tell_what_changed(services)] == [1, 0]

    def test_a_case_somebody_works_on_is_shown_as_it_was_told_last_and_waited_for_by_nobody(self, services):
        case = b.a_case(services)
        (before,) = desk.list_cases(services, actor=ANN)
        desk.add_note(services, case, "she called", actor=ANN)
        with services.ledger.transaction() as tx:
            tx.lock_case(case)

            (line,) = desk.list_cases(services, actor=ANN)

        assert line == before

    def test_while_the_keys_are_away_what_was_told_last_is_shown(self, services, monkeypatch):
        case = b.a_case(services)
        (before,) = desk.list_cases(services, actor=ANN)
        desk.add_note(services, case, "she called", actor=ANN)

        def away(*_: object, **__: object) -> bytes:
            raise OutOfOrder("the keys do not answer")

        monkeypatch.setattr(type(services.ledger.keys), "unseal", away)

        assert desk.list_cases(services, actor=ANN) == [before]


class TestToday:
    def test_each_open_case_is_in_one_part(self, services):
        ours, theirs = b.a_case_without_slides(services), b.a_case_of_others(services)
        going, closed = b.a_case_without_slides(services), b.a_case(services)
        desk.close(services, closed, "not-coming", actor=ANN)
        desk.approve(services, going, actor=ANN)

        found = look(services)

        assert (of(found.ours), of(found.others)) == ([ours], [theirs])
        assert {
            part: found.counts[part] for part in (ListPart.OURS, ListPart.OTHERS, ListPart.MOVING, ListPart.DELIVERED)
        } == {
            ListPart.OURS: 1,
            ListPart.OTHERS: 1,
            ListPart.MOVING: 1,
            ListPart.DELIVERED: 0,
        }
        assert of(desk.list_part(services, ListPart.MOVING, actor=ANN, zone=ZONE)) == [going]

    def test_what_is_needed_first_comes_first_and_what_has_no_day_last(self, services):
        later, undated, sooner = (b.a_case_without_slides(services) for _ in range(3))
        with services.ledger.transaction() as tx:
            tx.run("UPDATE cases SET needed_by = CASE case_id WHEN %s THEN '2030-01-02' WHEN %s THEN '2030-01-01' END "
                   "::date, appointment_at = NULL", later, sooner)  # fmt: skip

        found = look(services)

        assert of(found.ours) == [sooner, later, undated]
        assert of(desk.list_part(services, ListPart.UNDATED, actor=ANN, zone=ZONE)) == [undated]

    def test_a_source_is_to_be_called_the_business_day_after_its_time(self, services, hours_pass):
        case = b.a_case_of_others(services)
        request = b.request_to(services, case, b.PRAIRIE)
        assert of(look(services).ours) == []

        desk.answer_request(services, request.id, RequestAnswer.READY_ON, actor=ANN, day=datetime.now(UTC).date())
        hours_pass(timedelta(days=4))

        (line,) = look(services).ours.lines
        assert (line.case, line.to_call, line.owner) == (case, ("Prairie Pathology, Report desk",), Owner.DESK)

    def test_a_day_that_a_person_chose_stands_until_the_request_moves(self, services, hours_pass):
        case = b.a_case_of_others(services)
        request = b.request_to(services, case, b.PRAIRIE)
        chosen = (datetime.now(UTC) + timedelta(days=1)).date()

        did = desk.plan_action(services, request.id, chosen, actor=ANN)
        again = desk.plan_action(services, request.id, chosen, actor=BEN)

        assert (did.changed, again.changed) == (True, False)
        (view,) = [one for one in desk.dossier(services, case, actor=ANN).requests if one.request == request.id]
        assert view.next_action_on == chosen
        assert of(look(services).ours) == []
        hours_pass(timedelta(days=2))
        assert of(look(services).ours) == [case]
        desk.answer_request(services, request.id, RequestAnswer.NO_RECORDS, actor=ANN)
        assert look(services).ours.lines == () or look(services).ours.lines[0].to_call == ()

    def test_what_a_call_said_to_look_after_comes_on_that_day(self, services, hours_pass):
        case = b.a_case_of_others(services)
        request = b.request_to(services, case, b.PRAIRIE)
        on = (datetime.now(UTC) + timedelta(days=2)).date()
        calls = (
            Call(callee=Callee.PATIENT, outcome=CallOutcome.VOICEMAIL, next_action=on),
            Call(callee=Callee.FACILITY, outcome=CallOutcome.VOICEMAIL, request=request.id, next_action=on),
        )
        for call in calls:
            desk.log_call(services, case, call, actor=ANN)
        assert of(look(services).ours) == []

        hours_pass(timedelta(days=3))

        (line,) = look(services).ours.lines
        assert (line.look_again_on, line.to_call) == (on, ("Prairie Pathology, Report desk",))
        desk.log_call(services, case, Call(callee=Callee.PATIENT, outcome=CallOutcome.SPOKE), actor=ANN)
        assert look(services).ours.lines[0].look_again_on is None

    def test_what_nobody_owes_any_more_cannot_be_planned(self, services):
        case = b.a_case(services)
        request = b.request_to(services, case, b.PRAIRIE)
        desk.answer_request(services, request.id, RequestAnswer.DO_WITHOUT, actor=ANN)

        with pytest.raises(NotAllowed) as refused:
            desk.plan_action(services, request.id, datetime.now(UTC).date(), actor=ANN)

        assert refused.value.refusal.code is RefusalCode.CANNOT_PLAN

    def test_who_owes_most_is_called_first(self, services):
        b.a_case(services)
        two = b.a_case(services)
        desk.answer_request(services, b.request_to(services, two, b.MERCY).id, RequestAnswer.IN_PROGRESS, actor=ANN)

        owed = {one.who: one.requests for one in look(services).owed}

        assert owed["Prairie Pathology, Report desk"] == 2
        assert owed["Mercy Imaging, Film room"] == 1

    def test_the_clinic_of_a_day_says_what_is_outstanding_and_by_when(self, services):
        at = datetime.now(UTC) + timedelta(days=5)
        case = b.a_case_without_slides(services)
        desk.change(services, case, actor=ANN, appointment_at=at)

        (clinic,) = look(services).clinics

        assert (clinic.receiver, clinic.day) == ("Summit Cancer Center", at.astimezone(clinic.zone).date())
        assert clinic.cut_off == clinic.lines[0].needed_by
        assert [one.case for one in clinic.lines] == [case]
        assert len(clinic.lines[0].lacking) == 1

    def test_what_came_and_became_nothing_is_counted_by_who_sent_it(self, services):
        b.report_comes(services, b.a_chart())

        (nothing,) = look(services).came_to_nothing

        assert (nothing.institution, nothing.messages, nothing.nameless) == ("Prairie Pathology", 1, 0)

    def test_a_message_that_waits_for_people_is_there_though_it_is_in_no_case(self, services):
        chart = b.a_chart()
        b.a_case(services, chart)
        b.report_comes(services, b.a_twin(chart))

        (message,) = look(services).messages

        assert (message.code, message.institution) == (HoldCode.WHOSE_RECORD, "Prairie Pathology")

    def test_a_patient_is_named_where_it_is_asked_for(self, services):
        chart = b.a_chart()
        b.a_case_of_others(services, chart)

        blind, named = (
            desk.today(services, actor=ANN, zone=ZONE, identity=identity).others.lines[0].patient
            for identity in (False, True)
        )

        assert blind is None
        assert chart["patient"]["family"] in named

    @pytest.mark.parametrize(
        ("chosen", "is_in"),
        [
            ({"institution": b.MERCY}, True),
            ({"institution": b.SUMMIT}, True),
            ({"institution": "nowhere"}, False),
            ({"checklist": "melanoma"}, False),
            ({"assigned_to": "ann"}, False),
        ],
    )
    def test_it_is_cut_down_to_what_is_chosen(self, services, chosen, is_in):
        case = b.a_case_of_others(services)

        assert of(look(services, **chosen).others) == ([case] if is_in else [])


class TestWhoseWorkItIs:
    def test_a_case_is_somebodys_until_it_is_anothers_or_nobodys(self, services):
        case = b.a_case(services)

        did = [desk.assign(services, case, to, actor=ANN).changed for to in ("ben", "ben", None)]

        assert did == [True, False, True]
        assert desk.list_cases(services, actor=ANN)[0].assigned_to is None

    def test_all_of_one_are_given_to_another(self, services):
        mine, other = [b.a_case_of_others(services) for _ in range(2)], b.a_case(services)
        for case in mine:
            desk.assign(services, case, "ann", actor=ANN)

        did = desk.reassign(services, "ann", "ben", actor=BEN)

        assert did.fields["count"] == 2
        assert {one.case: one.assigned_to for one in desk.list_cases(services, actor=ANN)} == {
            **dict.fromkeys(mine, "ben"),
            other: None,
        }
        assert sorted(of(look(services, assigned_to="ben").others)) == sorted(mine)
        assert desk.reassign(services, "ben", "ben", actor=BEN).fields["count"] == 0

    def test_a_name_is_no_account(self, services):
        case = b.a_case(services)

        for act in (lambda: desk.assign(services, case, "Ann Miller", actor=ANN),
                    lambda: desk.reassign(services, "ann", "Ann Miller", actor=ANN)):  # fmt: skip
            with pytest.raises(NotAllowed) as refused:
                act()
            assert refused.value.refusal.code is RefusalCode.NO_ACCOUNT

    def test_a_closed_case_is_nobodys_work(self, services):
        case = b.a_case(services)
        desk.close(services, case, "not-coming", actor=ANN)

        with pytest.raises(NotAllowed, match="closed"):
            desk.assign(services, case, "ben", actor=ANN)


def test_a_delivered_case_is_nobodys_turn_and_stands_apart(services: Services):
    case = b.a_case_without_slides(services)
    desk.waive(services, case, "slides", WaiverKind.ABSENT, actor=ANN)
    disclosure = "d" + "0" * 15
    with services.ledger.transaction() as tx:
        packet = tx.case(case).newest_packet.planned.packet
        for fact in (
            facts.PacketAssembled(packet=packet, records=(), lacking=(), tag_manifest="0" * 64, size=1),
            facts.DisclosureBegun(
                disclosure=disclosure, packet=packet, recipient=b.SUMMIT, purpose="TREAT", bases=(), permissions=()
            ),
            facts.DisclosureSettled(disclosure=disclosure, outcome="made"),
        ):
            tx.append(Chain.case(case), fact)

    assert desk.list_cases(services, actor=ANN)[0].owner is Owner.CENTER

    with services.ledger.transaction() as tx:
        tx.append(Chain.case(case), facts.ReceiptRecorded(packet=packet, status="accepted", arrival="a" + "0" * 15))

    (line,) = desk.list_cases(services, actor=ANN)
    assert (line.owner, line.why) == (None, f"Delivered: Summit Cancer Center accepted packet {packet}.")
    assert of(desk.list_part(services, ListPart.DELIVERED, actor=ANN, zone=ZONE)) == [case]
