"""The sending side of MLLP: one message in flight, sent again under the same control id until it is answered."""

import hashlib
import re
import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

_BEGIN, _END = b"\x0b", b"\x1c\r"
_LARGEST_ACK = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of one message. `ack` is MSA-1 (AA, AE, AR), or None if nothing came."""

    control_id: str
    sha256: str
    ack: str | None
    attempts: int

    def told(self) -> dict[str, Any]:
        return {"control_id": self.control_id, "sha256": self.sha256, "ack": self.ack, "attempts": self.attempts}


class Line:
    """A connection to one MLLP port, opened when it is first needed and again after it broke."""

    def __init__(self, port: int, ack_seconds: float) -> None:
        self._port = port
        self._seconds = ack_seconds
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._hang_up()

    def deliver(self, message: bytes, control_id: str, *, attempts: int) -> Sent:
        """Send it until it is answered, `attempts` times at most. A refusal (AE, AR) is an answer."""
        fingerprint = hashlib.sha256(message).hexdigest()
        for attempt in range(1, attempts + 1):
            try:
                ack = self._exchange(message, control_id)
            except (OSError, EOFError):
                self._hang_up()
                time.sleep(min(0.2 * attempt, 1.0))
            else:
                return Sent(control_id=control_id, sha256=fingerprint, ack=ack, attempts=attempt)
        return Sent(control_id=control_id, sha256=fingerprint, ack=None, attempts=attempts)

    def _exchange(self, message: bytes, control_id: str) -> str:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=self._seconds)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(_BEGIN + message + _END)
        until = time.monotonic() + self._seconds
        received = b""
        while True:
            received += self._more(until, len(received))
            while (end := received.find(_END)) >= 0:
                frame, received = received[:end], received[end + 2 :]
                if (code := _acknowledges(frame, control_id)) is not None:
                    return code

    def _more(self, until: float, held: int) -> bytes:
        if self._socket is None or held > _LARGEST_ACK:
            raise EOFError
        self._socket.settimeout(max(0.01, until - time.monotonic()))
        if not (more := self._socket.recv(4096)):
            raise EOFError
        return more

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _acknowledges(frame: bytes, control_id: str) -> str | None:
    """MSA-1 of an acknowledgement of this message; None for one of another, as after a repetition."""
    for segment in re.split(rb"[\r\n]+", frame.lstrip(_BEGIN)):
        fields = segment.split(b"|")
        if fields[0] == b"MSA" and len(fields) > 2 and fields[2].decode(errors="replace") == control_id:
            return fields[1].decode(errors="replace").replace("CA", "AA")
    return None
