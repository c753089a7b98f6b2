"""What several journeys do: bring a case to a packet, read the trail, fetch as a receiver does, die at a given step."""

import json
import os
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psycopg

from tests.kit.house import Chart, House
from tests.kit.processing import process_all
from tests.kit.staff import NURSE, REGISTRAR
from transfer import wiring
from transfer.actions import ActionCode
from transfer.case import Case
from transfer.facts import Chain, EgressPermitted, Fact
from transfer.flow.desk import resolve
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId, PacketId, PatientId
from transfer.ledger import Tx, holds, packets, permissions, rounds, turns
from transfer.rounds import Dag

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class Journey:
    """One patient's case in a house."""

    house: House
    chart: Chart
    case: CaseId

    @property
    def folded(self) -> Case:
        with self.house.services.ledger.transaction() as tx:
            return tx.case(self.case)

    @property
    def patient(self) -> PatientId:
        opened = self.folded.opened
        assert opened
        return PatientId(opened.patient)

    @property
    def packet(self) -> PacketId:
        newest = self.folded.newest_packet
        assert newest
        return PacketId(newest.planned.packet)

    @property
    def permission(self) -> str:
        with self.house.services.ledger.transaction() as tx:
            return permissions.filed(tx, self.patient)[-1].permission.id

    def facts(self, kind: type[F], *, of_patient: bool = False) -> list[F]:
        chain = Chain.patient(self.patient) if of_patient else Chain.case(self.case)
        with self.house.services.ledger.transaction() as tx:
            return [line.fact for line in tx.lines(chain) if isinstance(line.fact, kind)]

    def row(self, query: str, *values: object) -> Any:
        with self.house.services.ledger.transaction() as tx:
            return tx.row(query, *values)

    def egress(self, channel: str | None = None) -> list[Any]:
        """Its streams in the order in which they were opened, as its chain tells it."""
        told = dict.fromkeys(one.egress for one in self.facts(EgressPermitted))
        with self.house.services.ledger.transaction() as tx:
            return list(
                tx.rows(
                    """SELECT e.* FROM egress AS e JOIN disclosures AS d USING (disclosure)
                       WHERE packet LIKE %s AND channel = coalesce(%s, channel)
                       ORDER BY array_position(%s::text[], egress)""",
                    *(f"{self.case}%", channel, list(told)),
                )
            )

    def at_center(self) -> dict[str, Any]:
        """What the center itself says of the newest packet."""
        held = self.house.order("center", "packets", method="GET")
        return next((one for one in held if one["packet"] == self.packet), {})

    def say(self, code: str, word: HoldAnswer) -> None:
        """A person answers the open question of this code; a second one, where two must say the same."""
        with self.house.services.ledger.transaction() as tx:
            (hold,) = [one for one in holds.open_holds(tx, self.case) if one.code == code]
        if resolve(self.house.services, hold.id, word, actor=NURSE).code is ActionCode.OPINION_KEPT:
            resolve(self.house.services, hold.id, word, actor=REGISTRAR)

    def ring(self, dag: Dag, subject: str | None = None) -> None:
        with self.house.services.ledger.transaction() as tx:
            rounds.owe(tx, dag, subject or self.case)


def a_case(house: House, *, slices: int = 4, marked: str | None = None, **form: object) -> Journey:
    """Everything of a patient is here but the slides: a person may let the packet go."""
    chart = house.a_patient(slices=slices, marked=marked)
    house.release_form(chart, **form)
    process_all(house.services)
    case = house.referral(chart)
    house.pathology_report(chart)
    house.process_until(lambda: "approve-partial" in house.holds(case))
    return Journey(house, chart, case)


def a_packet(house: House, *, slices: int = 4, marked: str | None = None, **form: object) -> Journey:
    """The packet is approved; its hand-over is owed and not begun."""
    journey = a_case(house, slices=slices, marked=marked, **form)
    journey.say("approve-partial", HoldAnswer.APPROVE)
    return journey


def is_announced(journey: Journey) -> bool:
    newest = journey.folded.newest_packet
    return newest is not None and newest.begun is not None and bool(journey.at_center())


# --- fetching as the receiver does ------------------------------------------------------------------------------------


def token(house: House, institution: str) -> str:
    """What an institution shows at our door."""
    told = json.loads((house.var / "sandbox" / f"{institution}.json").read_text())
    return str(told["gateway_token"])


def link(house: House, packet: str, what: str = "packet.tar") -> str:
    return f"{house.settings.public_url}/packets/{packet}/{what}"


@dataclass
class Download:
    """A download in a connection of its own, read as slowly as one likes."""

    wire: socket.socket
    status: int
    headers: dict[str, str]
    first: bytes

    def read(self, size: int = 65536) -> bytes:
        """Some bytes; none at the end. A reset raises `ConnectionResetError`."""
        if self.first:
            first, self.first = self.first, b""
            return first
        return self.wire.recv(size)


