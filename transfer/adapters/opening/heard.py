"""Whether a document that is opened says no to a release: by what it carries, its words, or a form in it.

It runs in the process that opens documents. What stands in the bytes of a document itself is heard when it comes
(`transfer.adapters.enclosed`); what a ZIP file or a PDF carries is heard here, once somebody opens that. A "no" in
words is one by its heading, or by a sentence (docs/decisions/0024-objections.md).
"""

import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from transfer.adapters import enclosed
from transfer.errors import TooLarge, TransferError
from transfer.institutions import Institution
from transfer.objections import is_no, refuses_in_words, says_ending, says_refusing, tells_only

_ZIP: Final = b"PK\x03\x04"
#: files of an archive that are looked into, and bytes of all of them
_MOST_FILES: Final = 200
_MOST_UNPACKED: Final = 32 << 20
#: lines in which a paper says what it is. Further down a heading of these words is one of many on a release form
_HEADING: Final = 6
_NAMED: Final = re.compile(r"\b(revocation|rescission|withdrawal)\b", re.IGNORECASE)
#: fields of a form, and how deep they lie in each other
_MOST_FIELDS: Final = 2000
_DEPTH: Final = 20
#: characters of a name, and of what was filled in
_MOST_CHARACTERS: Final = 2000
#: what an archive or a member of one does to who unpacks it
_BROKEN: Final = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
)


def may_refuse(data: bytes) -> bool:
    """Whether the words of a text are to be read for a "no". Costs one look."""
    return says_ending(capitals := data.upper()) or says_refusing(capitals)


def in_bytes(data: bytes, source: Institution) -> bool:
    """Whether a consent in it refuses, or in a file of an archive that it is. What cannot be unpacked says nothing; who
    opens it tells people.
    """
    if not data.startswith(_ZIP):
        return _refuses(data, source)
    left = _MOST_UNPACKED
    with suppress(*_BROKEN), zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist()[:_MOST_FILES]:
            content = b""
            with suppress(*_BROKEN), archive.open(entry) as file:  # one that is broken or locked costs no other
                content = file.read(left)
            left -= len(content)
            if _refuses(content, source):
                return True
    return False


def _refuses(data: bytes, source: Institution) -> bool:
    try:
        return bool(enclosed.in_content(data, source).objections)
    except TooLarge:
        return True
    except TransferError:
        return False


def in_lines(lines: Sequence[str]) -> bool:
    """Whether a paper says no, by its lines: in its heading, or in a sentence anywhere."""
    said = [line.strip() for line in lines if line.strip()]
    return any(map(refuses_in_words, said[:_HEADING])) or refuses_in_words(_NAMED.sub(" ", " ".join(said)))


def in_fields(pdf: Any) -> bool:
    """Whether the fields of a PDF that somebody filled in say no (ISO 32000-1, 12.7): in words, or by a mark at a line
    that is called one. `pdf` is pikepdf's. A form that is broken says nothing: its pages are read all the same.
    """
    try:
        return _is_refused_in(pdf)
    except Exception:  # noqa: BLE001  # whatever a hostile file does to a parser costs its form alone
        return False


def _is_refused_in(pdf: Any) -> bool:
    form = pdf.Root.get("/AcroForm")
    waiting = [(one, "", 0) for one in (form.get("/Fields", []) if form is not None else [])]
    for _ in range(_MOST_FIELDS):
        if not waiting:
            return False
        field, above, depth = waiting.pop()
        called = " ".join(
            filter(None, [above, *(str(field.get(name, ""))[:_MOST_CHARACTERS] for name in ("/T", "/TU"))])
        )
        value = str(field.get("/V", ""))[:_MOST_CHARACTERS].removeprefix("/")
        is_marked = value not in ("", "Off", "No", "N", "0")
        if refuses_in_words(value) or (is_marked and _says_so(called)):
            return True
        if depth < _DEPTH:
            waiting += [(one, called, depth + 1) for one in field.get("/Kids", [])]
    return False


def _says_so(called: str) -> bool:
    words = re.sub(r"[_.\-]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", called))
    return is_no(words) and not tells_only(words)
