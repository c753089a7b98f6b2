"""Access events: who asked for what, and nothing of a patient."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.kit.builders import new_services
from tests.kit.desk_client import Desk, a_person
from transfer.pages import access_events
from transfer.pages.emergency import PATH
from transfer.rights import Role

pytestmark = pytest.mark.servers


@pytest.fixture
def desk(ledger) -> Desk:
    return Desk(new_services(ledger))


@pytest.fixture
def lines(capsys) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What was written since it was asked last; the first time nothing was."""
    logger = logging.getLogger("transfer.access")
    before = logger.handlers, logger.propagate, logger.level

    def written() -> list[dict[str, Any]]:
        access_events.configure()  # each phase of a test has a standard output of its own
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    yield written
    logger.handlers, logger.propagate = before[0], before[1]
    logger.setLevel(before[2])


def test_each_request_is_one_line_with_who_and_what(desk: Desk, lines):
    desk.sign_in(Role.CLERK)
    lines()

    desk.get("/desk/cases/c00000000000/reason")
    desk.post("/desk/cases/c00000000000/reason", {"reason": "TREAT"})

    shown, done = lines()
    assert {key: shown[key] for key in ("method", "route", "status", "account", "roles", "case")} == {
        "method": "GET",
        "route": "/desk/cases/{case}/reason",
        "status": 200,
        "account": a_person().account,
        "roles": ["clerk"],
        "case": "c00000000000",
    }
    assert (done["method"], done["status"], done["account"]) == ("POST", 404, a_person().account)


def test_nothing_that_somebody_typed_is_written(desk: Desk, lines):
    desk.sign_in(Role.CLERK)
    lines()

    desk.get("/desk/cases/Zebra-Theodora/reason?name=Zebra")
    desk.get("/desk/Zebra")
    desk.post("/desk/cases/c00000000000/reason", {"reason": "Zebra"})
    desk.client.post(PATH, data={"password": "Zebra"})
    desk.client.request("ZEBRA", "/desk/")

    written = lines()
    assert len(written) == 5
    assert "zebra" not in json.dumps(written).lower()


def test_who_is_not_signed_in_has_no_account(desk: Desk, lines):
    lines()
    desk.get("/desk/cases/c00000000000/reason")
    desk.client.post(PATH, data={"password": "x"})

    refused, failed = lines()
    assert (refused["status"], refused["account"], refused["case"]) == (401, None, "c00000000000")
    assert (failed["route"], failed["status"], failed["account"]) == (PATH, 422, None)
