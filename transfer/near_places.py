"""Reading several places of the vault one after another: those that lie near each other come by one request."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from transfer.errors import Unreadable
from transfer.staging import Location, Vault

#: bytes that one request brings of several locations, and that may lie unread between two of them: a slow reader must
#: not hold a connection to the store for long
_TOGETHER: Final = 8 << 20
_BETWEEN: Final = 16 << 10


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
