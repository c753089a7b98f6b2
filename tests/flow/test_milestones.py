"""A center is told how far a case is: each milestone once, only while it may be released."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.fakes import TakingReceiver
from tests.kit.processing import process_all, process_once
from tests.kit.staff import ANN
from transfer import facts, institutions
from transfer.errors import Unexpected, Unheard
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.milestones import tell_center
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, permissions, rounds
from transfer.milestones import Milestone
from transfer.records import RecordKind
from transfer.rounds import Dag

pytestmark = pytest.mark.servers


class Center(TakingReceiver):
    """Takes what it is given, or fails as it is told."""

    fails: Exception | None = None

    def submit(self, bundle: bytes) -> None:
        if self.fails:
            raise self.fails
        super().submit(bundle)

    def tell(self, bundle: bytes) -> None:
        self.submit(bundle)

    def told(self) -> list[dict[str, Any]]:
        """The Tasks it took, and None for each packet, in their order."""
        first = [json.loads(bundle)["entry"][0]["resource"] for bundle in self.taken]
        return [one if one["resourceType"] == "Task" else {} for one in first]

    def milestones(self) -> list[str]:
        return [one["businessStatus"]["coding"][0]["code"] if one else "packet" for one in self.told()]


@pytest.fixture
def center() -> Center:
    return Center()


@pytest.fixture
def services(ledger: Ledger, center: Center) -> Services:
    as_filed = institutions.load(b.ROOT / "institutions", b.NAMES)
    return b.new_services(ledger, institutions=as_filed, hand_to=lambda _: center)


def enough(services: Services) -> CaseId:
    """A case that has what the center wants before it gives an appointment, and no images."""
    case = b.a_case(services)
    b.came_in(services, case, RecordKind.NOTE)
    b.came_in(services, case, RecordKind.PATHOLOGY_REPORT)
    return case


def test_enough_to_schedule_is_told_once_and_before_the_packet(services: Services, center: Center):
    case = enough(services)
    assert desk.dossier(services, case, actor=ANN).is_schedulable
    process_all(services)
    assert center.milestones() == ["enough-to-schedule"]

    b.came_in(services, case, RecordKind.IMAGES)
    process_all(services)
    tell_center(services, case)

    assert center.milestones() == ["enough-to-schedule", "packet"]
    assert desk.dossier(services, case, actor=ANN).milestones == (("enough-to-schedule", "made"),)


def test_of_a_case_on_hold_nothing_is_told_and_no_round_owes_the_next(services: Services, center: Center):
    case = b.a_case(services)
    with services.ledger.transaction() as tx:
        tx.append(Chain.case(case), facts.ReferralUpdated(status="on-hold", arrival=None))
        rounds.owe(tx, Dag.OPEN_CASE, case)
    for kind in (RecordKind.NOTE, RecordKind.PATHOLOGY_REPORT):
        b.came_in(services, case, kind)

    ended = [process_once(services) for _ in range(12)]

    assert not ended[-1]
    assert center.milestones() == []


def test_where_all_comes_at_once_it_is_told_before_the_packet_still(services: Services, center: Center):
    b.a_case_without_slides(services)
    process_all(services)

    assert center.milestones() == ["enough-to-schedule", "packet"]


def test_a_pathology_report_alone_is_not_enough(services: Services, center: Center):
    case = b.a_case(services)
    b.came_in(services, case, RecordKind.PATHOLOGY_REPORT)
    process_all(services)

    assert center.milestones() == []
    assert not desk.dossier(services, case, actor=ANN).is_schedulable


def test_the_arrival_of_the_slides_is_told_after_the_packet(services: Services, center: Center):
    case = b.a_case_without_slides(services)
    process_all(services)
    desk.receive_material(services, case, pieces=4, announced=6, accession="S25-1", actor=ANN)
    process_all(services)
    assert center.milestones() == ["enough-to-schedule", "packet"]

    desk.receive_material(services, case, pieces=2, accession="S25-1", is_another_parcel=True, actor=ANN)
    process_all(services)

    assert center.milestones() == ["enough-to-schedule", "packet", "material-received"]


def test_what_is_told_names_the_patient_and_what_it_rests_on_is_written(services: Services, center: Center):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    b.came_in(services, case, RecordKind.NOTE)
    b.came_in(services, case, RecordKind.PATHOLOGY_REPORT)
    process_all(services)

    (task,) = center.told()
    patient = next(one for one in task["contained"] if one["resourceType"] == "Patient")
    assert patient["name"][0]["family"] == chart["patient"]["family"]
    assert task["identifier"][0]["value"] == f"{case}-enough-to-schedule"
    assert task["groupIdentifier"]["value"] == case
    (told,) = b.facts_of(services, case, facts.CenterTold)
    assert (told.recipient, told.bases) == (b.SUMMIT, ("authorization",))
    assert told.permissions


def test_without_a_permission_nothing_is_told(services: Services, center: Center):
    case = b.a_case(services)
    b.came_in(services, case, RecordKind.NOTE)
    with services.ledger.transaction() as tx:
        (form,) = permissions.filed(tx, b.patient_of(services, case))
    b.came_in(services, case, RecordKind.PATHOLOGY_REPORT)
    desk.pause(services, form.permission.id, actor=ANN)
    process_all(services)
    assert center.milestones() == []
    assert not b.facts_of(services, case, facts.CenterTold)

    desk.resume(services, form.permission.id, actor=ANN)
    process_all(services)

    assert center.milestones() == ["enough-to-schedule"]


def test_a_center_that_cannot_be_reached_is_told_later_and_it_counts_once(services: Services, center: Center):
    center.fails = Unheard("nothing listens there", maybe_received=True)
    case = enough(services)
    process_all(services)
    assert center.milestones() == []
    assert not b.open_holds(services, case)

    center.fails = None
    with services.ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET not_before = transfer.now() - %s WHERE state = 'owed'", timedelta(seconds=1))
    process_all(services)

    assert center.milestones() == ["enough-to-schedule"]
    assert len(b.facts_of(services, case, facts.CenterTold)) == 1
    assert [one.outcome for one in b.facts_of(services, case, facts.TellingSettled)] == ["made"]


@pytest.mark.parametrize(
    ("word", "outcome", "count"), [(HoldAnswer.AGAIN, "made", 1), (HoldAnswer.SEEN, "by-person", 0)]
)
def test_a_center_that_refuses_to_hear_is_a_persons(
    services: Services, center: Center, word: HoldAnswer, outcome: str, count: int
):
    center.fails = Unexpected("HTTP 422")
    case = enough(services)
    process_all(services)
    hold = b.the_hold(services, HoldCode.CENTER_NOT_TOLD)
    assert hold.about == Milestone.ENOUGH_TO_SCHEDULE

    center.fails = None
    process_all(services)
    assert center.milestones() == []
    desk.resolve(services, hold.id, word, actor=ANN)
    process_all(services)

    assert len(center.milestones()) == count
    assert [one.outcome for one in b.facts_of(services, case, facts.TellingSettled)] == [outcome]


def test_a_center_that_takes_no_task_is_told_nothing_but_the_desk_sees_it(services: Services, center: Center):
    known = {**services.institutions}
    receives = known[b.SUMMIT].receives
    assert receives
    known[b.SUMMIT] = known[b.SUMMIT].model_copy(
        update={"receives": receives.model_copy(update={"takes_tasks": False})}
    )
    deaf = b.new_services(
        services.ledger, institutions=institutions.Institutions(known.values()), hand_to=lambda _: center
    )
    case = enough(deaf)
    process_all(deaf)

    assert center.milestones() == []
    assert desk.dossier(deaf, case, actor=ANN).milestones == (("enough-to-schedule", ""),)
