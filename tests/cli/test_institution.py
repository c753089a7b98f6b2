"""`transfer institution`, and what `transfer case show` says of a turn that has not come."""

import json
import re
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from tests.kit import builders as b
from tests.kit.fakes import MemoryDocuments
from tests.kit.first_steps import first_step, referred
from tests.kit.processing import process_all
from transfer.embedded.process import CHECKOUT
from transfer.errors import Unreachable
from transfer.flow.request import request
from transfer.flow.services import Services
from transfer.ledger import Ledger
from transfer.turns import RESTS_AFTER

pytestmark = pytest.mark.servers

Transfer = Callable[..., Result]


class Office(MemoryDocuments):
    """A records office. Something may happen while it is being asked."""

    def __init__(self) -> None:
        super().__init__([b"a note"])
        self.happens: Callable[[], object] = lambda: None

    def find_patient(self, *said: Any, **how: Any) -> Any:
        self.happens()
        return super().find_patient(*said, **how)


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def services(ledger: Ledger, office: Office) -> Services:
    return b.new_services(ledger, ask_documents=lambda _: office)


@pytest.fixture
def lakesides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say something else in the file of Lakeside that the command reads."""

    def says(**changed: object) -> None:
        folder = tmp_path / "institutions"
        shutil.copytree(CHECKOUT / "institutions", folder, dirs_exist_ok=True)
        path = folder / "lakeside-oncology.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changed))
        monkeypatch.setenv("TRANSFER_INSTITUTIONS", str(folder))

    return says


def of_the_office(result: Result) -> str:
    (line,) = [line for line in result.stdout.splitlines() if "records-office" in line]
    return re.sub(" +", " ", line).strip()


def in_json(result: Result) -> dict[str, Any]:
    (one,) = [one for one in json.loads(result.stdout) if one["department"] == "records-office"]
    return dict(one)


def test_a_department_is_listed_with_who_asks_who_is_called_and_who_waits(
    services: Services, office: Office, transfer: Transfer
):
    """Lakeside is asked by two at once. No patient is named."""
    cases = [referred(services) for _ in range(4)]
    (taken, handed), *_ = [first_step(services, case) for case in cases]
    shown: list[Result] = []
    office.happens = lambda: shown.extend(
        [transfer("institution", "list"), transfer("institution", "list", "--json"), transfer("case", "show", cases[3])]
    )
    request(services, taken, handed[0])
    table, figures, case = shown

    assert of_the_office(table) == "lakeside-oncology records-office 1 of 2 1 2"
    said = in_json(figures)
    assert {name: said[name] for name in ("at_once", "in_flight", "called", "waiting")} == {
        "at_once": 2,
        "in_flight": 1,
        "called": 1,
        "waiting": 2,
    }
    assert said["quiet_until"] is said["rests_until"] is said["silent_since"] is None
    assert "waits for its turn at Medical records office: 1 before it." in case.stdout
    assert not [one for one in cases if one in table.stdout]
    # Prairie's laboratory writes by itself: nobody waits for a turn there.
    assert {line.split()[1] for line in table.stdout.splitlines()[1:]} == {"records-office", "film-room"}


def test_a_department_that_answers_nobody_says_since_when_and_when_it_is_asked_again(
    services: Services, office: Office, transfer: Transfer
):
    office.fails = Unreachable("no answer")
    cases = [referred(services) for _ in range(RESTS_AFTER + 1)]
    process_all(services)

    at = r"\d{4}-\d\d-\d\d \d\d:\d\dZ"
    line = of_the_office(transfer("institution", "list"))
    assert re.search(rf"0 of 2 0 \d+ no answer since {at}, asked again at {at}$", line)
    said = in_json(transfer("institution", "list", "--json"))
    assert datetime.fromisoformat(said["silent_since"]) < datetime.fromisoformat(said["rests_until"])
    asked = [transfer("case", "show", case).stdout for case in cases]
    waits = rf"waits: Medical records office does not answer, and is asked again at {at}\."
    assert [one for one in asked if re.search(waits, one)]


def test_quiet_hours_are_shown_by_the_clocks_of_the_place(
    services: Services, ledger: Ledger, transfer: Transfer, lakesides: Callable[..., None]
):
    with ledger.transaction() as tx:
        now = tx.now().astimezone(services.institutions[b.LAKESIDE].zone)
    ends = f"{now + timedelta(hours=1):%H:%M}"
    lakesides(asking={"quiet_hours": [{"from": f"{now - timedelta(hours=1):%H:%M}", "to": ends}]})
    for _ in range(3):
        case = referred(services)
        first_step(services, case)

    assert of_the_office(transfer("institution", "list")).endswith(f"quiet until {ends} (America/Chicago)")
    shown = transfer("case", "show", case).stdout
    assert f"waits for Medical records office: quiet until {ends} (America/Chicago)." in shown


def test_what_waits_for_no_turn_says_nothing_of_one(services: Services, transfer: Transfer):
    case = referred(services)
    process_all(services)

    (asked,) = [line for line in transfer("case", "show", case).stdout.splitlines() if "records-office" in line]
    assert "answered" in asked.lower()
    assert "waits" not in asked


def test_right_files_are_counted(transfer: Transfer):
    said = transfer("institution", "check")
    assert (said.exit_code, said.stdout) == (0, "4 institutions, 4 departments, 15 checklists: right.\n")
    counted = {"institutions": 4, "departments": 4, "checklists": 15}
    assert json.loads(transfer("institution", "check", "--json").stdout) == counted


@pytest.mark.parametrize(
    ("asking", "says"),
    [
        ({"at_once": 0}, "asking.at_once: Input should be greater than or equal to 1"),
        ({"at_once": 1, "kept_for_stat": 1}, "kept_for_stat leaves nothing to the others"),
        ({"at_onze": 2}, "asking.at_onze"),
    ],
)
def test_a_mistake_in_a_file_ends_with_1_and_says_where(
    transfer: Transfer, lakesides: Callable[..., None], asking: dict[str, int], says: str
):
    lakesides(asking=asking)
    result = transfer("institution", "check")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "lakeside-oncology" in result.stderr
    assert says in result.stderr
