"""Keeping bytes: written once, named at random, known by their SHA-256.

A **vault** holds objects that are never written twice. Where a thing's bytes lie is a `Location`: an object or a part
of one. A packet is a plan over such locations; nothing is copied to make it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from transfer.errors import Unreadable

#: bytes of one stream held in memory at most; an egress is checked at least this often
CHUNK = 1 << 20
#: bytes that one request brings of several locations, and that may lie unread between two of them: a slow reader must
#: not hold a connection to the store for long
_TOGETHER: Final = 8 << 20
_BETWEEN: Final = 16 << 10


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


def read_each(vault: Vault, places: Iterable[Location]) -> Iterator[Iterator[bytes]]:
    """The bytes of each location in turn, checked as `Vault.read` does, in as few requests as may be.

    Those that lie in their order in one object, near each other, come by one. Each is to be read to its end before the
    next is asked for.

    Raises:
        Unreadable, Unknown, Unavailable: as `Vault.read` raises them.
    """
    for run in _runs(places):
        first, last = run[0], run[-1]
        if first is last:
            yield vault.read(first)
            continue
        length = last.offset + last.length - first.offset
        # nobody checks it as a whole: each in it has its own hash
        reaching = Location(first.key, first.offset, length, first.sha256)
        inside = [(place.offset - first.offset, place.length) for place in run]
        for number, chunks in members(vault.read_range(reaching, 0, length), inside):
            yield _checked(chunks, run[number])


def _runs(places: Iterable[Location]) -> Iterator[list[Location]]:
    run: list[Location] = []
    for place in places:
        if run and not _comes_with(place, run):
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def _comes_with(place: Location, run: Sequence[Location]) -> bool:
    first, before = run[0], run[-1]
    between = place.offset - before.offset - before.length
    is_near = place.key == before.key and 0 <= between <= _BETWEEN
    return is_near and place.offset + place.length - first.offset <= _TOGETHER


def _checked(chunks: Iterable[bytes], place: Location) -> Iterator[bytes]:
    sha256 = hashlib.sha256()
    for chunk in chunks:
        sha256.update(chunk)
        yield chunk
    if sha256.hexdigest() != place.sha256:
        raise Unreadable("the object store gave other bytes than were kept")


def members(chunks: Iterable[bytes], places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Of a stream, each place (offset and length, in rising order): its number, and its bytes as they go by.

    Each is to be read before the next is asked for; what is left of one is passed over.
    """
    source, held, at = iter(chunks), b"", 0

    def pull(until: int) -> Iterator[bytes]:
        nonlocal held, at
        while at < until:
            if not held:
                held = next(source, b"")
                if not held:
                    return
            piece, held = held[: until - at], held[until - at :]
            at += len(piece)
            yield piece

    for number, (offset, length) in enumerate(places):
        for _ in pull(offset):
            pass
        yield number, pull(offset + length)
