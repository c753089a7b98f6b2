"""What the bytes of a document are: by their beginning and end first, by their sender's word second.

One table and one look for every door: whatever language a document comes in, its type is found here. Nothing is parsed:
an opened document is another module's business. What stands in clear as a record's type is always one of `KNOWN`.
"""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from transfer.flaws import Flaw

UNKNOWN: Final = "application/octet-stream"
PDF: Final = "application/pdf"
RTF: Final = "application/rtf"
HTML: Final = "text/html"
PLAIN: Final = "text/plain"
XML: Final = "application/xml"
CDA: Final = "application/cda+xml"
JSON: Final = "application/json"
FHIR_JSON: Final = "application/fhir+json"
FHIR_XML: Final = "application/fhir+xml"
#: https://confluence.hl7.org/display/FHIR/Media+Types, as HAPI and the v2-to-FHIR project write it
HL7_V2: Final = "x-application/hl7-v2+er7"
DICOM: Final = "application/dicom"
ZIP: Final = "application/zip"
#: files of Microsoft Office before 2007, whichever of its programs made them
OLE: Final = "application/x-ole-storage"
_WORD: Final = "application/msword"
_EXCEL: Final = "application/vnd.ms-excel"
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
DOCX: Final = f"{_OFFICE}wordprocessingml.document"
_XLSX: Final = f"{_OFFICE}spreadsheetml.sheet"
_PPTX: Final = f"{_OFFICE}presentationml.presentation"
_POWERPOINT: Final = "application/vnd.ms-powerpoint"
_ODT: Final = "application/vnd.oasis.opendocument.text"
_ODS: Final = "application/vnd.oasis.opendocument.spreadsheet"

#: every type a record may be called, and how its file ends
KNOWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        UNKNOWN: "bin",
        PDF: "pdf",
        RTF: "rtf",
        HTML: "html",
        PLAIN: "txt",
        "text/csv": "csv",
        "text/markdown": "md",
        "text/xml": "xml",
        XML: "xml",
        CDA: "xml",
        "application/hl7-sda+xml": "xml",
        FHIR_XML: "xml",
        "image/svg+xml": "svg",
        JSON: "json",
        FHIR_JSON: "json",
        "application/dicom+json": "json",
        HL7_V2: "hl7",
        DICOM: "dcm",
        "image/jpeg": "jpg",
        "image/png": "png",
        "image/tiff": "tif",
        "image/gif": "gif",
        "image/bmp": "bmp",
        "image/webp": "webp",
        "image/jp2": "jp2",
        "image/heic": "heic",
        ZIP: "zip",
        DOCX: "docx",
        _XLSX: "xlsx",
        _PPTX: "pptx",
        _ODT: "odt",
        _ODS: "ods",
        OLE: "ole",
        _WORD: "doc",
        _EXCEL: "xls",
        _POWERPOINT: "ppt",
        "application/gzip": "gz",
        "application/postscript": "ps",
        "message/rfc822": "eml",
        "audio/mpeg": "mp3",
        "audio/wav": "wav",
        "video/mp4": "mp4",
        "video/mpeg": "mpg",
    }
)
#: what else senders call them; also by the last word alone, as ED-3 of HL7 v2 does (tables 0291 and 0834)
_ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("pdf", "acrobat", "vnd.pdf", "vnd.adobe.pdf"), PDF),
        **dict.fromkeys(("rtf", "richtext"), RTF),
        **dict.fromkeys(("html", "htm", "xhtml", "xhtml+xml", "vnd.wap.xhtml+xml"), HTML),
        **dict.fromkeys(("plain", "text", "txt", "ascii", "tx", "ft"), PLAIN),
        **dict.fromkeys(("csv", "comma-separated-values"), "text/csv"),
        "markdown": "text/markdown",
        "xml": "text/xml",
        **dict.fromkeys(("cda", "cda+xml", "hl7-cda+xml", "hl7-cda", "ccda", "ccda+xml", "ccd", "ccd+xml"), CDA),
        **dict.fromkeys(("hl7-cda-level-one", "hl7-cda-level-one+xml", "hl7v3+xml"), CDA),
        "hl7-sda+xml": "application/hl7-sda+xml",
        **dict.fromkeys(("json", "javascript"), JSON),
        **dict.fromkeys(("fhir+json", "json+fhir", "fhir"), FHIR_JSON),
        **dict.fromkeys(("fhir+xml", "xml+fhir"), FHIR_XML),
        "dicom+json": "application/dicom+json",
        **dict.fromkeys(("hl7", "hl7v2", "hl7-v2", "hl7-v2+er7", "edi-hl7v2", "edi-hl7", "er7"), HL7_V2),
        **dict.fromkeys(("dicom", "dcm"), DICOM),
        **dict.fromkeys(("jpeg", "jpg", "jpe", "pjpeg", "jfif"), "image/jpeg"),
        "png": "image/png",
        **dict.fromkeys(("tiff", "tif", "tiff-fx"), "image/tiff"),
        "gif": "image/gif",
        **dict.fromkeys(("bmp", "ms-bmp", "windows-bmp"), "image/bmp"),
        "webp": "image/webp",
        **dict.fromkeys(("jp2", "jpeg2000", "jpx", "j2k"), "image/jp2"),
        **dict.fromkeys(("heic", "heif"), "image/heic"),
        **dict.fromkeys(("svg", "svg+xml"), "image/svg+xml"),
        **dict.fromkeys(("zip", "zip-compressed"), ZIP),
        **dict.fromkeys(("docx", "openxmlformats-officedocument.wordprocessingml.document"), DOCX),
        **dict.fromkeys(("xlsx", "openxmlformats-officedocument.spreadsheetml.sheet"), _XLSX),
        **dict.fromkeys(("pptx", "openxmlformats-officedocument.presentationml.presentation"), _PPTX),
        **dict.fromkeys(("odt", "oasis.opendocument.text"), _ODT),
        **dict.fromkeys(("ods", "oasis.opendocument.spreadsheet"), _ODS),
        **dict.fromkeys(("doc", "msword", "word", "ms-word"), _WORD),
        **dict.fromkeys(("xls", "excel", "ms-excel", "msexcel"), _EXCEL),
        **dict.fromkeys(("ppt", "ms-powerpoint", "mspowerpoint"), _POWERPOINT),
        **dict.fromkeys(("gzip", "gz"), "application/gzip"),
        **dict.fromkeys(("postscript", "ps"), "application/postscript"),
        **dict.fromkeys(("rfc822", "eml"), "message/rfc822"),
    }
)
#: bytes of either end that are looked at
LOOKED_AT: Final = 64 << 10

