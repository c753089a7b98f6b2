"""Who asked for an accounting, and the figures of a period, by command."""

import json
import re

import pytest

from tests.kit.handed_over import handed_over
from tests.kit.staff import ANN
from transfer.flow import desk

pytestmark = pytest.mark.servers


def test_an_accounting_is_asked_for_delayed_and_given(services, transfer, tmp_path):
    case = handed_over(services)
    period = desk.latest_days(services, 30, actor=ANN)
    days = ("--on", period.last, "--from", period.first, "--to", period.last)

    assert "Nobody has asked" in transfer("audit", "accountings").stdout
    asked = transfer("audit", "accounting", "ask", case, *days)
    (name,) = re.findall(r"\bv[0-9a-z]{15}\b", asked.stdout)
    assert name in transfer("hold", "list").stdout
    assert transfer("audit", "accounting", "delay", name, "because").exit_code == 2
    assert transfer("audit", "accounting", "delay", name, "volume").exit_code == 0
    assert transfer("audit", "accounting", "give", name).exit_code == 2
    assert transfer("audit", "accounting", "give", name, "--csv", tmp_path / "a.csv", "--fee", 100).exit_code == 4
    given = transfer("audit", "accounting", "give", name, "--csv", tmp_path / "a.csv")

    assert given.exit_code == 0, given.stderr
    assert name in (tmp_path / "a.csv").read_text()
    assert name not in transfer("hold", "list").stdout
    listed = transfer("audit", "accountings").stdout
    assert name in listed
    assert "free" in listed
    (told,) = json.loads(transfer("audit", "accountings", "--json").stdout)
    assert told["request"]["rows"] == 0


def test_a_period_that_is_none_is_not_understood(services, transfer):
    case = handed_over(services)

    done = transfer(
        "audit", "accounting", "ask", case, "--on", "2026-01-02", "--from", "2026-01-02", "--to", "2026-01-01"
    )

    assert done.exit_code == 2


def test_the_figures_of_a_period_are_told_and_taken_along(services, transfer, tmp_path):
    handed_over(services)

    told = transfer("audit", "report").stdout
    taken = transfer("audit", "report", "--csv", tmp_path / "report.csv").stdout

    assert re.search(r"Disclosures in all +", told)
    assert "Nobody verified the audit log" in told
    assert re.match(r"[0-9a-f]{64} ", taken)
    assert json.loads(transfer("audit", "report", "--json").stdout)["figures"]
