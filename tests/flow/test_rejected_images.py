"""Images that their archive rejects by a note, and images of which two came under one number."""

from pathlib import Path
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.fakes import QuietReceiver
from tests.kit.processing import process_all
from tests.kit.rejection_notes import HeldStudy, a_note, an_image, of_patient
from tests.kit.scripted_archive import uid
from tests.kit.staff import ANN
from transfer import links
from transfer.adapters.document_statuses import MEANINGS, Vocabulary
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId, PacketId
from transfer.ledger import Ledger
from transfer.requests import RequestAnswer
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers

STUDY, SERIES, NOTES = "2.25.7", "2.25.7.1", "2.25.7.2"
TITLES = sorted(MEANINGS[Vocabulary.REJECTION_NOTE])


def an_archive(chart: Chart, count: int = 3) -> HeldStudy:
    return HeldStudy(STUDY, {SERIES: {uid(n): an_image(n, chart, STUDY, SERIES) for n in range(1, count + 1)}})


def rejects(archive: HeldStudy, chart: Chart, *numbers: int, title: str = "113001") -> None:
    """The archive has a note from now on that rejects these images."""
    own = f"{NOTES}.{title}"
    note = a_note(own, map(uid, numbers), title=title, study=STUDY, series=NOTES, **of_patient(chart))
    archive.files.setdefault(NOTES, {})[own] = note


@pytest.fixture
def chart() -> Chart:
    return b.a_chart()


@pytest.fixture
def archive(chart: Chart) -> HeldStudy:
    return an_archive(chart)


@pytest.fixture
def services(ledger: Ledger, tmp_path: Path, archive: HeldStudy) -> Services:
    return b.new_services(ledger, ask_archive=archive.ask, hand_to=lambda _: QuietReceiver())


def a_packet(services: Services, case: CaseId) -> None:
    desk.approve(services, case, actor=ANN, without=["slides", "oncology-notes", "pathology-report", "images"])
    process_all(services)


def images_in(said: dict[str, Any]) -> set[str]:
    return {
        instance["sop_instance_uid"]
        for study in said["imaging"]
        for series in study["series"]
        for instance in series["instances"]
    }


def asked_again(services: Services, case: CaseId) -> None:
    request = b.request_to(services, case, b.MERCY)
    desk.answer_request(services, request.id, RequestAnswer.AGAIN, actor=ANN)
    process_all(services)


@pytest.mark.parametrize("title", TITLES)
def test_what_a_note_rejects_is_in_no_packet_and_the_desk_hears(
    services: Services, archive: HeldStudy, chart: Chart, title: str
):
    rejects(archive, chart, 2, title=title)
    case = b.a_case(services, chart)

    assert HoldCode.IMAGES_REJECTED in b.codes_asked(services, case)
    a_packet(services, case)
    assert images_in(b.manifest(services, case)) == {uid(1), uid(3)}


def test_key_images_that_are_of_interest_are_rejected_by_nobody(services: Services, archive: HeldStudy, chart: Chart):
    rejects(archive, chart, 2, title="113000")
    case = b.a_case(services, chart)

    assert HoldCode.IMAGES_REJECTED not in b.codes_asked(services, case)
    a_packet(services, case)
    assert images_in(b.manifest(services, case)) == {uid(1), uid(2), uid(3), f"{NOTES}.113000"}


def test_a_study_of_which_all_is_rejected_no_longer_answers(services: Services, archive: HeldStudy, chart: Chart):
    rejects(archive, chart, 1, 2, 3)
    case = b.a_case(services, chart)

    found = b.assessed(services, case)
    assert "images" in found.lacking
    with services.ledger.transaction() as tx:
        folded = tx.case(case)
    assert folded.void == set(folded.records)


def test_images_rejected_after_the_packet_end_its_links_and_the_next_one_leaves_them_out(
    services: Services, archive: HeldStudy, chart: Chart
):
    case = b.a_case(services, chart)
    a_packet(services, case)
    assert len(images_in(b.manifest(services, case))) == 3

    rejects(archive, chart, 2)
    asked_again(services, case)

    assert {HoldCode.IMAGES_REJECTED, HoldCode.DELIVERED_VOID} <= b.codes_asked(services, case)
    with services.ledger.transaction() as tx:
        assert links.ended(tx.case(case), PacketId.of(case, 1), 30, tx.now()) is links.LinkEnd.HOLDS_VOID
    desk.resolve(services, b.the_hold(services, HoldCode.DELIVERED_VOID).id, HoldAnswer.DELTA, actor=ANN)
    process_all(services)
    assert images_in(b.manifest(services, case, 2)) == {uid(1), uid(3)}
    asked_again(services, case)
    assert HoldCode.DELIVERED_VOID not in b.codes_asked(services, case)


def test_of_two_images_under_one_number_the_first_goes_and_the_packet_names_it(
    services: Services, archive: HeldStudy, chart: Chart
):
    archive.again = [an_image(2, chart, STUDY, SERIES, InstanceNumber=99)]
    case = b.a_case(services, chart)

    assert b.codes_asked(services, case) >= {HoldCode.IMAGES_CONFLICT}
    assert HoldCode.ENTRIES_UNUSABLE not in b.codes_asked(services, case)
    a_packet(services, case)
    (study,) = b.manifest(services, case)["imaging"]
    assert study["first_of_several"] == [uid(2)]


def test_images_that_the_archive_lists_no_more_are_asked_about_once(
    services: Services, archive: HeldStudy, chart: Chart
):
    case = b.a_case(services, chart)
    assert HoldCode.IMAGES_GONE not in b.codes_asked(services, case)

    moved = archive.files[SERIES].pop(uid(2))
    asked_again(services, case)
    assert HoldCode.IMAGES_GONE in b.codes_asked(services, case)
    archive.files[SERIES][uid(2)] = moved
    asked_again(services, case)
    assert HoldCode.IMAGES_GONE not in b.codes_asked(services, case)

    archive.files.clear()
    asked_again(services, case)
    desk.resolve(services, b.the_hold(services, HoldCode.IMAGES_GONE).id, HoldAnswer.SEEN, actor=ANN)
    asked_again(services, case)
    assert HoldCode.IMAGES_GONE not in b.codes_asked(services, case)


def test_images_that_a_note_rejects_and_the_archive_hides_are_not_asked_about_twice(
    services: Services, archive: HeldStudy, chart: Chart
):
    case = b.a_case(services, chart)
    rejects(archive, chart, 2)
    del archive.files[SERIES][uid(2)]
    asked_again(services, case)

    assert HoldCode.IMAGES_GONE not in b.codes_asked(services, case)


def test_a_note_that_nobody_can_read_is_a_persons(services: Services, archive: HeldStudy, chart: Chart):
    rejects(archive, chart)  # it names no image
    case = b.a_case(services, chart)

    assert HoldCode.ENTRIES_UNUSABLE in b.codes_asked(services, case)
