"""An installation before which one person sits: a ledger, a store, the stand-in center, the desk, a browser."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

import psycopg
from pydicom import dcmread
from pypdf import PdfReader

from tests.campaigns.deskday.by_desk import Day
from tests.campaigns.deskday.hand import Hand
from tests.kit.house import House, a_house
from tests.kit.letter_posts import ScriptedSender, a_post
from tests.kit.peers.browser import a_window
from tests.kit.processing import process_all, process_until
from tests.kit.served_desk import a_served_desk
from tests.kit.staff import ANN
from transfer.delivery import Delivery
from transfer.flow import desk
from transfer.identifiers import CaseId

PASSWORD: Final = "cellar trumpet oyster ladder"
#: the days of the week on which a fax is answered
_WORKING_DAYS: Final = range(5)


@contextmanager
def a_town(folder: Path) -> Iterator[tuple[House, Day, ScriptedSender]]:
    """It is a working day, ten in the morning in Chicago. The person has signed in."""
    with a_house(folder / "var") as house, a_window() as window:
        working_hours(house)
        faxes = ScriptedSender()
        ours = house.delivering(Delivery.WHEN_ALL).services
        services = replace(ours, letter_post=a_post(fax=faxes))
        desk.set_local_account(services, PASSWORD, actor=ANN)
        with a_served_desk(services) as address:
            window.be_wide(1280)
            window.type_address(f"{address.origin}/desk/")
            window.follow("Use the emergency account")
            window.fill("Password of the emergency account", PASSWORD)
            window.follow("Sign in")
            window.until(lambda: window.url == f"{address.origin}/desk/")
            day = Day(
                hand=Hand(window),
                services=services,
                address=address,
                process=lambda: process_all(services),
                actor=ANN,
            )
            yield house, day, faxes


def working_hours(house: House) -> None:
    """Move the installation's clock ahead to the next working day: a fax goes in office hours."""
    now = datetime.now(UTC)
    day = now.date() + timedelta(days=1)
    while day.weekday() not in _WORKING_DAYS:
        day += timedelta(days=1)
    ahead = datetime.combine(day, time(16), UTC) - now
    with psycopg.connect(house.settings.owner_database_url, autocommit=True) as owner:
        owner.execute("UPDATE transfer.clock SET ahead = %s", [ahead])


def accepted(day: Day, case: CaseId) -> bool:
    """Wait until the center has said what it thinks of the packet."""
    process_until(day.services, lambda: _receipt(day, case) is not None)
    return _receipt(day, case) == "accepted"


def _receipt(day: Day, case: CaseId) -> str | None:
    with day.services.ledger.transaction() as tx:
        newest = tx.case(case).newest_packet
    return str(newest.receipt.status) if newest and newest.receipt else None


def names_in_packet(house: House, case: CaseId) -> set[str]:
    """The family names on all pages and images of the packet as the center has it: one, or somebody's records went
    astray.
    """
    held = house.order("center", "packets", method="GET")
    folders = [Path(one["folder"]) for one in held if one["packet"].startswith(case)]
    documents = [document for folder in folders for document in folder.rglob("*.pdf")]
    text = "".join(page.extract_text() for document in documents for page in PdfReader(document).pages)
    images = [dcmread(one, stop_before_pixels=True) for folder in folders for one in folder.rglob("*.dcm")]
    return {*re.findall("Patient: ([^,]+), [A-Z]", text), *(str(one.PatientName.family_name) for one in images)}


def today(house: House) -> date:
    with house.services.ledger.transaction() as tx:
        return tx.now().date()
