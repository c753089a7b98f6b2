"""The bytes inside a message: encapsulated data (ED), decoded in slices so that memory stays flat.

What is wrong with them is said by flaws and, where nothing can be decoded, by `Unreadable` when it is opened. The
message is the record; a part that cannot be read does not take the rest of it away.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes

import pybase64

from transfer import media_types
from transfer.adapters.hl7v2.characters import Delimiters, unescape_bytes
from transfer.errors import Unreadable
from transfer.flaws import Flaw

#: of encoded bytes; divisible by 4 (base64) and 2 (hex)
_SLICE = 1 << 18
#: table 0299, and what senders write for it
_PLAIN = frozenset({"a", "none", "text", "ascii", "plain", "8bit", "7bit", "binary"})
_HEX = frozenset({"hex", "hexadecimal", "base16"})
_BASE64 = frozenset({"base64", "b64", "mime", "base64encoded"})
#: what senders break base64 with: white space, and formatting escapes (`\.br\`, `\X0D0A\`)
_BREAKS = re.compile(rb"\\(?:\.br|X(?:0[AD]|00)+)\\|[\s\"']+", re.IGNORECASE)
#: letters of base64 that senders escape as in an address, or as a message may
_ESCAPED = re.compile(rb"%(2[BbFf]|3[Dd])|\\[Xx](2[BbFf]|3[Dd])\\")
_BASE64_OF_WEB = bytes.maketrans(b"-_", b"+/")
#: bytes of either end by which content is known
_LOOKED_AT = media_types.LOOKED_AT
#: how content ends that is whole, within so many bytes: Acrobat looks for its mark in the last 1,024
_ENDS = {
    media_types.PDF: (b"%%EOF", 1024),
    media_types.RTF: (b"}", 64),
    "image/png": (b"IEND", 64),
    "image/jpeg": (b"\xff\xd9", 1024),
    media_types.CDA: (b"ClinicalDocument>", 256),
}
_MIME = "message/rfc822"
#: bytes of content that may be a wrapper
_LARGEST_WRAPPER = 64 << 20
#: base64 and nothing else
_ONE_WORD = re.compile(rb"[A-Za-z0-9+/\s]{40,}={0,2}")
#: of content in its own letters
_NO_ESCAPES = Delimiters(b"|", escape=b"\0")
#: shorter data is not asked whether it is hexadecimal
_SHORTEST_HEX = 16
_IS_HEX = re.compile(rb"[0-9A-Fa-f]{16}")
#: of the beginning of data that may be words, and letters to a word in the mean: a line of base64 has 76
_WORDS_WITHIN = 256
_LONGEST_WORDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedContent:
    """One document that the sender put into a message. `open` decodes anew each time it is called and raises
    `Unreadable` where it cannot.
    """

    content_type: str
    open: Callable[[], Iterator[bytes]]
    flaws: frozenset[Flaw] = frozenset()
    #: bytes when decoded; 0 where it cannot be
    length: int = 0


@dataclass(frozen=True, slots=True)
class Encoded:
    """Data as it stands in a message, and in which encoding (table 0299). None: the sender does not say."""

    data: memoryview
    encoding: str | None
    delimiters: Delimiters

    @property
    def is_plain(self) -> bool:
        return encoding_name(self.encoding) in _PLAIN

    def decoded(self, encoding: str | None) -> Iterator[bytes]:
        """The bytes that were encoded: Base64, Hex or A. Anything else is taken for base64, the only one in wide use.

        Raises:
            Unreadable: they are not what they are said to be.
        """
        said = encoding_name(encoding)
        if said in _PLAIN:
            return _slices(memoryview(unescape_bytes(self.data.tobytes(), self.delimiters)))
        return _hex(_unbroken(self.data)) if said in _HEX else _base64(self.data)


def encoding_name(said: str | None) -> str:
    """`Base-64 ` and `BASE64` are one."""
    return re.sub(r"[^a-z0-9]", "", (said or "").lower())


def is_encoding(said: str | None, *, strict: bool = False) -> bool:
    """Whether a word names an encoding. Strict: and nothing else that an ED may say, as `TEXT` does."""
    name = encoding_name(said)
    return name in _BASE64 | _HEX or (name == "a" if strict else name in _PLAIN)


def embedded_content(chunks: Sequence[Encoded], said: str | None) -> EmbeddedContent:
    """A document of its chunks in order. It is read through for what it is and for what is wrong with it.

    Chunks are encoded each alone, or are one encoded stream that was cut at any place; and what the sender says of the
    encoding may be wrong. The first way counts that gives whole content, else the one with the least wrong.
    `said` is its type by the sender's word.
    """
    best: tuple[int, EmbeddedContent] | None = None
    for stretches, encoding in _ways(chunks):
        found = _read(stretches, encoding, said)
        wrong = 2 * len(found.flaws) + (found.content_type == media_types.UNKNOWN)
        if best is None or wrong < best[0]:
            best = wrong, found
        if not wrong:
            break
    assert best is not None, "at least one chunk"
    return best[1]


def _ways(chunks: Sequence[Encoded]) -> Iterator[tuple[Sequence[Encoded], str | None]]:
    """What to decode, and in which encoding: None for each chunk's own."""
    first = chunks[0]
    if len(chunks) == 1:
        yield from ((chunks, encoding) for encoding in _encodings(first))
        return
    if not any(chunk.is_plain for chunk in chunks):
        stream = Encoded(memoryview(b"".join(chunk.data for chunk in chunks)), first.encoding, first.delimiters)
        yield from (([stream], encoding) for encoding in _encodings(stream))
    yield chunks, None


