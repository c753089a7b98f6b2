"""Keys kept by a service on another host (`transfer.key_service`), asked by HTTP over TLS with a certificate each.

A key that was fetched is held in this process's memory for `HELD_SECONDS`, so that a case costs a question and not
hundreds. So long a destroyed key may be good in another process; in the one that destroys it it is gone at once.
"""

import json
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from transfer.adapters.held_keys import HeldKeys, KeysMoved
from transfer.adapters.http import HttpClient, HttpLimits, HttpReply, NotReached, NotTrusted, Silent, TooSlow
from transfer.adapters.keys_copy import WrongPassphrase, absent
from transfer.errors import OtherKeys, OutOfOrder, Refused, TransferError, Unavailable
from transfer.key_wire import MARK, KeyRefusal
from transfer.sealing import KeyGone, KeyName

#: how long a fetched key is used without asking again
HELD_SECONDS: Final = 2.0
#: so many are held at most; then all are fetched anew
_MOST_HELD: Final = 4096
_LIMITS: Final = HttpLimits(connect_seconds=2, silence_seconds=3, page_seconds=5, page_bytes=64 << 20)
#: a first copy writes every key to another disk
_COPYING: Final = HttpLimits(connect_seconds=2, silence_seconds=1800, page_seconds=1800, page_bytes=1 << 16)
#: answers of the service; any other is somebody else's, or says "not now"
_STATUSES: Final = frozenset({200, 204, 404, 409, 503})


class KeysTurnedAway(OutOfOrder):
    """The key service does not take our certificate, or its certificate is none that we trust. It says nothing about
    a message or a source: whoever sends is told to come again.
    """


class ServiceKeys(HeldKeys):
    """`Keys` at a key service. Safe for use by several threads.

    Every question may be asked twice with the effect of one, and is, where a connection broke. All raise `OutOfOrder`
    where the service does not answer within seconds, `KeysTurnedAway` where one of both does not trust the other, and
    `OtherKeys` where it has no keys at all.
    """

    def __init__(self, url: str, tls: Callable[[], ssl.SSLContext]) -> None:
        """`tls` is called when a first connection is made, and again after one that was not trusted: a renewed
        certificate needs no restart.
        """
        self._url = url
        self._tls = tls
        self._client: HttpClient | None = None
        self._held: dict[str, tuple[float, bytes]] = {}

    @property
    def are_near(self) -> bool:
        return False

    def fetch(self, name: KeyName) -> bytes:
        until, secret = self._held.get(name, (0.0, b""))
        if time.monotonic() < until:
            return secret
        return self._hold(name, self._ask("GET", f"/secrets/{name}").body)

    def offer(self, name: KeyName, secret: bytes) -> bytes:
        return self._hold(name, self._ask("PUT", f"/secrets/{name}", secret).body)

    def make(self, name: KeyName) -> None:
        if time.monotonic() >= self._held.get(name, (0.0, b""))[0]:
            super().make(name)

    def _hold(self, name: KeyName, secret: bytes) -> bytes:
        if len(self._held) >= _MOST_HELD:
            self._held.clear()
        self._held[name] = (time.monotonic() + HELD_SECONDS, secret)
        return secret

    def has(self, name: KeyName) -> bool:
        try:
            self._ask("GET", f"/secrets/{name}")
        except KeyGone:
            return False
        return True

    def destroy(self, name: KeyName) -> None:
        self._held.pop(name, None)
        self._ask("DELETE", f"/secrets/{name}")
        self._held.pop(name, None)  # another thread may have fetched it meanwhile

    def was_destroyed(self, name: KeyName) -> bool:
        return bool(self._told("GET", f"/destroyed/{name}"))

    def note_end(self, permission: str, how: str) -> None:
        self._ask("PUT", f"/ended/{permission}", how.encode())

    def noted_ends(self) -> Mapping[str, str]:
        return {str(permission): str(how) for permission, how in self._told("GET", "/ended").items()}

    def names(self) -> list[KeyName]:
        return [KeyName(name) for name in self._told("GET", "/secrets")]

    def destroyed(self) -> list[KeyName]:
        return [KeyName(name) for name in self._told("GET", "/destroyed")]

    def name_destroyed(self, name: KeyName) -> None:
        self._held.pop(name, None)
        self._ask("PUT", f"/destroyed/{name}")

    def moved(self) -> str:
        return str(self._told("GET", "/moved"))

    def say_moved(self, where: str) -> None:
        self._ask("PUT", "/moved", where.encode())

    def has_copy(self) -> bool:
        return bool(self._told("GET", "/copy"))

    def take_copy(self, passphrase: str) -> int:
        patient = HttpClient(self._url, None, _COPYING, self._tls())
        try:
            return int(_json(self._ask("POST", "/copy", passphrase.encode(), by=patient)))
        finally:
            patient.close()

    # --- the wire -----------------------------------------------------------------------------------------------------

    def _told(self, method: str, path: str) -> Any:
        return _json(self._ask(method, path))

    def _ask(self, method: str, path: str, body: bytes | None = None, *, by: HttpClient | None = None) -> HttpReply:
        for is_last in (False, True):
            client = by or self._connected()
            try:
                reply = client.ask(
                    method,
                    f"{self._url}{path}",
                    accept="*/*",
                    keep_going=lambda: None,
                    headers={"Content-Type": "application/octet-stream"},
                    body=body,
                    statuses=_STATUSES,
                )
            except NotTrusted:
                self._client = None  # its files are read anew
                raise KeysTurnedAway("the key service and we do not trust each other's certificate") from None
            except Unavailable as error:
                if is_last or isinstance(error, NotReached | Silent | TooSlow):
                    raise OutOfOrder(f"the key service did not answer ({type(error).__name__})") from None
            except TransferError as error:
                raise OutOfOrder(f"what answers is not the key service ({type(error).__name__})") from None
            else:
                return _checked(reply)
        raise AssertionError

    def _connected(self) -> HttpClient:
        if self._client is None:
            self._client = HttpClient(self._url, None, _LIMITS, self._tls())
        return self._client


def _json(reply: HttpReply) -> Any:
    try:
        return json.loads(reply.body)
    except ValueError:
        raise OutOfOrder("what answers is not the key service (no JSON)") from None


def _checked(reply: HttpReply) -> HttpReply:
    """Raise what a refusal means here. Without the service's mark nothing is one, least of all that a key is gone."""
    if reply.headers.get(MARK) is None:
        raise OutOfOrder("what answers is not the key service")
    if reply.status < 300:
        return reply
    raise _failure(reply.headers[MARK])


def _failure(code: str) -> TransferError:
    if code == KeyRefusal.GONE:
        return KeyGone("a key that the key service does not have")
    if code == KeyRefusal.MOVED:
        return KeysMoved("the keys of this service are kept elsewhere now")
    if code == KeyRefusal.WRONG_PASSPHRASE:
        return WrongPassphrase("that is not the passphrase of this copy of the keys")
    if code == KeyRefusal.OTHER_COPY:
        return Refused("the key service keeps no copy, or one of other keys")
    if code == KeyRefusal.COPY_AWAY:
        return absent()
    if code == KeyRefusal.NO_KEYS:
        return OtherKeys("the key service has no keys: they were not begun there, or its disk is not mounted")
    return OutOfOrder("the key service cannot do this now")
