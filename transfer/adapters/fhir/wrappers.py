"""What a document comes wrapped in: base64 in its spellings, a Binary as JSON or XML, and one inside another.

The type that is said of the bytes decides nothing here; servers send a Binary under any (R4 binary, "Serving Binary
Resources using the RESTful API"). A wrapper is held in memory; a document in no wrapper goes by.
"""

import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Final

import pybase64

from transfer import media_types
from transfer.adapters.fhir import xml_trees
from transfer.adapters.fhir.trees import Tree, child, children, parse, text, type_of
from transfer.errors import TooLarge, Unreadable
from transfer.sources import KeepGoing
from transfer.staging import CHUNK

#: wrappers in one another that are taken off
_MOST_WRAPPERS: Final = 4
#: four characters of base64 are three bytes
_SLICE: Final = CHUNK // 3 * 4
_BLANKS: Final = b" \t\r\n"
_DATA_URL: Final = re.compile(r"\s*data:[^,]{0,200},")
#: the alphabet for addresses (RFC 4648, section 5) in that of all others
_OF_ADDRESSES: Final = bytes.maketrans(b"-_", b"+/")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_\s-]{16,}={0,2}\s*")
_QUOTED: Final = re.compile(rb'\s*"[A-Za-z0-9+/_\\\s-]{16,}')
_WRAPPING_XML: Final = re.compile(rb"<(?:\w+:)?(?:Binary|Bundle)[\s>]")
_BEFORE: Final = b"\xef\xbb\xbf \t\r\n"
#: elements of XML
_ELEMENTS: Final = 2000

#: how JSON may write what stands in base64, and what breaks its lines
_ESCAPED: Final = re.compile(rb"\\(u00[0-9A-Fa-f]{2}|.)", re.DOTALL)
_LONGEST_ESCAPE: Final = 6
_IN_STRING: Final = re.compile(rb'"\s*data:[^,"]{0,200},')
_NOT_BASE64: Final = bytes(
    each for each in range(256) if not (chr(each).isascii() and chr(each).isalnum()) and each not in b"+/-_"
)

Check = Callable[[Tree], None]


def decode(data: str, keep_going: KeepGoing) -> Iterator[bytes]:
    """Base64 in chunks of at most `CHUNK`. White space is R4's to allow; a data URL, the alphabet for addresses and
    padding left out are what senders do.

    Raises:
        Unreadable: not base64.
    """
    beginning = _DATA_URL.match(data)
    start = beginning.end() if beginning else 0
    slices = (data[at : at + _SLICE].encode("ascii", "replace") for at in range(start, len(data), _SLICE))
    return _decoded(slices, keep_going)


def in_strings(chunks: Iterable[bytes]) -> Iterator[tuple[bool, bytes]]:
    """Each string of a JSON body as bytes of base64, in pieces, while the body goes by; nothing of it is held. True
    comes with the first piece of each.

    Of a string that is not base64, what comes means nothing.
    """
    rest, escaped = b"", b""
    for chunk in chunks:
        body = escaped + chunk
        escape = body.rfind(b"\\", -_LONGEST_ESCAPE)  # it may go on in the next
        body, escaped = (body[:escape], body[escape:]) if escape >= 0 else (body, b"")
        body = _IN_STRING.sub(b'"', _ESCAPED.sub(_unescaped, body))
        for number, part in enumerate(body.split(b'"')):
            if number and len(rest) > 1:  # the one before ends without the padding that was left out
                yield False, pybase64.b64decode(rest + b"=" * (-len(rest) % 4))
            plain = (b"" if number else rest) + part.translate(_OF_ADDRESSES, _NOT_BASE64)
            whole = len(plain) // 4 * 4
            rest = plain[whole:]
            yield number > 0, pybase64.b64decode(plain[:whole])


def _unescaped(escape: re.Match[bytes]) -> bytes:
    return {b"u002b": b"+", b"/": b"/", b"u002f": b"/"}.get(escape[1].lower(), b"")


