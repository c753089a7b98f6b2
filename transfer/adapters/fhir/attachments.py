"""The bytes of an attachment: inside its resource, or at an address of the source."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import pybase64

from transfer.adapters.fhir.documents import FHIR_JSON, UNKNOWN_CONTENT, media_type
from transfer.adapters.fhir.trees import Tree, parse, text, type_of
from transfer.adapters.http import HttpAnswer, HttpClient
from transfer.errors import CutShort, NotAllowed, Unexpected, Unreadable
from transfer.sources import KeepGoing
from transfer.staging import CHUNK

_BLANKS = re.compile(r"[ \t\r\n]+")
#: four characters of base64 are three bytes
_SLICE: Final = CHUNK // 3 * 4


def inline(data: str, attachment: Tree, keep_going: KeepGoing) -> Iterator[bytes]:
    """The bytes sent as base64, in chunks.

    Raises:
        Unreadable: not base64, or not the bytes that the attachment's hash says.
    """
    yield from _verified(decode(data, keep_going), _sha1(attachment))


def decode(data: str, keep_going: KeepGoing) -> Iterator[bytes]:
    """Base64 in chunks of at most `CHUNK`; white space is R4's to allow."""
    plain = _BLANKS.sub("", data)
    for start in range(0, len(plain), _SLICE):
        keep_going()
        try:
            yield pybase64.b64decode(plain[start : start + _SLICE], validate=True)
        except (binascii.Error, ValueError):
            raise Unreadable("an attachment that is not base64") from None


def download(
    client: HttpClient,
    url: str | None,
    attachment: Tree,
    keep_going: KeepGoing,
    *,
    most_of_resource: int,
    check: Callable[[Tree], None] = lambda _: None,
) -> Iterator[bytes]:
    """The bytes at the attachment's address, or those of the Binary resource that answers there.

    Such a resource is held in memory and may have `most_of_resource` bytes. `check` looks at it and may raise.

    Raises:
        NotAllowed: the address is not the source's own.
        Unexpected: another type of content came, as a page to log in at.
        CutShort: fewer bytes than announced.
        Unreadable: not the bytes that the attachment's hash says.
        TooLarge, TurnedAway, Unreachable: as the words say.
    """
    if url is None:
        raise NotAllowed("an attachment that lies elsewhere than at its source")
    expected = media_type(text(attachment, "contentType"))
    keep_going()
    with client.open("GET", url, accept=f"{expected}, */*;q=0.1", keep_going=keep_going) as answer:
        came = media_type(answer.headers.get("Content-Type"))
        if came == FHIR_JSON:
            inside = _of_resource(answer, expected, keep_going, most_of_resource, check)
            yield from _verified(inside, _sha1(attachment))
            return
        if came in ("text/html", "application/fhir+xml") and expected not in (came, UNKNOWN_CONTENT):
            raise Unexpected("another type of content than announced")
        yield from _verified(_whole(answer.chunks(keep_going), answer, attachment), _sha1(attachment))


def sized(attachment: Tree) -> int | None:
    """Bytes, as the source says; often wrong, and absent where it is not a number."""
    said = attachment.get("size")
    return said if isinstance(said, int) and said >= 0 else None


def _whole(chunks: Iterable[bytes], answer: HttpAnswer, attachment: Tree) -> Iterator[bytes]:
    """Where neither a length nor chunks frame the body, its end proves nothing: then the source's own word counts."""
    taken, announced = 0, sized(attachment)
    for chunk in chunks:
        taken += len(chunk)
        yield chunk
    if answer.is_framed or _sha1(attachment):
        return
    if announced is None:
        raise Unexpected("a document whose end cannot be told")
    if taken < announced:
        raise CutShort("fewer bytes than announced")


def _of_resource(
    answer: HttpAnswer, expected: str, keep_going: KeepGoing, most: int, check: Callable[[Tree], None]
) -> Iterator[bytes]:
    """A Binary resource is the bytes inside it; another resource is itself, where that was announced."""
    body = answer.whole(most)
    resource = parse(body, limit=most)
    check(resource)
    if type_of(resource) == "Binary":
        yield from decode(text(resource, "data") or "", keep_going)
    elif expected in (FHIR_JSON, "application/json", UNKNOWN_CONTENT):
        yield body
    else:
        raise Unexpected("neither the document nor a Binary")


def _sha1(attachment: Tree) -> str | None:
    """What the source says of the bytes: SHA-1 in base64 (R4 datatypes, Attachment.hash)."""
    said = text(attachment, "hash")
    return said if said and len(said) == len(base64.b64encode(bytes(20))) else None


def _verified(chunks: Iterable[bytes], sha1: str | None) -> Iterator[bytes]:
    """Theirs is SHA-1 and proves no origin; it finds a wrong or damaged file."""
    running = hashlib.sha1(usedforsecurity=False)
    for chunk in chunks:
        running.update(chunk)
        yield chunk
    if sha1 and base64.b64encode(running.digest()).decode() != sha1:
        raise Unreadable("other bytes than the attachment's hash says")
