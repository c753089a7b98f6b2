"""`transfer alerts` says what is wrong now, and ends with 1 while anything is."""

import json

import pytest

from tests.kit import builders as b
from transfer.alerts import AlertCode, AlertWay, Trouble
from transfer.flow.services import Services
from transfer.ledger import alerts

pytestmark = pytest.mark.servers


def begun(services: Services) -> None:
    with services.ledger.transaction() as tx:
        trouble = Trouble(code=AlertCode.CASES_OVERDUE, about=b.SUMMIT, amount=3)
        alerts.notice(tx, trouble)
        (alert,) = alerts.unfinished(tx)
        alerts.begin(tx, alert, trouble, [AlertWay.MAIL])


def test_it_says_what_is_wrong_whom_nobody_told_and_when_it_is_over(transfer, services):
    assert (transfer("alerts").exit_code, transfer("alerts").output) == (0, "Nothing is wrong.\n")

    begun(services)
    said = transfer("alerts")
    assert said.exit_code == 1
    assert said.output.startswith("3 requests for Summit")
    assert said.output.rstrip().endswith("See Today at the desk. Not told by mail.")
    (line,) = json.loads(transfer("alerts", "--json").output)
    assert (line["code"], line["about"], line["over_at"]) == ("cases-overdue", b.SUMMIT, None)

    with services.ledger.transaction() as tx:
        (alert,) = alerts.unfinished(tx)
        alerts.end(tx, alert, ())
    assert (transfer("alerts").exit_code, transfer("alerts").output) == (0, "Nothing is wrong.\n")
    assert "over at" in transfer("alerts", "--all").output
