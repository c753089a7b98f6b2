"""From the bytes of a message to its text: character sets (MSH-18, table 0211) and escape sequences (v2.9 ch. 2.7).

A sender that declares one character set and sends another is common. Nothing is refused for it: what cannot be read
as declared is read as UTF-8, then as Windows-1252, and `Message.charset_disagrees` says so.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

#: what "8859/1" and nothing at all mean in practice: Windows-1252, which agrees with Latin-1 on every printable byte
WESTERN = "cp1252"

#: table 0211 → codec. Names not listed count as undeclared.
_CODECS = {
    "ASCII": "ascii",
    "8859/1": WESTERN,
    **{f"8859/{part}": f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "ISO IR6": "ascii",
    "ISO IR13": "shift_jis",
    "ISO IR14": "shift_jis",
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_2",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
}
#: the same sets by the names that other registers give them (ISO-IR numbers, IANA), as senders write them, too
_BY_OTHER_NAME = re.compile(r"(?:ISO[ _-]?)?8859[/ _-](\d{1,2})|(?:WINDOWS|CP)[ _-]?(125\d)|ISO[ _-]IR[ _-]?(\d{1,3})")
_IR_PARTS = {100: 1, 101: 2, 109: 3, 110: 4, 144: 5, 127: 6, 126: 7, 138: 8, 148: 9, 203: 15}
#: Windows pages that senders use under the name of an ISO set: where it has control characters, these have letters.
#: ISO 8859-2 and its page differ elsewhere, too, so that the whole message is read by one of the two
_PAGES = {
    "iso8859-2": "cp1250",
    "iso8859-5": "cp1251",
    "iso8859-6": "cp1256",
    "iso8859-7": "cp1253",
    "iso8859-8": "cp1255",
    "iso8859-9": "cp1254",
    "iso8859-13": "cp1257",
    "iso8859-15": WESTERN,
}
_CONTROL = re.compile(rb"[\x80-\x9f]")
#: those that tell where the letters differ, too: the end of a line (NEL) may stand in what came from a mainframe
_TELLING = dict.fromkeys(("iso8859-2", "iso8859-5"), re.compile(rb"[\x80-\x84\x86-\x9f]"))
#: their second bytes can look like a delimiter, so such a message is turned into UTF-8 before it is split
_WIDE = frozenset({"shift_jis", "iso2022_jp", "iso2022_jp_2", "gb18030", "euc_kr", "big5"})

#: no blank space a sender asks for (`\.sp500\`) is longer than this
_MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class Delimiters:
    """MSH-1 and MSH-2, each one byte."""

    field: bytes
    component: bytes = b"^"
    repetition: bytes = b"~"
    escape: bytes = b"\\"
    subcomponent: bytes = b"&"

    @classmethod
    def read(cls, header_segment: bytes) -> "Delimiters":
        """From a segment that begins with MSH, FHS or BHS; what it leaves out is as the standard suggests.

        A doubled escape character in MSH-2 (seen where a message was quoted once too often) counts once.
        """
        field = header_segment[3:4] or b"|"
        second = header_segment[4:].split(field, 1)[0][:8]
        said = [bytes((byte,)) for byte in dict.fromkeys(second) if bytes((byte,)) != field]
        usual = [b"^", b"~", b"\\", b"&"]
        return cls(field, *(said[n] if n < len(said) else usual[n] for n in range(4)))


def codec_of(declared: str) -> str | None:
    """The codec for what MSH-18 says, None where it says nothing we know."""
    said = declared.strip().upper()
    if known := _CODECS.get(said):
        return known
    other = _BY_OTHER_NAME.fullmatch(said)
    if other is None:
        return None
    part, page, register = other.groups()
    if page:
        return f"cp{page}" if page in ["1250", "1251", "1252", "1253", "1254", "1255", "1256", "1257", "1258"] else None
    number = int(part) if part else _IR_PARTS.get(int(register), 0)
    if number == 1:
        return WESTERN
    return f"iso8859-{number}" if number in (*range(2, 12), *range(13, 17)) else None


def as_one_byte_delimiters(payload: bytes, codec: str | None) -> tuple[bytes, bool]:
    """The payload in an encoding in which a delimiter byte is always a delimiter, and whether it was turned into UTF-8.

    What cannot be read as declared stays as it is.
    """
    if codec is None or codec not in _WIDE:
        return payload, False
    try:
        return payload.decode(codec).encode(), True
    except UnicodeDecodeError:
        return payload, False


def page_in_use(data: bytes, codec: str | None) -> str | None:
    """The Windows page that a message is in whose ISO set has no letters for some of its bytes; None: it is in none."""
    page = _PAGES.get(codec or "")
    if page is None or not _TELLING.get(codec or "", _CONTROL).search(data):
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return page
    return None


def decode(raw: bytes, codec: str | None) -> tuple[str, bool]:
    """The text of some bytes, and whether they were what was declared (nothing declared means ASCII).

    Latin-1 reads any bytes at all; those which are well-formed UTF-8 beyond ASCII are UTF-8 whatever was said.
    """
    if raw.isascii():
        return raw.decode("ascii"), True
    for attempt in ("utf-8", codec or WESTERN, WESTERN):
        try:
            return raw.decode(attempt), attempt == codec
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1"), False


@lru_cache(maxsize=64)
def _escapes(escape: bytes) -> re.Pattern[str]:
    """Only sequences the standard knows: a lone escape character, as in a path, does not swallow the next one.

    Bytes that are escaped one after the other are one run: together they may be one character. Senders also write
    commands in capitals, escape their marks twice (`\\\\.br\\\\`), and let two line breaks share one (`\\.br\\.br\\`).
    """
    mark = re.escape(escape.decode("latin-1"))
    digits = r"[Xx][0-9A-Fa-f]{2,512}"
    return re.compile(
        rf"(?P<twice>{mark}(?={mark}\.))?{mark}"
        rf"(?:([FSTREPHN])|({digits}(?:{mark}{mark}{digits})*)|((?i:\.br(?:{mark}\.br)+))"
        r"|\.((?i:br|sp|sk|in|ti|fi|nf|ce))\s?([+-]?\d{0,4})|[CM][0-9A-Fa-f]{4,6})"
        rf"{mark}(?(twice){mark})"
    )


def unescape(text: str, delimiters: Delimiters, codec: str | None) -> str:
    r"""Text with its escape sequences resolved: delimiters, `\Xdd..\`, line breaks.

    Highlighting and changes of character set leave nothing; local ones (`\Zdd..\`) and unknown ones stay as they are.
    A NUL is no letter: it stands in what senders escape two bytes wide (`\X000D\`).
    """
    if delimiters.escape.decode("latin-1") not in text:
        return text
    return _resolved(text, delimiters, lambda raw: decode(raw, codec)[0]).replace("\0", "")


def unescape_bytes(raw: bytes, delimiters: Delimiters) -> bytes:
    """The same of content that stands in a message as it is (encoding `A`): its own bytes, in its own letters."""
    if delimiters.escape not in raw:
        return raw
    return _resolved(raw.decode("latin-1"), delimiters, lambda said: said.decode("latin-1")).encode("latin-1")


def _resolved(text: str, delimiters: Delimiters, of_bytes: Callable[[bytes], str]) -> str:
    mark = delimiters.escape.decode("latin-1")
    letters = {
        "F": delimiters.field.decode("latin-1"),
        "S": delimiters.component.decode("latin-1"),
        "T": delimiters.subcomponent.decode("latin-1"),
        "R": delimiters.repetition.decode("latin-1"),
        "E": mark,
        "P": "#",  # truncation character, 2.5.5.2
    }

    def resolve(found: re.Match[str]) -> str:
        _, letter, digits, breaks, command, count = found.groups()
        if letter:
            return letters.get(letter, "")
        if digits:
            return of_bytes(b"".join(bytes.fromhex(one[: len(one) // 2 * 2]) for one in _DIGITS.findall(digits)))
        if breaks:
            return "\n" * breaks.lower().count(".br")
        return _layout(
            (command or "").lower(),
            count,
            joins=found.start() > 0 and text[found.start() - 1] not in (mark, *" \t\r\n"),
        )

    return _escapes(delimiters.escape).sub(resolve, text)


_DIGITS = re.compile(r"[0-9A-Fa-f]+")


def _layout(command: str, count: str | None, *, joins: bool) -> str:
    """Formatting commands of an FT field (2.7.6): those that end a line end it, and none joins two words."""
    if command in ("sp", "sk"):
        many = min(abs(int(count)) if count and count.strip("+-") else 1, _MOST_LINES)
        return ("\n" if command == "sp" else " ") * many
    if command in ("br", "ce"):
        return "\n"
    return " " if command and joins else ""
