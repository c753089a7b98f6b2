"""The bytes of an attachment: inside its resource, or at an address of the source."""

from collections.abc import Iterable, Iterator

from transfer import media_types
from transfer.adapters.fhir.trees import Tree, text
from transfer.adapters.fhir.wrappers import Check, decode, unwrapped
from transfer.adapters.http import HttpAnswer, HttpClient
from transfer.bytes_seen import Announced
from transfer.errors import CutShort, NotAllowed, Unexpected
from transfer.sources import KeepGoing


def announced(attachment: Tree) -> Announced:
    """What an attachment says of its bytes (R4 datatypes, Attachment)."""
    size = attachment.get("size")
    is_size = isinstance(size, int) and not isinstance(size, bool) and size >= 0
    return Announced(
        media_type=text(attachment, "contentType"),
        size=size if is_size else None,
        digest=text(attachment, "hash"),
    )


def inline(data: str, keep_going: KeepGoing, *, most_of_resource: int, check: Check) -> Iterator[bytes]:
    """The bytes sent as base64, in chunks, out of what they are wrapped in.

    Raises:
        Unreadable: not base64.
    """
    return unwrapped(decode(data, keep_going), keep_going, most=most_of_resource, check=check)


def download(
    client: HttpClient,
    url: str | None,
    said: Announced,
    keep_going: KeepGoing,
    *,
    most_of_resource: int,
    check: Check = lambda _: None,
) -> Iterator[bytes]:
    """The bytes at the attachment's address, or those of the Binary resource that answers there.

    Such a resource is held in memory and may have `most_of_resource` bytes. `check` looks at it and may raise.

    Raises:
        NotAllowed: the address is not the source's own.
        Unexpected: the end of the bytes cannot be told.
        CutShort: fewer bytes than announced.
        TooLarge, TurnedAway, Unreachable: as the words say.
    """
    if url is None:
        raise NotAllowed("an attachment that lies elsewhere than at its source")
    keep_going()
    with client.open("GET", url, accept=_accepted(said), keep_going=keep_going) as answer:
        whole = _whole(answer.chunks(keep_going), answer, said)
        yield from unwrapped(whole, keep_going, most=most_of_resource, check=check)


def _accepted(said: Announced) -> str:
    """The type as its server says it: some give a Binary for any other. What is no type is not sent on."""
    named = media_types.named(said.media_type)
    return "*/*" if named == media_types.UNKNOWN else f"{named}, */*;q=0.1"


def _whole(chunks: Iterable[bytes], answer: HttpAnswer, said: Announced) -> Iterator[bytes]:
    """Where neither a length nor chunks frame the body, its end proves nothing: then the source's own word counts."""
    taken = 0
    for chunk in chunks:
        taken += len(chunk)
        yield chunk
    if answer.is_framed or said.proves_bytes:
        return
    if said.size is None:
        raise Unexpected("a document whose end cannot be told")
    if taken < said.size:
        raise CutShort("fewer bytes than announced")
