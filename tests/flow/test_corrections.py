"""A corrected report that brings fewer results than the one it corrects: by declared mode, or by what a person says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.kit import builders as b
from tests.kit.doors import received
from tests.kit.lives import FINAL, Word
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.adapters.hl7v2.sheet_reading import result_sheets
from transfer.arrivals import ArrivalKind
from transfer.flaws import Flaw
from transfer.flow import correcting, desk, reading
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId
from transfer.institutions import Corrections, Institutions
from transfer.ledger import Ledger, arrivals, records
from transfer.records import DocumentStatus
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers

SHAPES = Path(__file__).parents[1] / "samples" / "hl7v2" / "shapes"


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def declaring(services: Services, mode: Corrections) -> Services:
    known = [services.institutions[one] for one in services.institutions]
    told = [one.model_copy(update={"corrections": mode}) if one.id == b.PRAIRIE else one for one in known]
    return b.new_services(services.ledger, vault=services.vault, institutions=Institutions(told))


def a_message(chart: Chart, number: int) -> bytes:
    """The report (1) and its correction (2), about this patient."""
    who, known = chart["patient"], chart["numbers"][b.PRAIRIE]
    payload = (SHAPES / f"correction_of_one_obx_{number}.hl7").read_bytes()
    said = {
        b"DERIVED^OPAL": f"{who['family']}^{'^'.join(who['given'])}".encode(),
        b"19610704": who["birth_date"].replace("-", "").encode(),
        b"MR100071": known["value"].encode(),
        b"|F\rOBR": f"|{who['sex'][0].upper()}\rOBR".encode(),
        b"PRAIRIE&2.16.840.1.113883.19.71.2.1&ISO": b"PRAIRIE",
    }
    for before, now in said.items():
        payload = payload.replace(before, now)
    return payload


def came(services: Services, *messages: bytes) -> str:
    arrival = ""
    for message in messages:
        arrival = received(services, b.PRAIRIE, message)
        process_all(services)
    return arrival


def texts(services: Services, case: CaseId) -> list[list[str]]:
    """What the pages of each part say that stands, part by part."""
    with services.ledger.transaction() as tx:
        standing = [kept for kept, joined in records.joined(tx, case) if not (joined.superseded or kept.status.is_void)]
        parts = [part for kept in standing for part in records.parts(tx, kept)]
    sheets = [result_sheets(b"".join(services.vault.read(part.location))) for part in parts]
    return [
        [line.value[0] for sheet in each for section in sheet.sections for line in section.lines] for each in sheets
    ]


G1, G2, GROSS = "ADENOCARCINOMA G1", "ADENOCARCINOMA G2 CORRMARK", "Gross 4.5 cm GROSSMARK"


def test_where_it_is_declared_to_be_the_whole_nobody_is_asked(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    came(declaring(services, Corrections.SNAPSHOT), a_message(chart, 1), a_message(chart, 2))

    assert texts(services, case) == [[G2]]
    assert HoldCode.CORRECTION_IN_PART not in {hold.code for hold in b.open_holds(services)}


def test_where_it_is_declared_to_be_what_changed_the_whole_report_stands_beside_it(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    came(declaring(services, Corrections.ACTION), a_message(chart, 1), a_message(chart, 2))

    assert texts(services, case) == [[G2], [GROSS, G2]]
    assert HoldCode.CORRECTION_IN_PART not in {hold.code for hold in b.open_holds(services)}

    third = a_message(chart, 2).replace(b"G2 CORRMARK", b"G3 CORRMARK")
    came(declaring(services, Corrections.ACTION), third)
    assert texts(services, case) == [["ADENOCARCINOMA G3 CORRMARK"], [GROSS, "ADENOCARCINOMA G3 CORRMARK"]]


@pytest.mark.parametrize(("answer", "said"), [(HoldAnswer.WHOLE, [[G2]]), (HoldAnswer.PART, [[G2], [GROSS, G2]])])
def test_where_nothing_is_declared_a_person_says_it(services: Services, answer: HoldAnswer, said: list[list[str]]):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    arrival = came(services, a_message(chart, 1), a_message(chart, 2))

    hold = b.the_hold(services, HoldCode.CORRECTION_IN_PART)
    assert (hold.subject, hold.due_at is not None) == (arrival, True)
    assert texts(services, case) == [[G2]]
    desk.resolve(services, hold.id, answer, actor=ANN)
    process_all(services)
    assert texts(services, case) == said
    assert HoldCode.CORRECTION_IN_PART not in {hold.code for hold in b.open_holds(services)}


def test_what_cannot_be_put_together_is_asked_about_and_leaves_nothing_outdated(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    otherwise = a_message(chart, 2).replace(b"^~\\&|", b"^~\\#|", 1)
    came(declaring(services, Corrections.ACTION), a_message(chart, 1), otherwise)

    for answer in (HoldAnswer.PART, HoldAnswer.WHOLE):
        assert texts(services, case) == [[G2]]
        desk.resolve(services, b.the_hold(services, HoldCode.CORRECTION_IN_PART).id, answer, actor=ANN)
        process_all(services)

    assert texts(services, case) == [[G2]]
    assert HoldCode.CORRECTION_IN_PART not in {hold.code for hold in b.open_holds(services)}


def test_a_correction_of_one_that_nobody_has_decided_on_is_asked_about_too(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    first = came(services, a_message(chart, 1), a_message(chart, 2))
    second = came(services, a_message(chart, 2).replace(b"G2 CORRMARK", b"G3 CORRMARK"))

    for arrival in (second, first, second):  # what is answered before the one that it corrects is asked again
        asked = {hold.subject: hold for hold in b.open_holds(services) if hold.code is HoldCode.CORRECTION_IN_PART}
        assert second in asked
        desk.resolve(services, asked[arrival].id, HoldAnswer.PART, actor=ANN)
        process_all(services)

    assert texts(services, case)[-1] == [GROSS, "ADENOCARCINOMA G3 CORRMARK"]
    assert HoldCode.CORRECTION_IN_PART not in {hold.code for hold in b.open_holds(services)}


def test_until_then_it_is_cut(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    arrival = came(services, a_message(chart, 1), a_message(chart, 2))
    with services.ledger.transaction() as tx:
        claimed = arrivals.get(tx, arrival)
        assert claimed is not None
        body = reading.payload(tx, services, claimed)
    read = reading.read(services, claimed, body)
    assert isinstance(read, reading.ReceivedDocuments)

    (document,) = correcting.with_what_they_correct(services, claimed, read, b.patient_of(services, case)).documents

    assert document.document.flaws == {Flaw.CUT}


def test_the_whole_report_again_is_asked_of_nobody(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    whole = a_message(chart, 1).replace(b"G1||||||F", b"G9||||||C").replace(b"|PAT|F", b"|PAT|C")
    came(services, a_message(chart, 1), whole)

    assert texts(services, case) == [[GROSS, "ADENOCARCINOMA G9"]]
    assert HoldCode.CORRECTION_IN_PART not in {hold.code for hold in b.open_holds(services)}


FINAL_WORD = Word("oru", DocumentStatus.FINAL, FINAL["oru"])
SAID = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)


def final(services: Services, chart: Chart, text: str, hours: int, *, more: bytes = b"") -> None:
    sent = FINAL_WORD.say(chart, "N1", text, SAID + timedelta(hours=hours))
    b.comes(services, sent.institution, ArrivalKind.ANSWER, sent.body + more, sent.content_type, sent.door)
    process_all(services)


@pytest.mark.parametrize("texts_in_order", [(("G1", 0), ("G2", 1)), (("G2", 1), ("G1", 0))], ids=["in order", "late"])
def test_a_report_that_is_sent_as_final_once_more_replaces_the_one_before(
    services: Services, texts_in_order: tuple[tuple[str, int], ...]
):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    for text, hours in texts_in_order:
        final(services, chart, text, hours)

    assert texts(services, case) == [["G2"]]


@pytest.mark.parametrize(("hours", "more"), [(0, b"OBX|2|TX|y^Gross|1|a cube||||||F\r"), (1, b"")])
def test_what_may_be_another_part_or_tells_no_later_time_replaces_nothing(services: Services, hours: int, more: bytes):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    final(services, chart, "G1", hours, more=more)
    final(services, chart, "G2", 1)

    assert len(texts(services, case)) == 2


def said(services: Services, chart: Chart, number: str, text: str, at: datetime, *put: tuple[bytes, bytes]) -> None:
    """The report as final at a time, with some of its bytes replaced."""
    sent = FINAL_WORD.say(chart, number, text, at)
    body = sent.body
    for before, now in put:
        assert before in body
        body = body.replace(before, now)
    b.comes(services, sent.institution, ArrivalKind.ANSWER, body, sent.content_type, sent.door)
    process_all(services)


def again(services: Services, chart: Chart, text: str, hours: int, *put: tuple[bytes, bytes]) -> None:
    """The report as final, of which its laboratory does not say when it said it (OBR-22); its message does (MSH-7)."""
    at = SAID + timedelta(hours=hours)
    said(services, chart, "N1", text, at, (f"|||{at:%Y%m%d%H%M%S}+0000||PAT".encode(), b"|||||PAT"), *put)


@pytest.mark.parametrize("texts_in_order", [(("G1", 0), ("G2", 1)), (("G2", 1), ("G1", 0))], ids=["in order", "late"])
def test_where_the_reports_do_not_say_which_is_the_later_their_messages_do(
    services: Services, texts_in_order: tuple[tuple[str, int], ...]
):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    for text, hours in texts_in_order:
        again(services, chart, text, hours)

    assert texts(services, case) == [["G2"]]


def test_two_messages_of_one_stated_moment_may_be_two_parts(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    said(services, chart, "N1", "part A", SAID)
    later = SAID + timedelta(seconds=1)  # MSH-7 alone
    stated = [f"|||{at:%Y%m%d%H%M%S}+0000||PAT".encode() for at in (later, SAID)]
    said(services, chart, "N1", "part B", later, (stated[0], stated[1]))

    assert [superseded for _, superseded in told(services, case)] == [False, False]


@pytest.mark.parametrize("other", [(b"|20261001|", b"|20260901|"), (b"OBX|1|TX|", b"OBX|1|ED|")], ids=["day", "file"])
def test_one_of_another_day_or_a_file_beside_a_text_replaces_nothing(services: Services, other: tuple[bytes, bytes]):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    again(services, chart, "G1", 0, other)
    again(services, chart, "G2", 1)

    with services.ledger.transaction() as tx:
        assert [joined.superseded for _, joined in records.joined(tx, case)] == [False, False]


def told(services: Services, case: CaseId) -> list[tuple[DocumentStatus, bool]]:
    """Each record of the case, in the order in which it came, and whether it is superseded."""
    with services.ledger.transaction() as tx:
        return [(kept.status, joined.superseded) for kept, joined in records.joined(tx, case)]


def test_a_correction_that_is_not_final_yet_takes_the_final_ones_place(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    said(services, chart, "N1", "G1", SAID)
    said(services, chart, "N1", "G2", SAID + timedelta(hours=1), (b"||PAT|F", b"||PAT|M"), (b"||F\r", b"||P\r"))

    assert told(services, case) == [(DocumentStatus.FINAL, True), (DocumentStatus.PRELIMINARY, False)]
    said(services, chart, "N1", "G3", SAID + timedelta(hours=2))
    assert texts(services, case) == [["G3"]]


def test_a_report_of_a_year_to_come_is_not_the_latest(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    said(services, chart, "N1", "mistyped", SAID, (b"|20261001|", b"|20991001|"))
    said(services, chart, "N2", "the latest", SAID)

    needs = b.assessed(services, case).completeness.needs
    with services.ledger.transaction() as tx:
        (chosen,) = [kept for kept, _ in records.joined(tx, case) if kept.id in {need.chosen for need in needs}]
    assert [one.value for one in chosen.about.identifiers] == ["N2"]


@pytest.mark.parametrize("word", [b"X", b"C"])
def test_what_a_report_of_a_year_to_come_says_of_itself_can_be_corrected(services: Services, word: bytes):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    said(services, chart, "N1", "G1", SAID.replace(year=2099))
    said(services, chart, "N1", "G2", SAID, (b"||PAT|F", b"||PAT|" + word), (b"||F\r", b"||" + word + b"\r"))

    assert [superseded for _, superseded in told(services, case)] == [True, False]