def _decoded(slices: Iterable[bytes], keep_going: KeepGoing) -> Iterator[bytes]:
    rest = b""
    for one in slices:
        keep_going()
        plain = rest + one.translate(_OF_ADDRESSES, _BLANKS)
        whole = len(plain) // 4 * 4
        rest = plain[whole:]
        if whole:
            yield _bytes_of(plain[:whole])
    if rest:
        yield _bytes_of(rest + b"=" * (-len(rest) % 4))


def _bytes_of(plain: bytes) -> bytes:
    try:
        found: bytes = pybase64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("an attachment that is not base64") from None
    return found


def unwrapped(
    chunks: Iterable[bytes], keep_going: KeepGoing, *, most: int, check: Check, wrappers: int = _MOST_WRAPPERS
) -> Iterator[bytes]:
    """The document in the chunks, out of the wrappers it came in. `check` looks at each resource and may raise.

    Raises:
        Unreadable: a wrapper that says it holds base64, and does not.
        TooLarge: more than `most` bytes of a wrapper.
    """
    pieces = iter(chunks)
    beginning, held = b"", list[bytes]()
    for piece in pieces:
        held.append(piece)
        beginning = (beginning + piece)[: media_types.LOOKED_AT]
        if len(beginning) >= media_types.LOOKED_AT:
            break
    first, everything = beginning.lstrip(_BEFORE)[:1], chain(held, pieces)
    if not wrappers:
        yield from everything
    elif first in b'{"' and first:
        yield from _of_json(_joined(everything, most), keep_going, most, check, wrappers - 1)
    elif first == b"<" and _WRAPPING_XML.search(beginning):
        yield from _of_xml(_joined(everything, most), keep_going, most, check, wrappers - 1)
    elif _is_base64(beginning):
        inside = _decoded(everything, keep_going)
        yield from unwrapped(inside, keep_going, most=most, check=check, wrappers=wrappers - 1)
    else:
        yield from everything


def _joined(chunks: Iterable[bytes], most: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise TooLarge("more than is taken from this server at once")
    return bytes(body)


def _is_base64(beginning: bytes, wrappers: int = _MOST_WRAPPERS) -> bool:
    """Nothing but base64, of something that is known when it is decoded: a note may be a word of letters alone."""
    if not wrappers or not _BASE64.fullmatch(beginning):
        return False
    plain = beginning.translate(_OF_ADDRESSES, _BLANKS)
    with suppress(Unreadable):
        inside = _bytes_of(plain[: len(plain) // 4 * 4])
        seen = media_types.judged(None, inside, b"", len(inside))
        is_known = seen.content_type not in (media_types.UNKNOWN, media_types.PLAIN)
        return is_known or _is_base64(inside, wrappers - 1)
    return False


def _of_json(body: bytes, keep_going: KeepGoing, most: int, check: Check, wrappers: int) -> Iterator[bytes]:
    data = None
    with suppress(Unreadable):
        if _QUOTED.match(body):
            data = _word(body)
        else:
            tree = parse(body, limit=most)
            check(tree)
            data = _data(tree)
    if data is None:
        yield body
        return
    yield from unwrapped(decode(data, keep_going), keep_going, most=most, check=check, wrappers=wrappers)


def _word(body: bytes) -> str | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, str) and _is_base64(found.encode("ascii", "replace")) else None


def _of_xml(body: bytes, keep_going: KeepGoing, most: int, check: Check, wrappers: int) -> Iterator[bytes]:
    tree, data = None, None
    with suppress(Unreadable):
        tree = xml_trees.parse(body, elements=_ELEMENTS)
    if tree is not None:
        check(tree)
        data = _data(tree)
    if data is None:
        yield body
        return
    yield from unwrapped(decode(data, keep_going), keep_going, most=most, check=check, wrappers=wrappers)


def _data(tree: Tree) -> str | None:
    """The base64 in a Binary, in a bundle of nothing but one, or in a lone Attachment; None: it is no wrapper."""
    entries = children(tree, "entry")
    if type_of(tree) == "Bundle" and len(entries) == 1:
        tree = child(entries[0], "resource")
    is_attachment = type_of(tree) is None and text(tree, "contentType") is not None
    if type_of(tree) != "Binary" and not (is_attachment and text(tree, "data")):
        return None
    return text(tree, "data") or text(tree, "content") or ""
