"""Keeping bytes: written once, named at random, known by their SHA-256.

A **vault** holds objects that are never written twice. Where a thing's bytes lie is a `Location`: an object or a part
of one. A packet is a plan over such locations; nothing is copied to make it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

#: bytes of one stream held in memory at most; an egress is checked at least this often
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
    """The object store, as far as we need one."""

    def keep(self, chunks: Iterable[bytes]) -> Location:
        """Store the chunks as one new object under a key drawn at random, and be sure that it is there: by what the
        store's answer says of the bytes, or by asking it again.

        Keeping twice makes two objects: the key is never derived from the content. If `chunks` raises, nothing is
        left behind and the error goes through.

        Raises:
            Unavailable: the store did not take it; nothing is kept.
        """

    def keep_file(self, file: BinaryIO, length: int, sha256: str) -> Location:
        """Store a whole file whose length and hash are known, as `keep` does, in one request and without holding it in
        memory. It is read from its beginning, perhaps more than once. `sha256`: lower-case hex.

        Raises:
            Unavailable: the store did not take it; nothing is kept.
        """

    def read(self, location: Location) -> Iterator[bytes]:
        """The bytes, in chunks of at most `CHUNK`.

        The hash of a whole location is checked while it is read. At its end `Unreadable` is raised if the bytes differ
        from those that were kept.

        Raises:
            Unknown: the object is gone.
            Unavailable: the store did not answer.
        """

    def read_range(self, location: Location, start: int, stop: int) -> Iterator[bytes]:
        """Bytes `start` to `stop` (exclusive) within the location, unverified; for resumed downloads."""

    def put_back(self, location: Location, chunks: Iterable[bytes]) -> None:
        """Keep a whole object under the key it had. Only a restore calls this.

        An object that is there already stays if it is the same, and is replaced if it differs. If `chunks` raises,
        nothing is left behind and the error goes through.

        Raises:
            Unreadable: these are other bytes than the location's; nothing is kept.
            Unavailable: the store did not take it; nothing is kept.
        """

    def remove(self, key: str) -> None:
        """Remove every version of an object and its open parts. Removing what is not there does nothing."""

    def answers(self) -> bool:
        """Whether the store answers now, and what it keeps may be reached as it is configured."""

    def keys(self) -> Iterator[str]:
        """The keys of all readable objects, by the store's listing.

        Only a restore calls this, because it has no ledger to ask. A key that `keep` cannot draw belongs to somebody
        else and is left out.
        """
