"""The bytes to and from an archive: one socket, read in the caller's thread, with a bound on every wait."""

import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from transfer.adapters.dicom.fetching import PIECE, Looks
from transfer.errors import TurnedAway, Unexpected, Unreachable
from transfer.sources import Ending

_Done = TypeVar("_Done")

#: seconds between two looks whether to go on, while nothing comes
_TICK: Final = 0.5
#: Linux has it, others do without
_AT_ONCE: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
#: what a peer says that wants another certificate than the one we showed, or one at all (RFC 8446 6.2, RFC 5246 7.4.6)
_UNWANTED: Final = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "DECRYPT_ERROR", "HANDSHAKE_FAILURE")


@dataclass(frozen=True, slots=True, kw_only=True)
class DimseTimeouts:
    """Seconds. `stall` is how long no byte may come; `quiet` how long an archive may say "pending" and send no image;
    `deadline` how long one fetch may take in all.
    """

    connect: float = 10.0
    associate: float = 30.0
    stall: float = 60.0
    listing: float = 120.0
    quiet: float = 1800.0
    deadline: float = 6 * 3600.0
    release: float = 3.0


class Ended(Exception):
    """No more bytes will come."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


class DimseConnection:
    """A connected socket. What `looks` raises while it waits goes through."""

    def __init__(self, connected: socket.socket, looks: Looks, *, stall: float) -> None:
        self._socket = connected
        self._socket.settimeout(_TICK)
        self._looks = looks
        self._stall = stall
        self._until = time.monotonic() + stall
        self._come = memoryview(b"")

    def bound(self, seconds: float) -> None:
        """What follows is over after so many seconds, however much comes."""
        self._until = time.monotonic() + seconds

    def some(self, most: int) -> memoryview:
        """At least one byte and at most so many, as they came.

        Raises:
            Ended: none will come.
        """
        if not self._come:
            self._come = memoryview(self._waited(self._received))
            if not self._come:
                raise Ended(Ending.DIED)
            self._looks.after(len(self._come))
        taken, self._come = self._come[:most], self._come[most:]
        return taken

    def exactly(self, count: int) -> bytes:
        """For what is short. Raises `Ended`."""
        whole = bytearray()
        while len(whole) < count:
            whole += self.some(count - len(whole))
        return bytes(whole)

    def send(self, data: bytes) -> None:
        """Raises `Ended`."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._waited(lambda: self._socket.send(rest)) :]  # noqa: B023 - called at once

    def farewell(self, data: bytes) -> None:
        """Say something last if that can be done at once, and close."""
        try:
            self._socket.settimeout(0.0 if not isinstance(self._socket, ssl.SSLSocket) else 0.2)
            self._socket.send(data)
        except OSError:
            pass
        finally:
            self._socket.close()

    def close(self) -> None:
        self._socket.close()

    def _received(self) -> bytes:
        came = self._socket.recv(PIECE)
        # Archives mostly leave Nagle's algorithm on: the end of each image waits for us to acknowledge what was before
        # it, which the kernel would put off for 40 ms. It has to be asked each time (tcp(7)).
        if _AT_ONCE is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, _AT_ONCE, 1)
        return came

    def _waited(self, act: Callable[[], _Done]) -> _Done:
        begun = time.monotonic()
        while True:
            if time.monotonic() > self._until:
                raise Ended(Ending.OUT_OF_TIME)
            try:
                return act()
            except TimeoutError:
                self._looks.after(0)
                if time.monotonic() - begun > self._stall:
                    raise Ended(Ending.STALLED) from None
            except ssl.SSLError as error:
                raise _refused(error) from None
            except OSError:
                raise Ended(Ending.DIED) from None


def connected(host: str, port: int, tls: ssl.SSLContext | None, seconds: float) -> socket.socket:
    """A socket to the archive, over TLS with the name in its certificate checked unless `tls` is None.

    Raises:
        Unreachable: nobody answers there.
        Unexpected: its certificate or its TLS is not accepted.
        TurnedAway: it does not accept ours.
    """
    try:
        plain = socket.create_connection((host, port), timeout=seconds)
    except (OSError, UnicodeError):  # a name that is none, too
        raise Unreachable("the archive did not answer") from None
    try:
        # or each small message waits 40 ms for the one before to be acknowledged
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return tls.wrap_socket(plain, server_hostname=host) if tls else plain
    except ssl.SSLError as error:
        plain.close()
        raise _refused(error) from None
    except OSError:
        plain.close()
        raise Unreachable("the archive broke off before TLS was agreed upon") from None


def _refused(error: ssl.SSLError) -> Exception:
    """Our error for a failure of TLS, which also comes behind the handshake (RFC 8446 4.4.2.4)."""
    reason = (error.reason or "").upper()
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Ended(Ending.DIED)
    if "ALERT" in reason and any(word in reason for word in _UNWANTED):
        return TurnedAway("the archive does not accept our certificate, or wants one")
    return Unexpected("the archive's TLS certificate or protocol is not accepted")
