"""A patient takes the permission back while the packet is on its way."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.kit.acts import (
    Download,
    Journey,
    a_packet,
    download,
    downloading,
    eventually,
    is_announced,
    link,
    started_again,
    token,
)
from tests.kit.doors import post
from tests.kit.house import House
from tests.kit.objections import an_objection
from tests.kit.processing import process_all
from tests.kit.staff import NURSE
from transfer import facts
from transfer.flow import desk, stopping
from transfer.flow.services import Services
from transfer.gateway import egress
from transfer.gateway.egress import Outgoing
from transfer.gateway.http import application
from transfer.gateway.intake import Intake
from transfer.ledger import patients, permissions
from transfer.permissions import End
from transfer.sentences import sentence
from transfer.serving.http import server
from transfer.staging import Location

pytestmark = pytest.mark.servers

#: rows of an image of half a megabyte
LARGE = 512


def handed_over(house: House, *, slices: int = 24, **form: object) -> Journey:
    """A packet of several MB whose links the center has and does not fetch."""
    house.behave("archive", rows=LARGE)
    house.behave("center", fetch=False)
    journey = a_packet(house, slices=slices, **form)
    house.process_until(lambda: is_announced(journey))
    return journey


@contextmanager
def slow_download(journey: Journey, base: str | None = None, start: int = 0) -> Iterator[Download]:
    """A receiver that has read a little and takes its time."""
    house = journey.house
    url = link(house, journey.packet).replace(house.settings.public_url, base or house.settings.public_url)
    with downloading(url, token(house, "center"), start=start) as begun:
        assert begun.status == (206 if start else 200)
        begun.read()
        eventually(lambda: journey.egress("packet.tar")[-1].size > 0)
        yield begun


def read_to_its_end(begun: Download) -> int:
    """How many bytes came before the connection was reset.

    Raises:
        AssertionError: it was not reset.
    """
    received = 0
    with pytest.raises(ConnectionResetError):
        while piece := begun.read():
            received += len(piece)
    return received


def in_force_after(journey: Journey) -> float | None:
    """Seconds from the stop to its being complete, by the ledger's own clock."""
    row = journey.row(
        "SELECT stop_completed_at - ended_at AS took FROM permissions WHERE permission = %s", journey.permission
    )
    return row.took.total_seconds() if row.took is not None else None


def epoch(journey: Journey) -> int:
    with journey.house.services.ledger.transaction() as tx:
        return patients.current_epoch(tx, journey.patient)


def is_open(journey: Journey) -> bool:
    return any(one.closed_at is None for one in journey.egress())


def end(journey: Journey, how: End) -> None:
    """The first commit alone."""
    with journey.house.services.ledger.transaction() as tx:
        patients.hold_epoch_exclusive(tx, journey.patient)
        (filed,) = [one for one in permissions.filed(tx, journey.patient) if one.permission.id == journey.permission]
        stopping.end(tx, filed, how)


def await_in_force(journey: Journey, seconds: float) -> bool:
    return stopping.await_stop_complete(
        journey.house.services.ledger, journey.patient, journey.permission, seconds=seconds
    )


def assert_nothing_is_given(journey: Journey) -> None:
    house = journey.house
    before = len(journey.egress())
    for what in ("packet.tar", "documents/1"):
        assert download(link(house, journey.packet, what), token(house, "center"))[0] == 404
    assert len(journey.egress()) == before