_PICTURES: Final = frozenset(name for name in KNOWN if name.startswith("image/"))
_ZIPPED: Final = frozenset({ZIP, DOCX, _XLSX, _PPTX, _ODT, _ODS})
_IN_OLE: Final = frozenset({OLE, _WORD, _EXCEL, _POWERPOINT})
#: pages and pictures, and what a server says in their place when it does not give them
_PAGES: Final = _PICTURES | _ZIPPED | _IN_OLE | {PDF, DICOM}
#: whose letters their sender may have to tell
_TEXTS: Final = frozenset({PLAIN, HTML, XML, CDA, "text/xml", "text/csv", "text/markdown"})
_CHARACTER_SET: Final = re.compile(r";\s*charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
_CHARACTER_SETS: Final = frozenset(
    [f"iso8859-{part}" for part in range(1, 17) if part != 12]
    + [f"cp125{page}" for page in range(9)]
    + ["koi8-r", "koi8-u", "mac-roman", "cp437", "cp850", "utf-16", "utf-16-le", "utf-16-be"]
    + ["shift_jis", "euc_jp", "iso2022_jp", "gb2312", "gbk", "gb18030", "big5", "euc_kr", "tis-620"]
)
_WORDS: Final = frozenset({PLAIN, HTML, XML, JSON, FHIR_JSON, FHIR_XML})
#: of what is seen in the bytes, the types that only the sender can tell
_FINER: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        XML: frozenset({"text/xml", "application/hl7-sda+xml", HTML}),
        JSON: frozenset({"application/dicom+json"}),
        PLAIN: frozenset({"text/csv", "text/markdown", HTML}),
        ZIP: _ZIPPED,
        OLE: _IN_OLE,
    }
)
#: types whose bytes need not have a mark by which they are known
_UNMARKED: Final = frozenset({UNKNOWN, "audio/mpeg", "video/mpeg", DICOM})

