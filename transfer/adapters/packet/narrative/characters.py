"""Which letters bytes stand for."""

import codecs
import re
from typing import Final

#: what senders write for encodings; browsers read these names as the larger set (https://encoding.spec.whatwg.org/#names-and-labels)
_LARGER: Final = {"iso8859-1": "cp1252", "ascii": "cp1252", "latin-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_IN_HTML: Final = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_IN_XML: Final = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']", re.IGNORECASE)


def decoded(data: bytes, declared: str | None = None) -> str:
    """The text. A byte order mark counts first, then UTF-8 where it fits, then what is declared, then Windows-1252.

    UTF-8 comes before the declaration: declarations are often wrong, and other bytes hardly ever UTF-8 by chance.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if guessed := _without_mark(data):
        return data.decode(guessed, "replace")
    said = known(declared)
    try:
        if said is None or said not in _SHIFTED:
            return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode(said or "cp1252")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


#: these look like ASCII to UTF-8
_SHIFTED: Final = frozenset({"iso2022_jp", "iso2022_jp_2", "iso2022_kr", "hz", "utf-7"})


def _without_mark(data: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of Latin text is nought."""
    head = data[:400]
    if len(head) < 8 or b"\0" not in head:
        return None
    if head[1::2].count(0) > len(head) // 3 and head[::2].count(0) < len(head) // 20 + 1:
        return "utf-16-le"
    if head[::2].count(0) > len(head) // 3 and head[1::2].count(0) < len(head) // 20 + 1:
        return "utf-16-be"
    return None


def known(name: str | None) -> str | None:
    """The codec of that name, in Python's word for it; None where there is none of text."""
    if not name:
        return None
    try:
        found = codecs.lookup(name.strip())
        b"".decode(found.name)
    except (LookupError, ValueError):
        return None
    return _LARGER.get(found.name, found.name)


def charset(content_type: str) -> str | None:
    """The `charset` of a content type (RFC 2046 section 4.1.2)."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'") or None
    return None


def declared_in_html(data: bytes) -> str | None:
    """What a page says of itself within its first 2,048 bytes."""
    found = _IN_HTML.search(data[:2048]) or _IN_XML.search(data[:400])
    return found[1].decode("ascii") if found else None


def declared_in_xml(data: bytes) -> str | None:
    """The encoding of an XML declaration."""
    found = _IN_XML.search(data[:400])
    return found[1].decode("ascii") if found else None
