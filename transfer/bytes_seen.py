"""What a source announces of a document's bytes, and a look at them while they go by."""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from transfer.flaws import Flaw
from transfer.media_types import LOOKED_AT, Judged, judged

#: by the bytes of a hash
_ALGORITHMS: Final = {20: "sha1", 32: "sha256"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What a source says of a document's bytes, as it writes it. `size` is in bytes; None: it does not say."""

    media_type: str | None = None
    size: int | None = None
    digest: str | None = None

    @property
    def proves_bytes(self) -> bool:
        """Whether it says a hash that can be compared."""
        return _digest(self.digest)[0] is not None


class BytesSeen:
    """Looks at the bytes of one document while they go by, and judges them once they are at their end."""

    def __init__(self, announced: Announced) -> None:
        self._announced = announced
        self._beginning, self._ending, self._length = bytearray(), b"", 0
        self._wanted, name = _digest(announced.digest)
        self._running = hashlib.new(name, usedforsecurity=False)
        self._encoded, self._rest = hashlib.new(name, usedforsecurity=False), b""

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same bytes."""
        for chunk in chunks:
            self._look(chunk)
            yield chunk

    def _look(self, chunk: bytes) -> None:
        self._length += len(chunk)
        if len(self._beginning) < LOOKED_AT:
            self._beginning += chunk[: LOOKED_AT - len(self._beginning)]
        self._ending = (self._ending + chunk[-LOOKED_AT:])[-LOOKED_AT:]
        if self._wanted:
            self._running.update(chunk)
            whole = self._rest + chunk
            self._rest = whole[len(whole) - len(whole) % 3 :]
            self._encoded.update(base64.b64encode(whole[: len(whole) - len(whole) % 3]))

    def judged(self) -> Judged:
        """What they are. A hash that proves the bytes goes before a length that differs."""
        found = judged(self._announced.media_type, bytes(self._beginning), self._ending, self._length)
        if Flaw.EMPTY in found.flaws:
            return found
        if self._wanted:
            differs = frozenset() if self._is_hashed() else frozenset({Flaw.HASH_DIFFERS})
        else:
            differs = frozenset() if self._is_sized() else frozenset({Flaw.SIZE_DIFFERS})
        return Judged(found.content_type, found.flaws | differs)

    def _is_hashed(self) -> bool:
        """Also where the hash is that of the bytes in base64, as many senders take it: it proves as much."""
        encoded = self._encoded.copy()
        encoded.update(base64.b64encode(self._rest))
        return self._wanted in (self._running.digest(), encoded.digest())

    def _is_sized(self) -> bool:
        """0 stands for a length that is not known; some senders count the characters of the base64."""
        return self._announced.size in (None, 0, self._length, -(-self._length // 3) * 4)


def _digest(said: str | None) -> tuple[bytes | None, str]:
    """A hash and its algorithm: SHA-1 in base64 (R4 datatypes, Attachment.hash), SHA-256 or hexadecimal by mistake."""
    plain = (said or "").strip()
    for raw in (_unhex(plain), _unbase64(plain), _unhex(_unbase64(plain).decode("latin-1"))):
        if len(raw) in _ALGORITHMS:
            return raw, _ALGORITHMS[len(raw)]
    return None, "sha1"


def _unhex(said: str) -> bytes:
    try:
        return bytes.fromhex(said)
    except ValueError:
        return b""


def _unbase64(said: str) -> bytes:
    try:
        return base64.b64decode(said, validate=True)
    except (binascii.Error, ValueError):
        return b""
