"""Messages that are sent again, and message numbers (MSH-10) that are used again."""

from datetime import timedelta

import pytest

from tests.kit import builders as b
from tests.kit.doors import received
from tests.kit.processing import process_all
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.ledger import Ledger, records
from transfer.sandbox.pathology import messages

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def sent_later(message: bytes, control: str | None = None) -> bytes:
    """The same message under another time (MSH-7), and perhaps another number (MSH-10)."""
    first, rest = message.split(b"\r", 1)
    fields = first.split(b"|")
    fields[6] = b"20991231235959"
    fields[9] = control.encode() if control else fields[9]
    return b"|".join(fields) + b"\r" + rest


@pytest.mark.parametrize("control", [None, "another"])
@pytest.mark.parametrize("status", ["F", "C"])
def test_a_message_that_is_sent_again_is_no_other_record_and_no_question(services: Services, status, control):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    report = messages.report(chart, control_id="N1", status=status, form="oru")
    for message in (report, sent_later(report, control)):
        received(services, b.PRAIRIE, message)
        process_all(services)

    with services.ledger.transaction() as tx:
        (kept, joined) = next(iter(records.joined(tx, case)))
        assert len(records.joined(tx, case)) == 1
        assert not joined.superseded
    assert kept.status.is_settled
    assert HoldCode.CONTROL_ID_CONFLICT not in {hold.code for hold in b.open_holds(services)}


def test_another_report_under_the_same_number_is_asked_about_and_not_on_another_day(services: Services):
    one, other, later = b.a_chart(), b.a_chart(), b.a_chart()
    cases = [b.a_case(services, chart) for chart in (one, other, later)]
    received(services, b.PRAIRIE, b.report_of(one, "N7"))
    received(services, b.PRAIRIE, b.report_of(other, "N7"))
    process_all(services)
    asked = [hold.subject for hold in b.open_holds(services) if hold.code is HoldCode.CONTROL_ID_CONFLICT]
    assert asked == [cases[1]]

    with services.ledger.transaction() as tx:
        tx.run("UPDATE arrivals SET received_at = received_at - %s", timedelta(hours=20))
    received(services, b.PRAIRIE, b.report_of(later, "N7"))
    process_all(services)
    assert asked == [hold.subject for hold in b.open_holds(services) if hold.code is HoldCode.CONTROL_ID_CONFLICT]