@contextmanager
def a_gateway(services: Services) -> Iterator[str]:
    """A second gateway within this process, so that what it reads can be seen."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    intake, outgoing = Intake(services.ledger), Outgoing(services)
    http = server(application(services, intake, outgoing), "127.0.0.1", port)

    async def serve() -> None:
        watch = asyncio.create_task(outgoing.watch())
        await http.serve()
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    eventually(lambda: http.started)
    yield f"http://127.0.0.1:{port}"
    http.should_exit = True
    thread.join(20)
    outgoing.shut()
    asyncio.run(intake.close())


class ReadVault:
    """A vault that tells when anything was read of it."""

    def __init__(self, real: object) -> None:
        self._real = real
        self.reads: list[datetime] = []

    def read(self, location: Location) -> Iterator[bytes]:
        return self._told(self._real.read(location))

    def read_range(self, location: Location, start: int, stop: int) -> Iterator[bytes]:
        return self._told(self._real.read_range(location, start, stop))

    def _told(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.reads.append(datetime.now(UTC))
            yield chunk


# --- revoked in writing -----------------------------------------------------------------------------------------------


def test_a_written_revocation_cuts_a_download_at_50_kilobytes_a_second(house: House):
    house.behave("archive", rows=LARGE)
    house.behave("center", bytes_per_second=50_000)
    journey = a_packet(house, slices=44)
    house.process_until(lambda: is_announced(journey) and bool(journey.egress("packet.tar")))
    eventually(lambda: journey.egress("packet.tar")[-1].size > 0)

    house.revocation(journey.chart)
    # No round runs: the door wrote the stop, in the transaction that stored the letter, and sees that it takes hold.
    row = journey.row("SELECT ended, arrival FROM permissions WHERE permission = %s", journey.permission)
    assert row.ended == "revoked"
    eventually(lambda: in_force_after(journey) is not None, 6)
    took = in_force_after(journey)
    assert took
    assert took < 5
    eventually(lambda: journey.at_center()["state"] == "withdrawn", 15)
    arrived = Path(journey.at_center()["folder"] + ".tar").stat().st_size
    sent = journey.egress()
    assert [(one.channel, one.outcome) for one in sent] == [("iti-65", "sent"), ("packet.tar", "cut")]
    assert arrived <= sent[1].size < 2_000_000
    (said,) = journey.facts(facts.StopCompleted, of_patient=True)
    assert said.in_reliance == (sent[1].disclosure,)
    assert said.milliseconds == int(took * 1000)
    assert [fact.size for fact in journey.facts(facts.EgressClosed)] == [one.size for one in sent]
    assert_nothing_is_given(journey)
    process_all(house.services)
    assert len(journey.facts(facts.StopCompleted, of_patient=True)) == 1


def test_nothing_is_read_for_release_once_a_revocation_is_in_force(house: House):
    journey = handed_over(house)
    vault = ReadVault(house.services.vault)
    with a_gateway(replace(house.services, vault=vault)) as base, slow_download(journey, base) as begun:
        house.revocation(journey.chart)
        assert await_in_force(journey, 5)
        stop_completed_at = journey.row(
            "SELECT stop_completed_at FROM permissions WHERE permission = %s", journey.permission
        ).stop_completed_at
        received = read_to_its_end(begun)
        for what in ("packet.tar", "documents/1"):
            url = link(house, journey.packet, what).replace(house.settings.public_url, base)
            assert download(url, token(house, "center"))[0] == 404
        assert vault.reads
        assert max(vault.reads) <= stop_completed_at
    assert received <= journey.egress("packet.tar")[-1].size


def test_a_revocation_does_not_wait_for_a_receiver_that_does_not_answer_the_submission(house: House):
    house.behave("center", answer="silent-after-taking", fetch=False)
    journey = a_packet(house)
    rounds = threading.Thread(target=process_all, args=(house.services,))
    rounds.start()
    eventually(lambda: is_announced(journey))
    house.revocation(journey.chart)
    assert await_in_force(journey, 5)
    rounds.join(20)
    (sent,) = journey.egress()
    assert sent.size > 0
    assert journey.folded.packets[journey.packet].outcome == "unknown"
    assert journey.at_center()["submissions"] == 1


NOES: dict[str, dict[str, Any]] = {
    "another number": {"status": "inactive", "number": "F-999"},
    "no number": {"status": "inactive", "resource": {"identifier": None}},
    "refused": {"number": "F-2", "resource": {"provision": {"type": "deny"}}},
    "rejected": {"status": "rejected"},
    "an unknown state": {"status": "void"},
    "narrower": {"codes": ["11488-4"]},
    "narrower, and nobody can carry it": {"resource": {"provision": {"code": [{"text": "one report"}]}}},
}


@pytest.mark.parametrize("no", list(NOES))
def test_each_no_cuts_a_download_at_its_door_and_opens_none(house: House, no: str):
    journey = handed_over(house, slices=8)
    with slow_download(journey) as begun:
        before, form = epoch(journey), journey.permission
        said = post(house, "oncology", "/fhir/Consent", an_objection(journey.chart, **NOES[no]))
        assert said.status == 201
        # No round runs: what is not permitted any more is cut by who sends it.
        eventually(lambda: not is_open(journey), 6)
        read_to_its_end(begun)
    handed_out = [(one.channel, one.size) for one in journey.egress()]
    assert_nothing_is_given(journey)
    process_all(house.services)
    assert_nothing_is_given(journey)
    assert [(one.channel, one.size) for one in journey.egress()] == handed_out
    assert all(one.epoch <= before for one in journey.egress())
    completed = "SELECT stop_completed_at >= ended_at AS so FROM permissions WHERE permission = %s"
    if no != "refused":  # what a refusal reaches is stopped by it, and the form stands
        eventually(lambda: journey.row(completed, form).so)


# --- stopped otherwise ------------------------------------------------------------------------------------------------


def test_a_pause_by_telephone_stops_the_bytes_and_resuming_lets_the_rest_go(house: House):
    journey = handed_over(house, slices=8)
    whole = download(link(house, journey.packet), token(house, "center"))[1]
    with slow_download(journey) as begun:
        assert "the stop is complete" in sentence(desk.pause(house.services, journey.permission, actor=NURSE))
        assert read_to_its_end(begun) < len(whole)
    assert_nothing_is_given(journey)
    desk.resume(house.services, journey.permission, actor=NURSE)
    process_all(house.services)
    status, rest = download(link(house, journey.packet), token(house, "center"), start=100_000)
    assert status == 206
    assert rest == whole[100_000:]
    assert "release-not-permitted" not in house.holds(journey.case)


def test_a_form_that_expires_while_the_bytes_flow_stops_them(house: House, hours_pass: Callable[[timedelta], None]):
    journey = handed_over(house, expires_on=(datetime.now(UTC) + timedelta(days=2)).date().isoformat())
    with slow_download(journey) as begun:
        hours_pass(timedelta(days=4))
        assert eventually(lambda: not is_open(journey)) < 3
        read_to_its_end(begun)
    assert journey.egress()[-1].outcome == "cut"
    assert_nothing_is_given(journey)


def test_another_form_of_the_patient_does_not_disturb_a_download(house: House):
    journey = handed_over(house, slices=8)
    with slow_download(journey) as begun:
        before = journey.egress()[-1].epoch
        house.release_form(journey.chart, number={"system": "urn:oid:2.16.840.1.113883.19.5.7", "value": "second"})
        process_all(house.services)
        eventually(lambda: journey.egress()[-1].epoch > before)
        while begun.read(1 << 20):
            pass
    eventually(lambda: not is_open(journey))
    assert journey.egress()[-1].outcome == "sent"


def test_the_watcher_outlives_downloads_that_end_while_it_looks(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(egress, "LOOK_EVERY_SECONDS", 0.001)
    journey = handed_over(house, slices=8)
    shown = token(house, "center")

    def fetch(url: str) -> list[tuple[int, int]]:
        return [(status, len(body)) for status, body in (download(url, shown) for _ in range(15))]

    with a_gateway(house.services) as base:
        url = link(house, journey.packet, "documents/1").replace(house.settings.public_url, base)
        with ThreadPoolExecutor(6) as receivers:
            came = [one for each in receivers.map(fetch, [url] * 6) for one in each]
        assert len(set(came)) == 1  # none was cut
        with slow_download(journey, base) as begun:
            end(journey, End.REVOKED)
            assert await_in_force(journey, 5)
            read_to_its_end(begun)


# --- senders that die -------------------------------------------------------------------------------------------------


def test_a_gateway_killed_in_the_middle_of_a_stream_does_not_hold_up_a_revocation(house: House):
    journey = handed_over(house)
    with slow_download(journey):
        gateway = house.system.pid("gateway")
        os.kill(gateway, signal.SIGKILL)
        did = desk.revoke(house.services, journey.permission, actor=NURSE)
    assert "the stop is complete" in sentence(did)
    assert journey.egress()[-1].outcome == "died"
    took = in_force_after(journey)
    assert took is not None
    assert took < 5
    started_again(house, "gateway", gateway)
    assert_nothing_is_given(journey)


def test_a_stopped_gateway_is_not_taken_for_a_dead_one(house: House):
    journey = handed_over(house)
    with slow_download(journey):
        gateway = house.system.pid("gateway")
        os.kill(gateway, signal.SIGSTOP)
        try:
            end(journey, End.REVOKED)
            assert not await_in_force(journey, 2)
            assert in_force_after(journey) is None
            assert is_open(journey)
        finally:
            os.kill(gateway, signal.SIGCONT)
        assert await_in_force(journey, 5)
    assert journey.egress()[-1].outcome == "cut"


def test_a_gateway_whose_session_the_database_ended_cuts_what_it_sends(house: House):
    journey = handed_over(house)
    with slow_download(journey) as begun:
        sender = journey.egress()[-1].sender
        with psycopg.connect(house.settings.database_url, autocommit=True) as same_role:
            same_role.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
                   AND ((classid::bigint << 32) | objid::bigint) = %s""",
                [sender],
            )
        eventually(lambda: not is_open(journey))
        read_to_its_end(begun)
    # It sends again under a session of its own.
    assert download(link(house, journey.packet), token(house, "center"), start=1000)[0] == 206
    assert journey.egress()[-1].sender != sender
