"""Handing a packet's submission (ITI-65) to a real FHIR server (HAPI), and asking it whether it has it."""

import json
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import pytest

from tests.kit.peers.hapi import Hapi
from tests.kit.scripted_fhir import ALL, WHO
from transfer.adapters.fhir.codes import PACKET
from transfer.adapters.fhir.receiver import ReceiverClient, Submitted
from transfer.adapters.fhir.submission import DownloadLink, submission
from transfer.errors import TurnedAway, Unexpected, Unheard
from transfer.identifiers import CaseId, PacketId

pytestmark = pytest.mark.servers


@pytest.fixture
def receiver(hapi: Hapi) -> Iterator[ReceiverClient]:
    with closing(ReceiverClient(hapi.base, hapi.token)) as client:
        yield client


@pytest.fixture
def packet() -> PacketId:
    return PacketId.of(CaseId(f"c{secrets.token_hex(6)[:11]}"), 1)


def a_submission(packet: PacketId, documents: int = 2) -> bytes:
    def link(path: str, content_type: str, **said: object) -> DownloadLink:
        return DownloadLink(path=path, url=f"https://gate.example/{packet}/{path}", content_type=content_type, **said)  # type: ignore[arg-type]

    notes = [
        link(f"data/{n:03d}.pdf", "application/pdf", size=4, sha1=bytes(20), title="Note") for n in range(documents)
    ]
    tar = link("packet.tar", "application/x-tar")
    created = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
    return submission(packet, tar, notes, patient=WHO, receiver=ALL["summit"], source="urn:oid:1.2.3", created=created)


def sets_of(hapi: Hapi, packet: PacketId) -> int:
    return hapi.count(f"List?identifier={PACKET}|{packet}")


def test_a_submission_is_taken_and_the_receiver_says_that_it_has_it(receiver: ReceiverClient, packet: PacketId) -> None:
    assert not receiver.has(packet)

    assert receiver.submit(a_submission(packet)) == Submitted(created=4, known=0)

    assert receiver.has(packet)
    assert not receiver.has(PacketId.of(CaseId("c00000000000"), 1))


def test_the_same_submission_sent_again_creates_nothing(receiver: ReceiverClient, packet: PacketId, hapi: Hapi) -> None:
    receiver.submit(a_submission(packet))

    assert receiver.submit(a_submission(packet)) == Submitted(created=0, known=4)

    assert sets_of(hapi, packet) == 1


def test_the_set_names_its_documents_where_the_receiver_keeps_them(
    receiver: ReceiverClient, packet: PacketId, hapi: Hapi
) -> None:
    receiver.submit(a_submission(packet))

    (entry,) = hapi.ask("GET", f"{hapi.base}/List?identifier={PACKET}|{packet}")["entry"]
    references = [item["item"]["reference"] for item in entry["resource"]["entry"]]
    kept = [hapi.ask("GET", f"{hapi.base}/{reference}") for reference in references]

    files = ["packet.tar", "data/000.pdf", "data/001.pdf"]
    assert [each["description"] for each in kept] == files
    urls = [each["content"][0]["attachment"]["url"] for each in kept]
    assert urls == [f"https://gate.example/{packet}/{path}" for path in files]


def test_sent_by_several_at_once_it_is_there_once(packet: PacketId, hapi: Hapi) -> None:
    at_once = threading.Barrier(4)

    def send(_: int) -> Submitted | Unheard:
        with closing(ReceiverClient(hapi.base, hapi.token)) as client:
            at_once.wait()
            try:
                return client.submit(a_submission(packet))
            except Unheard as error:
                assert error.maybe_received
                assert client.has(packet)
                return error

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))

    assert sets_of(hapi, packet) == 1
    taken = [answer for answer in answers if isinstance(answer, Submitted)]
    assert sum(answer.created for answer in taken) == 4


def test_a_submission_it_refuses_is_told_apart_and_nothing_of_it_is_there(
    receiver: ReceiverClient, packet: PacketId, hapi: Hapi
) -> None:
    bundle = json.loads(a_submission(packet))
    bundle["entry"][1]["resource"]["status"] = "nonsense"

    with pytest.raises(Unexpected, match="HTTP 4"):
        receiver.submit(json.dumps(bundle).encode())

    assert not receiver.has(packet)


def test_who_is_not_known_is_turned_away_and_nothing_is_there(
    receiver: ReceiverClient, packet: PacketId, hapi: Hapi
) -> None:
    with closing(ReceiverClient(hapi.base, "guessed")) as stranger:
        with pytest.raises(TurnedAway):
            stranger.submit(a_submission(packet))
        with pytest.raises(TurnedAway):
            stranger.has(packet)

    assert not receiver.has(packet)