def _encodings(chunk: Encoded) -> Iterator[str | None]:
    """As said first; then what it could be."""
    yield chunk.encoding
    head = bytes(chunk.data[:_SHORTEST_HEX])
    if encoding_name(chunk.encoding) not in _HEX and _IS_HEX.fullmatch(head):
        yield "hex"
    words = bytes(chunk.data[:_WORDS_WITHIN]).split()
    if not chunk.encoding or (len(words) > 1 and sum(map(len, words)) / len(words) < _LONGEST_WORDS):
        yield "A"


def _read(chunks: Sequence[Encoded], encoding: str | None, said: str | None) -> EmbeddedContent:
    def opened() -> Iterator[bytes]:
        return (piece for chunk in chunks for piece in chunk.decoded(encoding or chunk.encoding))

    wanted = media_types.named(said)
    try:
        length, head, tail = _read_through(opened())
    except Unreadable:
        return EmbeddedContent(content_type=wanted, open=opened, flaws=frozenset({Flaw.UNDECODABLE}))
    found = media_types.judged(said, head, tail, length)
    if inside := _unwrapped(found.content_type, opened, length, said):
        return inside
    if len(chunks) > 1 and found.content_type == media_types.PLAIN:
        return _text(chunks, found.flaws)
    is_cut = length > 0 and _is_cut(found.content_type, tail, chunks[-1], encoding)
    flaws = found.flaws | ({Flaw.CUT} if is_cut else frozenset())
    return EmbeddedContent(content_type=found.content_type, open=opened, flaws=flaws, length=length)


def _unwrapped(
    content_type: str, opened: Callable[[], Iterator[bytes]], length: int, said: str | None
) -> EmbeddedContent | None:
    """What is encoded twice, or a C-CDA document in a MIME package (CDA R2, 3.1); None: it is neither."""
    if length > _LARGEST_WRAPPER or content_type not in (media_types.PLAIN, _MIME):
        return None
    whole = b"".join(opened())
    if content_type == _MIME:
        parts = (part.get_payload(decode=True) for part in message_from_bytes(whole).walk() if not part.is_multipart())
        marked = (part for part in parts if isinstance(part, bytes) and b"<" in part[:256])
        inner, encoding = next(marked, b""), "A"
    else:
        inner, encoding = (whole if _ONE_WORD.fullmatch(whole.strip()) else b""), "Base64"
    if not inner:
        return None
    found = _read([Encoded(memoryview(inner), encoding, _NO_ESCAPES)], encoding, said)
    is_known = found.content_type not in (media_types.UNKNOWN, media_types.PLAIN, _MIME)
    return found if is_known and Flaw.UNDECODABLE not in found.flaws else None


def _text(chunks: Sequence[Encoded], flaws: frozenset[Flaw]) -> EmbeddedContent:
    """Texts that are encoded each alone: the last word of one and the first of the next are two."""
    texts = [b"".join(chunk.decoded(chunk.encoding)) for chunk in chunks]
    whole = b"".join(text if text.endswith(b"\n") else text + b"\n" for text in texts)
    return EmbeddedContent(content_type=media_types.PLAIN, open=lambda: iter([whole]), flaws=flaws, length=len(whole))


def _is_cut(content_type: str, tail: bytes, last: Encoded, encoding: str | None) -> bool:
    """It lacks the end that its type has; of other types, the encoding stops within a group of four."""
    if content_type in _ENDS:
        mark, within = _ENDS[content_type]
        return mark not in tail[-within:]
    if encoding_name(encoding or last.encoding) in _PLAIN | _HEX:
        return False
    return len(_unbroken(last.data)) % 4 != 0


def _read_through(pieces: Iterator[bytes]) -> tuple[int, bytes, bytes]:
    """Length, first and last bytes."""
    length, head, tail = 0, b"", b""
    for piece in pieces:
        if len(head) < _LOOKED_AT:
            head += piece[: _LOOKED_AT - len(head)]
        tail = (tail + piece[-_LOOKED_AT:])[-_LOOKED_AT:]
        length += len(piece)
    return length, head, tail


def _slices(data: memoryview) -> Iterator[bytes]:
    return (bytes(data[at : at + _SLICE]) for at in range(0, len(data), _SLICE))


def _unbroken(data: memoryview) -> memoryview:
    return memoryview(_BREAKS.sub(b"", data))


def _base64(data: memoryview) -> Iterator[bytes]:
    """Taken for unbroken until it shows otherwise: searching 5 MB for line ends costs a hundred times the decoding."""
    at, is_unbroken = 0, False
    while at < len(data):
        piece = data[at : at + _SLICE]
        is_last = at + _SLICE >= len(data)
        try:
            yield _group_by_group(piece, is_last=is_last)
            at += _SLICE
        except ValueError:
            if is_unbroken:
                raise Unreadable("an embedded document is not the base64 it says it is") from None
            plain = _ESCAPED.sub(lambda one: bytes.fromhex((one[1] or one[2]).decode()), _unbroken(data[at:]).tobytes())
            data, at, is_unbroken = memoryview(plain.translate(_BASE64_OF_WEB)), 0, True


def _group_by_group(piece: memoryview, *, is_last: bool) -> bytes:
    if is_last and len(piece) % 4:
        # what is left of a group that was cut is no byte
        piece = piece[:-1] if len(piece) % 4 == 1 else memoryview(bytes(piece) + b"=" * (-len(piece) % 4))
    whole: bytes = pybase64.b64decode(piece, validate=True)
    if not is_last and len(whole) != len(piece) // 4 * 3:
        raise ValueError("padding before the end")
    return whole


def _hex(data: memoryview) -> Iterator[bytes]:
    for piece in _slices(data):
        try:
            yield bytes.fromhex(piece.decode("ascii"))
        except ValueError:
            raise Unreadable("an embedded document is not the hexadecimal it says it is") from None
