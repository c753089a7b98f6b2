"""Messages about a patient of an open case that no reader takes, or whose patient cannot be read."""

import pytest

from tests.kit import builders as b
from tests.kit.doors import received
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.ledger import Ledger
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def a_message(chart: Chart, kind: str, *further: str, patient: bool = True, control: str = "M1") -> bytes:
    """A message about the patient as Prairie sends it, or about somebody it does not name."""
    who, number = chart["patient"], chart["numbers"][b.PRAIRIE]["value"]
    born = who["birth_date"].replace("-", "")
    pid = f"PID|1||{number}^^^PRAIRIE^MR||{who['family']}^{'^'.join(who['given'])}||{born}|{who['sex'][0].upper()}"
    head = rf"MSH|^~\&|PRAIRIELIS|PRAIRIE|RECORDS|TRANSFER|20260105101500||{kind}|{control}|P|2.5.1"
    return "".join(f"{segment}\r" for segment in (head, pid if patient else "PID|1", *further)).encode()


def state(services: Services, arrival: str) -> tuple[str, bool]:
    """Of an arrival: its state, and whether it is to be purged."""
    with services.ledger.transaction() as tx:
        row = tx.row("SELECT state, purge_after FROM arrivals WHERE arrival = %s", arrival)
    assert row is not None
    return row.state, row.purge_after is not None


KINDS = [
    "ADT^A01",
    "ADT^A03",
    "ADT^A28",
    "ORM^O01",
    "OML^O21",
    "OMG^O19",
    "RDE^O11",
    "VXU^V04",
    "BAR^P01",
    "PPR^PC1",
    "ZZZ^Z01",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_that_nothing_takes_is_asked_about_and_kept_until_it_is_seen(services: Services, kind: str):
    chart = b.a_chart()
    b.a_case(services, chart)
    arrival = received(services, b.PRAIRIE, a_message(chart, kind, "ORC|NW|P1", "OBR|1|P1||x"))
    process_all(services)

    (hold,) = b.open_holds(services)
    assert (hold.code, hold.subject) == (HoldCode.MESSAGE_NOT_TAKEN, arrival)
    assert hold.due_at
    assert state(services, arrival) == ("held", False)
    desk.resolve(services, hold.id, HoldAnswer.SEEN, actor=ANN)
    assert state(services, arrival) == ("sealed", True)


@pytest.mark.parametrize("kind", KINDS)
def test_one_about_nobody_is_sealed_and_nobody_is_asked(services: Services, kind: str):
    b.a_case(services, b.a_chart())
    arrival = received(services, b.PRAIRIE, a_message(b.a_chart(), kind))
    process_all(services)

    assert b.open_holds(services) == []
    assert state(services, arrival) == ("sealed", True)


def test_one_that_came_before_its_patients_case_is_asked_about_then(services: Services):
    chart = b.a_chart()
    arrival = received(services, b.PRAIRIE, a_message(chart, "ORM^O01"))
    process_all(services)
    assert state(services, arrival) == ("sealed", True)
    b.a_case(services, chart)
    process_all(services)

    assert b.the_hold(services, HoldCode.MESSAGE_NOT_TAKEN).subject == arrival


MERGES = ["A08", "A18", "A30", "A31", "A34", "A35", "A36", "A39", "A40", "A41", "A47"]


@pytest.mark.parametrize("trigger", MERGES)
def test_a_change_of_who_is_who_is_asked_about_under_every_event_of_the_trade(services: Services, trigger: str):
    chart = b.a_chart()
    b.a_case(services, chart)
    arrival = received(services, b.PRAIRIE, a_message(chart, f"ADT^{trigger}", "MRG|OLD77^^^PRAIRIE^MR"))
    process_all(services)

    (hold,) = b.open_holds(services)
    assert (hold.code, hold.subject) == (HoldCode.IDENTITY_CHANGED, arrival)


def test_a_merge_that_does_not_say_with_whom_is_asked_about_all_the_same(services: Services):
    chart = b.a_chart()
    b.a_case(services, chart)
    received(services, b.PRAIRIE, a_message(chart, "ADT^A40", "MRG|"))
    process_all(services)

    assert b.the_hold(services, HoldCode.MESSAGE_NOT_TAKEN)


@pytest.mark.parametrize(
    ("kind", "further", "code"),
    [
        ("ORU^R01", ("OBR|1||{}^PRAIRIELIS|x", "OBX|1|TX|y||z||||||F"), HoldCode.WHOSE_RECORD),
        ("MDM^T02", ("TXA|1|SP||||||||||{}^PRAIRIELIS|||||LA", "OBX|1|TX|y||z||||||F"), HoldCode.WHOSE_RECORD),
        ("ORM^O01", ("ORC|NW||{}^PRAIRIELIS",), HoldCode.MESSAGE_NOT_TAKEN),
        ("SIU^S99", ("OBR|1||{}^PRAIRIELIS|x",), None),
    ],
)
def test_a_message_whose_patient_cannot_be_read_is_known_by_its_number(services: Services, kind, further, code):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    b.report_comes(services, chart)
    process_all(services)
    accession = _accession(b.report_of(chart))
    b.open_holds(services)
    before = {hold.id for hold in b.open_holds(services)}
    arrival = received(
        services, b.PRAIRIE, a_message(chart, kind, *(one.format(accession) for one in further), patient=False)
    )
    process_all(services)

    (hold,) = [one for one in b.open_holds(services) if one.id not in before]
    assert hold.subject == arrival
    assert hold.code == (code or hold.code)
    assert case
    assert state(services, arrival) == ("held", False)


def test_of_two_that_name_nobody_each_is_asked_about(services: Services):
    chart = b.a_chart()
    b.a_case(services, chart)
    b.report_comes(services, chart)
    accession = _accession(b.report_of(chart))
    for text in ("one", "another"):
        said = (f"OBR|1||{accession}^PRAIRIELIS|x", f"OBX|1|TX|y||{text}||||||F")
        received(services, b.PRAIRIE, a_message(chart, "ORU^R01", *said, patient=False, control=text))
        process_all(services)

    assert [hold.code for hold in b.open_holds(services)].count(HoldCode.WHOSE_RECORD) == 2


def test_one_that_names_a_request_of_ours_and_nobody_else_is_asked_about(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    asked = b.request_to(services, case, b.PRAIRIE).id
    said = (f"OBR|1|{asked}^TRANSFER|R9^PRAIRIELIS|x", "OBX|1|TX|y||z||||||F")
    arrival = received(services, b.PRAIRIE, a_message(chart, "ORU^R01", *said, patient=False))
    process_all(services)

    assert b.the_hold(services, HoldCode.WHOSE_RECORD).subject == arrival


def _accession(report: bytes) -> str:
    """OBR-3.1."""
    order = next(segment for segment in report.split(b"\r") if segment.startswith(b"OBR"))
    return order.split(b"|")[3].split(b"^")[0].decode()


def test_one_whose_patient_cannot_be_read_and_whose_number_is_nobodys_is_sealed(services: Services):
    chart = b.a_chart()
    b.a_case(services, chart)
    arrival = received(services, b.PRAIRIE, a_message(chart, "ORM^O01", "ORC|NW||NOBODYS^PRAIRIELIS", patient=False))
    process_all(services)

    assert b.open_holds(services) == []
    assert state(services, arrival) == ("sealed", True)
