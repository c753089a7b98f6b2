"""The files of one document of a source: into the vault, looked at while they come."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final

from transfer.bytes_seen import BytesSeen
from transfer.errors import Unavailable, Unexpected
from transfer.flaws import Flaw
from transfer.flow.collecting import taken_back
from transfer.flow.labels import check_labels
from transfer.flow.permitted_request import PermittedRequest
from transfer.flow.reading import hear_within, read_within
from transfer.flow.services import Services
from transfer.flow.watch import Watch
from transfer.ledger.records import RecordPart
from transfer.records import Document
from transfer.sources import Found
from transfer.staging import CHUNK, Location

#: a document up to so many bytes stays in hand until it was opened; a larger one is read back from the store
_IN_HAND: Final = 1 << 20
#: and all of them together: a message may hold many
_ALL_IN_HAND: Final = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFiles:
    """The document with what was seen while its files came, and those in the vault."""

    document: Document
    files: list[RecordPart]
    #: by their keys, the bytes of such as are small
    in_hand: dict[str, bytes]
    #: whether one of them says no to a release
    objects: bool


def fetch_files(
    services: Services,
    asking: PermittedRequest,
    found: Found,
    document: Document,
    watch: Watch,
    written: ExitStack,
) -> FetchedFiles:
    """Bring a document's files into the vault. `written` takes them back where the record is not kept.

    Raises:
        Unexpected: something else came in its place, as a page to log in at. It is no record.
    """
    institution = services.institutions[asking.claimed.request.institution]
    files, in_hand, objects = list[RecordPart](), dict[str, bytes](), False
    for file in found.files:
        within, heard, seen = read_within(institution), hear_within(institution), BytesSeen(file.announced)
        passing = seen.passing(heard.passing(within.passing(file.read())))
        try:
            place = keep_in_hand(services, _bounded(passing, watch), in_hand)
        except Unavailable:
            remove_files(services, files)
            raise
        written.enter_context(taken_back(services, place.key))
        judged = seen.judged()
        if Flaw.UNEXPECTED in judged.flaws:
            raise Unexpected("something else than the document")
        role = "beside" if file.is_beside else "received"
        files.append(RecordPart(role=role, content_type=judged.content_type, location=place))
        document = replace(document, labels=document.labels | within.labels, flaws=document.flaws | judged.flaws)
        document = within.own_word.added_to(document)
        objects |= heard.objects
    check_labels(document.labels)
    return FetchedFiles(document=document, files=files, in_hand=in_hand, objects=objects)


def keep_in_hand(services: Services, chunks: Iterator[bytes], in_hand: dict[str, bytes]) -> Location:
    """Keep them; a small document's bytes are then in hand as well, by its key, as long as all of those are few."""
    held = bytearray()
    place = services.vault.keep(_holding(held, chunks))
    if len(held) == place.length and len(held) + sum(map(len, in_hand.values())) <= _ALL_IN_HAND:
        in_hand[place.key] = bytes(held)
    return place


def _holding(held: bytearray, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes. `held` has them all at the end, or fewer where they are more than stay in hand."""
    for chunk in chunks:
        if len(held) + len(chunk) <= _IN_HAND:
            held += chunk
        yield chunk


def _bounded(chunks: Iterator[bytes], watch: Watch) -> Iterator[bytes]:
    """The stream, looking up at least every `CHUNK`."""
    since = 0
    for chunk in chunks:
        since += len(chunk)
        if since >= CHUNK:
            watch.check()
            since = 0
        yield chunk


def remove_files(services: Services, files: Iterable[RecordPart]) -> None:
    for part in files:
        services.vault.remove(part.location.key)
