"""Stand-ins for what is outside. Each is held to the same contract test as the real one (tests/contracts)."""

import hashlib
import secrets
from collections.abc import Iterable, Iterator

from transfer.errors import Unknown, Unreadable
from transfer.staging import CHUNK, Location


class MemoryVault:
    """A `transfer.staging.Vault` in a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def keep(self, chunks: Iterable[bytes]) -> Location:
        data = b"".join(chunks)
        key = secrets.token_hex(16)
        self.objects[key] = data
        return Location(key, 0, len(data), hashlib.sha256(data).hexdigest())

    def read(self, location: Location) -> Iterator[bytes]:
        data = b"".join(self.read_range(location, 0, location.length))
        if hashlib.sha256(data).hexdigest() != location.sha256:
            raise Unreadable("not the bytes that were kept")
        yield from (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))

    def read_range(self, location: Location, start: int, stop: int) -> Iterator[bytes]:
        if location.key not in self.objects:
            raise Unknown("no such object")
        data = self.objects[location.key][location.offset + start : location.offset + stop]
        if len(data) != stop - start:
            raise Unreadable("fewer bytes than were kept")
        yield from (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))

    def put_back(self, location: Location, chunks: Iterable[bytes]) -> None:
        data = b"".join(chunks)
        if hashlib.sha256(data).hexdigest() != location.sha256:
            raise Unreadable("other bytes came back")
        self.objects[location.key] = data

    def remove(self, key: str) -> None:
        self.objects.pop(key, None)

    def keys(self) -> Iterator[str]:
        return iter(list(self.objects))
