"""Keeping bytes: written once, named at random, known by their SHA-256.

A **vault** holds objects that are never written twice. Where a thing's bytes lie is a `Location`: an object or a part
of one. A packet is a plan over such locations; nothing is copied to make it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

#: never more than this is held in memory of one stream, and an egress is checked at least this often
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Location:
    """Where bytes lie: `length` bytes from `offset` of the vault object `key`, with their SHA-256 in lower-case hex."""

    key: str
    offset: int
    length: int
    sha256: str

    def __post_init__(self) -> None:
        if self.offset < 0 or self.length < 0 or len(self.sha256) != 64 or self.sha256 != self.sha256.lower():
            raise ValueError("not a location")


class Vault(Protocol):
    """The object store, as far as we need it."""

    def keep(self, chunks: Iterable[bytes]) -> Location:
        """Store the chunks as one new object under a key drawn at random, and read back that it is there.

        Keeping twice makes two objects: the key is never derived from the content. If `chunks` raises, nothing is
        left behind and the error goes through.

        Raises:
            Unavailable: the store did not take it; nothing is kept.
        """

    def read(self, location: Location) -> Iterator[bytes]:
        """The bytes, in chunks of at most `CHUNK`. A whole location's hash is checked as it is read: at its end
        `Unreadable` is raised if the bytes are not the ones that were kept.

        Raises:
            Unknown: the object is gone.
            Unavailable: the store did not answer.
        """

    def read_range(self, location: Location, start: int, stop: int) -> Iterator[bytes]:
        """Bytes `start` to `stop` (exclusive) within the location, unverified; for resumed downloads."""

    def put_back(self, location: Location, chunks: Iterable[bytes]) -> None:
        """Keep a whole object under the key it had: for a restore alone. What lies there already is left if it is the
        same, and replaced if it is not. If `chunks` raises, nothing is left behind and the error goes through.

        Raises:
            Unreadable: these are other bytes than the location's; nothing is kept.
            Unavailable: the store did not take it; nothing is kept.
        """

    def remove(self, key: str) -> None:
        """Remove every version of an object and its open parts. Removing what is not there does nothing."""

    def keys(self) -> Iterator[str]:
        """The keys of all objects that can be read, by the store's listing: for a restore alone, which has no ledger
        to ask. What is not a key that `keep` draws is somebody else's and is not named.
        """
