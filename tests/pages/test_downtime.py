"""The downtime sheet: what stands on it, who may read it, when it is written, and what it leaves behind."""

import re
import stat
import sys
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.kit import builders as b
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.ledger import Ledger
from transfer.looks import PatientFlag
from transfer.pages.__main__ import downtime_folder
from transfer.pages.desk import downtime
from transfer.settings import BadSetting, Settings

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "sheets"
    made.mkdir(mode=0o700)
    return made


def sheet_of(services: Services, folder: Path) -> str:
    written = downtime.write_if_due(services, folder)
    assert written
    return written.read_text()


def test_it_says_what_today_says_and_needs_nothing_else(services, folder):
    chart = b.a_chart()
    case = b.a_case(services, chart)

    text = sheet_of(services, folder)

    family = chart["patient"]["family"]
    assert family in text
    assert case in text
    assert "Summit" in text
    # nothing is fetched, nothing is run, nothing leads anywhere: what it leads to is down
    assert not re.search(r"<(script|link|img|iframe|form|a)\b|url\(|https?:", text)


def test_whoever_must_be_asked_why_is_not_named(services, folder):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    desk.flag_patient(services, case, PatientFlag.VIP, actor=ANN)

    text = sheet_of(services, folder)

    assert case in text
    assert chart["patient"]["family"] not in text


def test_each_writing_is_a_look_that_auditors_find(services, folder):
    case = b.a_case(services)
    sheet_of(services, folder)

    (look,) = [one for one in desk.list_looks(services, actor=ANN, days=1, case=case) if one.person == "downtime-sheet"]
    assert (look.kind, look.place, look.is_claimed) == ("identity-viewed", "downtime-sheet", False)


def test_it_is_written_each_hour_and_old_ones_go(services, folder, hours_pass):
    assert downtime.write_if_due(services, folder)
    assert downtime.write_if_due(services, folder) is None
    (folder / "a file of somebody else.html").write_text("stays")
    for _ in range(downtime.KEPT + 1):
        hours_pass(timedelta(minutes=61))
        assert downtime.write_if_due(services, folder)

    sheets = sorted(one.name for one in folder.glob("today-*.html"))
    assert len(sheets) == downtime.KEPT
    assert {one.name for one in folder.iterdir()} == {*sheets, "a file of somebody else.html"}


@pytest.mark.parametrize(("mode", "of_sheet"), [(0o700, 0o600), (0o750, 0o640)])
def test_whoever_may_read_the_folder_may_read_the_sheet_and_nobody_else(services, folder, mode, of_sheet):
    folder.chmod(mode)
    written = downtime.write_if_due(services, folder)

    assert written
    assert stat.S_IMODE(written.stat().st_mode) == of_sheet


def test_all_cases_of_a_part_are_on_it_and_more_than_there_is_room_for_are_counted(services, folder, monkeypatch):
    monkeypatch.setattr(sys.modules["transfer.flow.desk.today"], "PAGE", 2)
    monkeypatch.setattr(downtime, "_PAGES", 2)
    cases = [b.a_case(services) for _ in range(5)]

    text = sheet_of(services, folder)

    assert sum(case in text for case in cases) == 4
    assert "1 more are left out" in text


def test_while_the_ledger_is_away_the_last_one_stays(services, folder, hours_pass, monkeypatch):
    first = downtime.write_if_due(services, folder)
    hours_pass(timedelta(hours=2))
    monkeypatch.setattr(desk, "today", _away)
    stop = Event()
    looking = Thread(target=downtime.watch, args=(services, folder, stop), kwargs={"every": 0.01})
    looking.start()
    stop.set()
    looking.join(10)

    assert [*folder.iterdir()] == [first]


def _away(*_: object, **__: object) -> None:
    from transfer.errors import OutOfOrder

    raise OutOfOrder("the ledger does not answer")


def test_its_folder_is_made_for_the_account_alone_and_never_everybodys(tmp_path):
    def settings(folder: Path) -> Settings:
        return Settings.load({"TRANSFER_DOWNTIME": str(folder)}, tmp_path / "var")

    assert downtime_folder(Settings.load({}, tmp_path / "var")) is None
    made = downtime_folder(settings(tmp_path / "a" / "sheets"))
    assert made
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    made.chmod(0o705)
    with pytest.raises(BadSetting, match="everybody"):
        downtime_folder(settings(made))
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSetting, match="no folder"):
        downtime_folder(settings(tmp_path / "file"))
