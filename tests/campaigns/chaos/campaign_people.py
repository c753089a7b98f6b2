"""People at the institutions while the campaign runs: patients' cases, several at any time, and messages about nobody
known.

Whoever sends keeps sending the same until it is acknowledged, and notes what was: all of that must be there, once.
"""

import hashlib
import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import urllib3

from tests.kit.doors import config
from tests.kit.house import Chart, House
from tests.kit.staff import CLERK
from transfer.case import Stage
from transfer.errors import TransferError
from transfer.flow import desk
from transfer.identifiers import CaseId
from transfer.sandbox.pathology import messages
from transfer.sandbox.pathology.mllp import Line

#: seconds after which something that does not happen is called stuck
PATIENCE = 600.0
PAUSE = 0.4


class StuckError(AssertionError):
    """Something did not come to its end."""


@dataclass(slots=True)
class Notes:
    """What senders were told, for the end."""

    #: SHA-256 of HL7 messages that were answered AA
    messages: list[str] = field(default_factory=list)
    #: by what was sent: the arrivals that answers named; the same thing is the same arrival
    resources: dict[str, list[str]] = field(default_factory=dict)
    cases: list[CaseId] = field(default_factory=list)
    delivered: list[CaseId] = field(default_factory=list)
    #: the case that was led to its end before the first kill: what the others must have too
    quiet: CaseId | None = None
    stuck: list[str] = field(default_factory=list)


class People:
    """`lead` brings one patient's case to its end; several threads do that at once."""

    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.notes = Notes()
        self._dice = Random(seed)
        self._lock = threading.Lock()
        self._number = seed * 1_000_000
        self._on_the_way = 0

    # --- at the institutions ------------------------------------------------------------------------------------------

    def order(self, institution: str, what: str, body: object = None, method: str = "POST") -> Any:
        """Tell an institution something until it has heard: it may be dead at this moment."""
        return self.until(f"{institution} hears {what}", lambda: self._heard(institution, what, body, method))[0]

    def _heard(self, institution: str, what: str, body: object, method: str = "POST") -> list[Any] | None:
        """What it answered, told once; None: it did not hear, or died over it."""
        try:
            return [self.house.order(institution, what, body, method=method)]
        except (AssertionError, OSError, ValueError, urllib3.exceptions.HTTPError):
            return None

    def is_sending(self) -> bool:
        """A message is on its way to a door, and nobody has said yet that it is stored."""
        return self._on_the_way > 0

    @contextmanager
    def _sending(self) -> Iterator[None]:
        with self._lock:
            self._on_the_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._on_the_way -= 1

    def until(self, what: str, holds: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Wait until `holds` finds something; while the ledger is away it finds nothing."""
        until = time.monotonic() + seconds
        while True:
            try:
                if found := holds():
                    return found
            except TransferError:
                pass
            if time.monotonic() > until:
                raise StuckError(what)
            time.sleep(PAUSE)

    def post(self, chart: Chart, action: str) -> str:
        """The oncology office sends something until it is acknowledged. The arrival it became."""

        def sent() -> str | None:
            with self._sending():
                heard = self._heard("oncology", action, {"chart": chart["id"], "overrides": {}})
            if not heard or heard[0]["status"] not in (200, 201):
                return None
            (answer,) = heard
            location = answer["location"] or json.loads(answer["body"])["entry"][0]["response"]["location"]
            return str(location).split("/")[-1]

        arrival: str = self.until(f"{action} is acknowledged", sent)
        with self._lock:
            self.notes.resources.setdefault(f"{action} {chart['id']}", []).append(arrival)
        return arrival

    def message(self, text: bytes, control_id: str) -> None:
        """The laboratory's interface sends a message until it is acknowledged."""
        port = int(config(self.house, "pathology")["gateway_mllp_port"])
        with Line(port, 5.0) as line:
            sent = self.until("a message is acknowledged", lambda: self._told(line, text, control_id))
        with self._lock:
            self.notes.messages.append(sent)

    def _told(self, line: Line, text: bytes, control_id: str) -> str | None:
        with self._sending():
            answer = line.deliver(text, control_id, attempts=1).ack
        return hashlib.sha256(text).hexdigest() if answer == "AA" else None

    def control_id(self) -> str:
        with self._lock:
            self._number += 1
            return f"K{self._number}"

    def unmatched(self, count: int) -> None:
        """Reports about people who are nobody's patients here, one after another."""
        for _ in range(count):
            control_id = self.control_id()
            self.message(messages.about_nobody_known(self._dice, control_id), control_id)

    # --- one patient --------------------------------------------------------------------------------------------------

    def lead(self, slices: int = 4) -> None:
        """From a new patient to the center's receipt."""
        case = None
        try:
            chart = self._a_patient(slices)
            self.post(chart, "send-release-form")
            if secrets.randbelow(3) == 0:  # it was not heard, or they think so
                self.post(chart, "send-release-form")
            control_id = self.control_id()
            report = messages.report(chart, control_id=control_id, status="F", form="oru")
            self.message(report, control_id)
            case = self._refer(chart)
            with self._lock:
                self.notes.cases.append(case)
            self.until(f"{case} is delivered", lambda: self._is_delivered(case))
            self._count_slides(case, chart)
            with self._lock:
                self.notes.delivered.append(case)
        except Exception as error:  # noqa: BLE001  whatever it is, it is told at the end and fails the campaign
            with self._lock:
                self.notes.stuck.append(f"{case or 'a patient'}: {type(error).__name__} {error}")

    def _a_patient(self, slices: int) -> Chart:
        command = [sys.executable, "-m", "transfer.sandbox.charts", "--slices", str(slices)]
        chart: Chart = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for institution in ("oncology", "pathology", "archive"):
            self.order(institution, "patients", chart)
        return chart

    def _refer(self, chart: Chart) -> CaseId:
        arrival = self.post(chart, "send-referral").rsplit("-", 1)[0]

        def subject() -> str | None:
            with self.house.services.ledger.transaction() as tx:
                found: str | None = tx.value("SELECT subject FROM arrivals WHERE arrival = %s", arrival)
                return found

        return CaseId(self.until(f"the referral {arrival} is there", subject))

    def _count_slides(self, case: CaseId, chart: Chart) -> None:
        pieces = len(chart["pathology"]["slides"])
        accession = chart["pathology"]["accession"]["value"]

        def counted() -> object:
            return desk.receive_material(
                self.house.services, case, pieces=pieces, announced=pieces, accession=accession, actor=CLERK
            )

        self.until(f"the slides of {case} are counted", counted)

    def _is_delivered(self, case: CaseId) -> bool:
        with self.house.services.ledger.transaction() as tx:
            return tx.case(case).stage is Stage.DELIVERED
