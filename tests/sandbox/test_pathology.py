"""Prairie sends over real MLLP, waits for each answer, and sends again what was not answered."""

import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from transfer.sandbox.charts import draw_chart

pytestmark = pytest.mark.servers


@dataclass
class Listener:
    """An MLLP port of ours. `answers` are given in turn, then AA; None hangs up without one."""

    port: int
    received: list[bytes] = field(default_factory=list)
    answers: list[str | None] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    connections: int = 0

    def answer_all(self, connection: socket.socket) -> None:
        held = b""
        with connection:
            while more := connection.recv(65536):
                held += more
                while (end := held.find(b"\x1c\r")) >= 0:
                    frame, held = held[:end], held[end + 2 :]
                    # one in flight: the next message comes only after the answer to this one
                    assert frame.startswith(b"\x0b")
                    assert held == b""
                    with self.lock:
                        self.received.append(frame[1:])
                        word = self.answers.pop(0) if self.answers else "AA"
                    if word is None:
                        return
                    number = frame.split(b"\r")[0].split(b"|")[9].decode()
                    reply = f"\x0bMSH|^~\\&|US|US|||20260101||ACK|1|P|2.5.1\rMSA|{word}|{number}\r\x1c\r"
                    connection.sendall(reply.encode())


@pytest.fixture
def listener() -> Iterator[Listener]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        ours = Listener(port=server.getsockname()[1])

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                ours.connections += 1
                threading.Thread(target=ours.answer_all, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield ours
        server.shutdown(socket.SHUT_RDWR)


def _control_ids(listener: Listener) -> list[bytes]:
    return [message.split(b"\r")[0].split(b"|")[9] for message in listener.received]


@pytest.fixture
def laboratory(start: Any, listener: Listener) -> Any:
    return start("pathology", gateway_mllp_port=listener.port)


def test_a_report_is_sent_and_its_acknowledgement_told(laboratory: Any, listener: Listener) -> None:
    chart = draw_chart()
    laboratory.control("patients", chart)

    said = laboratory.control("send-report", {"chart": chart["id"], "status": "F"})

    assert said["AA"] == 1
    [message] = listener.received
    assert chart["pathology"]["accession"]["value"].encode() in message
    assert said["sent"][0]["control_id"].encode() == _control_ids(listener)[0]
    assert laboratory.control("sent")[0]["ack"] == "AA"


def test_what_is_not_answered_is_sent_again_under_the_same_control_id(laboratory: Any, listener: Listener) -> None:
    chart = draw_chart()
    laboratory.control("patients", chart)
    listener.answers = [None, None]

    said = laboratory.control("send-report", {"chart": chart["id"]})

    assert said["sent"][0] | {"sha256": ""} == {
        "control_id": _control_ids(listener)[0].decode(),
        "sha256": "",
        "ack": "AA",
        "attempts": 3,
    }
    assert len(set(listener.received)) == 1
    assert len(listener.received) == 3


def test_a_refusal_is_an_answer(laboratory: Any, listener: Listener) -> None:
    chart = draw_chart()
    laboratory.control("patients", chart)
    listener.answers = ["AE"]

    said = laboratory.control("send-report", {"chart": chart["id"]})

    assert (said["AA"], said["AE"], len(listener.received)) == (0, 1, 1)


def test_a_control_id_can_be_used_again_with_other_bytes(laboratory: Any, listener: Listener) -> None:
    chart = draw_chart()
    laboratory.control("patients", chart)

    for status in ("F", "C"):
        laboratory.control("send-report", {"chart": chart["id"], "status": status, "control_id": "SAME1"})

    assert _control_ids(listener) == [b"SAME1", b"SAME1"]
    assert listener.received[0] != listener.received[1]


def test_a_feed_about_nobody_known_is_about_as_many_people(laboratory: Any, listener: Listener) -> None:
    listener.answers = ["AE"]

    said = laboratory.control("send-other-patients", {"count": 300, "connections": 5})

    assert (said["count"], said["AA"], said["AE"], said["unanswered"]) == (300, 299, 1, 0)
    assert len(set(_control_ids(listener))) == 300
    people = {re.search(rb"\rPID\|1\|\|([^|]+)", message) for message in listener.received}
    assert len({found[1] for found in people if found}) == 300
    assert listener.connections == 5


def test_the_slide_room_tells_what_it_ships(laboratory: Any) -> None:
    chart = draw_chart()
    laboratory.control("patients", chart)

    told = laboratory.control(f"shipping-list?chart={chart['id']}")

    assert told["accession"] == chart["pathology"]["accession"]["value"]
    assert len(told["slides"]) == len(chart["pathology"]["slides"])
    assert told["accession"] in told["text"]


def test_control_ids_are_new_after_a_restart(start: Any, listener: Listener) -> None:
    seen: list[str] = []
    for _ in range(2):
        laboratory = start("pathology", gateway_mllp_port=listener.port)
        laboratory.control("send-other-patients", {"count": 3})
        assert laboratory.stop() == 0

    seen = [identifier.decode() for identifier in _control_ids(listener)]
    assert len(set(seen)) == 6


def test_a_laboratory_that_was_told_no_port_does_not_start(tmp_path: Any) -> None:
    from transfer.sandbox.institution import Config
    from transfer.sandbox.pathology import open_institution

    config = Config(
        port=1,
        folder=tmp_path,
        control_token="c",
        accepts_token="a",
        gateway_url="http://127.0.0.1:9",
        gateway_token="t",
    )
    with pytest.raises(ValueError, match="gateway_mllp_port"):
        open_institution(config)