_MARKS: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"II+\x00", "image/tiff"),
    (0, b"MM\x00+", "image/tiff"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"),
    (0, b"\xff\x4f\xff\x51", "image/jp2"),
    (8, b"WEBPVP8", "image/webp"),
    (8, b"WAVEfmt ", "audio/wav"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftypmif1", "image/heic"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (0, b"%!PS-Adobe", "application/postscript"),
    (128, b"DICM", DICOM),
)
#: readers look for it in the first 1,024 bytes (ISO 32000-1, annex H, note 13 to 3.4.1)
_PDF_MARK, _PDF_WITHIN = re.compile(rb"%PDF-\d"), 1024
_ZIP_MARK, _OLE_MARK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: sizes of a bitmap's second header
_BMP_HEADERS: Final = frozenset({12, 40, 52, 56, 64, 108, 124})
#: the entries or the first file of a package (ECMA-376 part 2; ODF 1.2 part 3, 3.3)
_ENTRIES: Final = (
    (b"word/document", DOCX),
    (b"xl/workbook", _XLSX),
    (b"ppt/presentation", _PPTX),
    (b"mimetype" + _ODT.encode(), _ODT),
    (b"mimetype" + _ODS.encode(), _ODS),
)
#: the streams of a file of Microsoft Office before 2007, by which its program is known
_STREAMS: Final = (
    ("WordDocument".encode("utf-16-le"), _WORD),
    ("Workbook".encode("utf-16-le"), _EXCEL),
    ("PowerPoint".encode("utf-16-le"), _POWERPOINT),
)
_HL7_MARK: Final = re.compile(rb"(MSH|FHS|BHS)[^A-Za-z0-9\s]{2}")
_MIME_MARK: Final = re.compile(
    rb"(?:[A-Za-z][\w-]{0,60}:[^\r\n]{0,990}\r?\n(?:[ \t][^\r\n]{0,990}\r?\n){0,20}){0,30}?"
    rb"(MIME-Version:[ \t]*1\.|(Received|Return-Path):[ \t])",
    re.IGNORECASE,
)
#: what may stand before the first element of XML
_NO_ELEMENT: Final = re.compile(
    rb"\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[[^\]]*\]\s*)?>", re.DOTALL | re.IGNORECASE
)
_ELEMENT: Final = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,60}:)?([A-Za-z_][\w.-]{0,60})([^>]{0,4096})")
_FHIR_NAMESPACE: Final = b"http://hl7.org/fhir"
_RESOURCE: Final = re.compile(rb"[\"']resourceType[\"']\s*:\s*[\"'](\w+)")
_OUTCOME: Final = "OperationOutcome"
_IS_JSON: Final = re.compile(rb"\{\s*[\"}]|\[\s*[\[{\"\]]")
#: blanks, marks of an encoding and of a frame, which may stand before text
_BLANKS: Final = b"\xef\xbb\xbf \t\r\n\x0b\x0c\x1c"
_NO_TEXT: Final = re.compile(rb"[\x00-\x08\x0e-\x1a]")
_HTML_ELEMENTS: Final = frozenset(
    b"html head body div p table span title meta pre h1 h2 h3 br b ul ol font center style form script".split()
)
#: a page to log in at, or one that says what went wrong: by a field for a password, or by its title
_SERVER_PAGE: Final = re.compile(
    rb"type\s*=\s*[\"']?password\b|name\s*=\s*[\"']?SAML(?:Request|Response)\b"
    rb"|<(?:title|h1|h2)\b[^>]{0,200}>\s*(?:(?:please )?(?:sign|log)[ -]?(?:in|on)\b"
    rb"|[^<]{0,80}(?:[-|:]\s*(?:sign|log)[ -]?(?:in|on)\s*<|\blog(?:in|on)\b"
    rb"|\b(?:session|token)(?: has)?(?: timed out| expired)|\baccess denied|\bun-?authori[sz]ed|\bnot authori[sz]ed"
    rb"|\bforbidden|\bauthentication required|\b(?:page|file|resource|document) not found|\binternal server error"
    rb"|\bservice unavailable|\bbad gateway|\bgateway time-?out|\b[45]\d\d (?:not found|error)))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What the bytes are, and what is wrong with them as far as it is seen without opening them.

    The type is one of `KNOWN`; of text it says the character set, where its sender names one that is not UTF-8.
    """

    content_type: str
    flaws: frozenset[Flaw] = frozenset()


def named(said: str | None) -> str:
    """The known type that a sender's word means, without parameters; `UNKNOWN` for a word of its own.

    `AP/PDF`, `application/x-pdf` and `.pdf` are all `application/pdf`.
    """
    plain = (said or "").partition(";")[0].strip().lower()
    if plain in KNOWN:
        return plain
    word = plain.rpartition("/")[2].removeprefix(".").removeprefix("x-").removeprefix("vnd.")
    return _ALIASES.get(word, UNKNOWN)


def extension(content_type: str) -> str:
    """How the name of a file of this type ends."""
    return KNOWN[named(content_type)]


def judged(said: str | None, beginning: bytes, ending: bytes, length: int) -> Judged:
    """What `length` bytes are, by their first and last ones (`LOOKED_AT` are enough) and their sender's word."""
    wanted = named(said)
    if not length:
        return Judged(wanted, frozenset({Flaw.EMPTY}))
    seen = _seen(beginning, ending)
    if seen is None:
        return Judged(wanted) if wanted in _UNMARKED else Judged(UNKNOWN, frozenset({Flaw.MISLABELLED}))
    if wanted in _FINER.get(seen, frozenset()):
        seen = wanted
    if _is_in_its_place(wanted, seen, beginning):
        return Judged(seen, frozenset({Flaw.UNEXPECTED}))
    character_set = _character_set(said) if seen in _TEXTS else None
    return Judged(f"{seen}; charset={character_set}" if character_set else seen)


def _character_set(said: str | None) -> str | None:
    """As Python's decoders call it; None for UTF-8, for none, and for a word that is none."""
    found = _CHARACTER_SET.search(said or "")
    try:
        name = codecs.lookup(found[1]).name if found else None
    except (LookupError, ValueError):
        return None
    return name if name in _CHARACTER_SETS else None


def _is_in_its_place(wanted: str, seen: str, beginning: bytes) -> bool:
    """Whether the bytes are a server's word instead of the document."""
    if seen == HTML and _SERVER_PAGE.search(beginning):
        return True
    if seen in (FHIR_JSON, FHIR_XML) and _resource_type(beginning) == _OUTCOME:
        return True
    if seen == FHIR_JSON and wanted in _TEXTS - {PLAIN}:
        return True  # a resource, such as a page of a search
    return wanted in _PAGES and seen in _WORDS


def _seen(beginning: bytes, ending: bytes) -> str | None:
    """The type by the bytes alone; None where they have no mark."""
    marked = next((name for at, mark, name in _MARKS if beginning.startswith(mark, at)), None)
    if marked:
        return marked
    if beginning.startswith(_ZIP_MARK):
        return next((name for entry, name in _ENTRIES if entry in beginning or entry in ending), ZIP)
    if beginning.startswith(_OLE_MARK):
        return next((name for stream, name in _STREAMS if stream in beginning or stream in ending), OLE)
    if beginning.startswith(b"BM") and int.from_bytes(beginning[14:18], "little") in _BMP_HEADERS:
        return "image/bmp"
    text = _narrow(beginning).lstrip(_BLANKS)
    return _marked_text(text) or (PDF if _PDF_MARK.search(beginning[:_PDF_WITHIN]) else _unmarked_text(text))


def _narrow(beginning: bytes) -> bytes:
    """Text of two bytes a character with one for each, as far as marks need it."""
    if beginning[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return beginning.decode("utf-16", "replace").encode("utf-8", "replace")
    return beginning


def _marked_text(text: bytes) -> str | None:
    if text.startswith(b"{\\rtf"):
        return RTF
    if _HL7_MARK.match(text):
        return HL7_V2
    if _MIME_MARK.match(text):
        return "message/rfc822"
    if text.startswith(b"<"):
        return _markup(text)
    if _IS_JSON.match(text):
        return FHIR_JSON if _RESOURCE.search(text) else JSON
    return None


def _unmarked_text(text: bytes) -> str | None:
    return None if _NO_TEXT.search(text) else PLAIN


def _markup(text: bytes) -> str | None:
    element = _root(text)
    if element is None:
        return XML if text[:5].lower() == b"<?xml" else HTML if text[:9].lower() == b"<!doctype" else None
    name, attributes = element
    if name == b"ClinicalDocument":
        return CDA
    if _FHIR_NAMESPACE in attributes:
        return FHIR_XML
    if name == b"svg":
        return "image/svg+xml"
    return HTML if name.lower() in _HTML_ELEMENTS else XML


def _root(text: bytes) -> tuple[bytes, bytes] | None:
    """The name and the attributes of the first element."""
    at = 0
    while before := _NO_ELEMENT.match(text, at):
        at = before.end()
    element = _ELEMENT.match(text, at)
    return (element[1], element[2]) if element else None


def _resource_type(beginning: bytes) -> str | None:
    text = _narrow(beginning).lstrip(_BLANKS)
    if text.startswith(b"<"):
        element = _root(text)
        return element[0].decode("ascii", "replace") if element else None
    found = _RESOURCE.search(text)
    return found[1].decode("ascii", "replace") if found else None
