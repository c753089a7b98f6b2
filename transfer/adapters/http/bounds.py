"""Every byte of an answer comes through here, so that no server can hold us: not by its head, not by its framing.

`http.client` reads lines and chunks in loops of its own, of which the caller sees nothing until they end. So the bounds
stand below it, at the socket.
"""

import io
import socket
import time
from typing import Final

from transfer.adapters.http.failures import ConnectionLost, Silent, TooSlow
from transfer.adapters.http.limits import HttpLimits
from transfer.errors import TooLarge
from transfer.sources import KeepGoing
from transfer.staging import CHUNK

#: seconds that are waited for bytes at once, and between two looks whether to go on
_LOOK_EVERY_SECONDS: Final = 0.5
#: bytes that may come between two looks: one more read stays within a mebibyte
_UNSEEN: Final = CHUNK // 2
#: what frames a body (chunk sizes and extensions, trailers) may weigh: this, and so many times the body itself
_FRAMING: Final = 1 << 20
_FRAMING_RATIO: Final = 16


class AnswerBounds:
    """What one answer may take, and what it has taken. What `keep_going` raises goes through.

    `keep_going` is asked when the body begins, at least every MiB, and at least every second from the moment the
    request has left us, whether anything comes or not.
    """

    def __init__(self, limits: HttpLimits, keep_going: KeepGoing, until: float) -> None:
        """`until`: when the whole answer has to be here, by `time.monotonic`."""
        self._limits = limits
        self._keep_going = keep_going
        self._until = until
        #: when the head has to be here; None: it is
        self._head_until: float | None = None
        self._looked = time.monotonic()
        self._unseen = self._came = 0
        self._is_kept = False
        #: the request has left us, or a part of it
        self.was_sent = False
        #: bytes of the body that were handed on
        self.taken = 0

    def begin_request(self, *, is_kept: bool) -> None:
        """`is_kept`: by a connection that an earlier answer came by. What `keep_going` raises goes through."""
        if self.was_sent:
            self._look(time.monotonic())
        self.was_sent, self._is_kept, self._came = True, is_kept, 0

    def is_unheard_on_kept(self) -> bool:
        """Whether it was sent by a kept connection, and not a byte came since: the server had closed it by then."""
        return self._is_kept and not self._came

    def begin_head(self) -> None:
        self._head_until = min(time.monotonic() + self._limits.silence_seconds, self._until)

    def begin_body(self) -> None:
        self._head_until = None
        self._came = 0
        self._look(time.monotonic())

    def receive(self, connected: socket.socket, into: memoryview) -> int:
        """What one `recv` brings; 0 at the end of the connection.

        Raises:
            Silent, TooSlow: the time for it is over.
            TooLarge: the head, or what frames the body, is more than is read.
            ConnectionLost: the connection ended in the head.
        """
        self._check_size()
        silent_since = time.monotonic()
        while True:
            now = time.monotonic()
            if now - self._looked >= _LOOK_EVERY_SECONDS or self._unseen >= _UNSEEN:
                self._look(now)
            connected.settimeout(self._wait(now, silent_since))
            try:
                count = connected.recv_into(into)
            except TimeoutError:
                continue
            self._came += count
            self._unseen += count
            if not count and self._head_until is not None:
                # http.client takes a connection that ends among the header lines for their end
                raise ConnectionLost("the connection was lost")
            return count

    def _look(self, now: float) -> None:
        self._keep_going()
        self._looked, self._unseen = now, 0

    def _wait(self, now: float, silent_since: float) -> float:
        """Seconds to wait for bytes now: until the next look, or the first bound that is reached before."""
        if now >= self._until:
            raise TooSlow("it did not end in the time set for it")
        silent_until = silent_since + self._limits.silence_seconds
        if self._head_until is not None:
            silent_until = min(silent_until, self._head_until)
        if now >= silent_until:
            raise Silent("no answer in time" if self._head_until is not None else "it fell silent")
        return min(_LOOK_EVERY_SECONDS, silent_until - now, self._until - now)

    def _check_size(self) -> None:
        if self._head_until is not None and self._came >= self._limits.head_bytes:
            raise TooLarge("an answer whose head is more than is read")
        if self._head_until is None and self._came > _FRAMING + _FRAMING_RATIO * self.taken:
            raise TooLarge("an answer that is hardly anything but framing")


class BoundedSocket:
    """As much of a connected socket as `http.client.HTTPResponse` uses."""

    def __init__(self, connected: socket.socket, bounds: AnswerBounds) -> None:
        self._connected = connected
        self._bounds = bounds

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Received(self._connected, self._bounds))


class _Received(io.RawIOBase):
    def __init__(self, connected: socket.socket, bounds: AnswerBounds) -> None:
        self._connected = connected
        self._bounds = bounds
        # open as long as this is, though the connection above it lets go of the socket: so the standard library has it
        self._holding = connected.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, into: memoryview) -> int:  # type: ignore[override]  # any buffer; BufferedReader gives this one
        return self._bounds.receive(self._connected, into)

    def close(self) -> None:
        self._holding.close()
        super().close()