@contextmanager
def downloading(
    url: str, shown: str, *, start: int = 0, method: str = "GET", buffer: int = 16384
) -> Iterator[Download]:
    """Begin a download. With `buffer` bytes of receive buffer: what is not read is felt by the sender."""
    at = urlsplit(url)
    assert at.hostname
    with closing(socket.socket()) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        wire.settimeout(20)
        wire.connect((at.hostname, at.port or 80))
        resume = f"Range: bytes={start}-\r\n" if start else ""
        wire.sendall(
            f"{method} {at.path} HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {shown}\r\n{resume}"
            "Connection: close\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head and (more := wire.recv(4096)):
            head += more
        head, _, first = head.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        yield Download(wire, int(status.split()[1]), headers, first)


def download(url: str, shown: str, *, start: int = 0, method: str = "GET") -> tuple[int, bytes]:
    """The whole of it."""
    with downloading(url, shown, start=start, method=method, buffer=1 << 20) as begun:
        body = bytearray()
        while piece := begun.read(1 << 20):
            body += piece
        return begun.status, bytes(body)


def eventually(holds: Callable[[], object], seconds: float = 10.0) -> float:
    """Wait until it holds; how long that took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() < began + seconds, "it never came true"
        time.sleep(0.02)
    return time.monotonic() - began


def started_again(house: House, name: str, before: int) -> None:
    """Wait until the supervisor has started another process for it, and that one is well."""
    eventually(lambda: any(c.name == name and c.state == "up" and c.pid != before for c in house.system.status()), 30)


# --- dying at a step --------------------------------------------------------------------------------------------------


class Steps:
    """Counts the steps a process has made towards the outside, and kills it at one of them."""

    def __init__(self, deadly: int, of: str | None) -> None:
        self._deadly = deadly
        self._of = of
        self._made = 0

    def step(self, what: str) -> None:
        self._made += self._of in (None, what)
        if self._made == self._deadly:
            os._exit(9)


def steps_to_its_end(house: House, verb: Callable[[Services], object], deadly: int, of: str | None = None) -> bool:
    """Run the verb in a process of its own that is killed at its step `deadly`, with no time to tidy up.

    A step is: before and after each commit, each object kept or removed, each key destroyed, each message handed to a
    receiver. With `of` only those count: commit, keep, remove, destroy, submit, has. False: it made fewer steps, and
    came to its end.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with wiring.connect(house.settings, wiring.origin("test"), connections=4) as services:
                services = replace(services, institutions=house.services.institutions)
                verb(_deadly(services, Steps(deadly, of)))
                code = 0
        except BaseException:  # noqa: BLE001  it must not run on as a second test process
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9), f"the verb failed ({code})"
    return code == 9


def _deadly(services: Services, steps: Steps) -> Services:
    return replace(
        services,
        ledger=_Ledger(services.ledger, steps),  # type: ignore[arg-type]
        vault=_Stepping(services.vault, steps, "keep", "remove"),
        hand_to=lambda receiving: _Stepping(services.hand_to(receiving), steps, "submit", "has"),
    )


class _Stepping:
    """What it stands before, with a step before and after some of its calls."""

    def __init__(self, real: object, steps: Steps, *calls: str) -> None:
        self._real = real
        self._steps = steps
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in self._calls:
            return real

        def stepping(*values: Any, **named: Any) -> Any:
            self._steps.step(name)
            result = real(*values, **named)
            self._steps.step(name)
            return result

        return stepping


class _Ledger(_Stepping):
    def __init__(self, real: Any, steps: Steps) -> None:
        super().__init__(real, steps)
        self.keys = _Stepping(real.keys, steps, "destroy")

    @contextmanager
    def transaction(self, *values: Any) -> Iterator[Tx]:
        with self._real.transaction(*values) as tx:  # type: ignore[attr-defined]
            yield tx
            self._steps.step("commit")
        self._steps.step("commit")


def swept(house: House) -> None:
    """What the dispatcher does once a dead worker's leases have lapsed, without the wait."""
    with psycopg.connect(house.settings.owner_database_url, autocommit=True) as owner:
        for table in ("due_runs", "requests", "arrivals"):
            owner.execute(
                f"""UPDATE transfer.{table} SET lease_until = transfer.now() - interval '1 hour'
                    WHERE lease_until IS NOT NULL"""
            )
        owner.execute("UPDATE transfer.turns SET until = transfer.now() - interval '1 hour'")
        with house.services.ledger.transaction() as tx:
            turns.sweep(tx)
        with house.services.ledger.transaction() as tx:
            for one in rounds.unfinished(tx):
                rounds.again(tx, one, "failed")
        owner.execute("UPDATE transfer.due_runs SET not_before = transfer.now() WHERE state = 'owed' AND attempts > 0")


def objects(house: House) -> set[str]:
    """Every object in the vault, and every upload that is neither finished nor aborted."""
    client, bucket = house.services.vault._client, house.settings.s3_bucket  # type: ignore[attr-defined]
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    listed = {each["Key"] for page in pages for each in page.get("Contents", ())}
    return listed | {upload.key for upload in house.services.vault.open_uploads()}  # type: ignore[attr-defined]


def named(journey: Journey) -> set[str]:
    """The objects that the ledger names for a case."""
    with journey.house.services.ledger.transaction() as tx:
        rows = tx.rows(
            """SELECT vault_key FROM record_parts JOIN records USING (record) WHERE patient = %s
               UNION SELECT vault_key FROM arrivals WHERE patient = %s AND vault_key IS NOT NULL""",
            *(journey.patient, journey.patient),
        )
        made = tx.rows("SELECT packet FROM packets WHERE case_id = %s AND plan IS NOT NULL", journey.case)
        plans = [packets.plan_of(tx, PacketId(row.packet), journey.patient) for row in made]
    return {row.vault_key for row in rows}.union(*(plan.generated_keys for plan in plans))
