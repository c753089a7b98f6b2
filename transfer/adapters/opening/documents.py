"""Whether a document can be opened: by its type, with the library of its format.

It runs in the process that `child` is: whatever a parser raises about a file means that it cannot be opened. What is
carried inside (nonXMLBody, attachments of a FHIR resource, an encapsulated document) is opened, too.
"""

import base64
import binascii
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from transfer import media_types
from transfer.adapters.cda import unpacked
from transfer.errors import Unreadable
from transfer.flaws import Flaw

if TYPE_CHECKING:
    from transfer.adapters.packet.pdf_carried import Attached

#: documents within documents
DEPTH: Final = 4
#: frames of one picture, and bytes that all files of an archive unpack to
FRAMES: Final = 500
UNPACKED: Final = 512 << 20
#: text that is nothing but an address: a URL, a share, a path
_ADDRESS: Final = re.compile(
    r"(?:(?:https?|ftp|file|sftp|smb)://|\\\\[\w.-]+\\|[A-Za-z]:\\)[^\s<>]{1,2000}|/?(?:[\w.-]+/)+[\w.-]+\.\w{2,5}"
)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\s]{40,}={0,2}\s*")
#: roots of XML by which servers say that they failed: SOAP, Amazon S3, and their like
_ERRORS: Final = frozenset(
    {"Fault", "Error", "error", "Errors", "errors", "ErrorResponse", "Exception", "ServiceExceptionReport"}
)
#: types that a page can be put into by its bytes alone: no letter a program of ours would miss
_TYPES_OF_TEXT: Final = frozenset({"text/plain", "text/csv", "text/markdown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """How deep a document lies in others, who looks at each of them for the patient that it names, and who is told of
    each file that is attached to one, and of a form in it that is filled in and refuses a release.
    """

    depth: int = 0
    look: Callable[[bytes], None] = lambda _: None
    tell_attached: Callable[[str, set[Flaw]], None] = lambda _, __: None
    tell_refused: Callable[[], None] = lambda: None

    def deeper(self) -> "Within":
        return replace(self, depth=self.depth + 1)


_ALONE: Final = Within()


def flaws(content_type: str, data: bytes, within: Within = _ALONE) -> set[Flaw]:
    """What keeps the document from being read.

    Raises:
        Exception: whatever a library raises about a file that it cannot open.
    """
    if within.depth > DEPTH:
        return {Flaw.UNREADABLE}
    within.look(data)
    ends = data[: media_types.LOOKED_AT], data[-media_types.LOOKED_AT :]
    judged = media_types.judged(content_type, *ends, len(data))
    if judged.flaws:
        return {_finer(flaw, content_type, data) for flaw in judged.flaws}
    opened = _OPENERS.get(judged.content_type)
    if opened is None:
        return {Flaw.UNREADABLE}
    return opened(data, within)


def _finer(flaw: Flaw, content_type: str, data: bytes) -> Flaw:
    """A file of pages that stands there in base64 is no other document in its place."""
    wanted = media_types.named(content_type)
    if flaw in (Flaw.UNEXPECTED, Flaw.MISLABELLED) and _BASE64.fullmatch(data[:65536]):
        beginning = base64.b64decode(re.sub(rb"\s", b"", data[:4096])[:1024])
        if media_types.judged(wanted, beginning, b"", len(data)).content_type == wanted:
            return Flaw.UNDECODABLE
    return flaw


# --- text -------------------------------------------------------------------------------------------------------------


def _text(data: bytes, _within: Within) -> set[Flaw]:
    return _said(decoded(data))


def _said(text: str) -> set[Flaw]:
    text = text.strip("\0 \t\r\n\x0b\x0c\x1c\ufeff")
    if not text:
        return {Flaw.EMPTY}
    return {Flaw.POINTER} if _ADDRESS.fullmatch(text) else _instead(text)


def _instead(text: str) -> set[Flaw]:
    from transfer.adapters.opening import stand_ins

    found = stand_ins.said_instead(text)
    return {found} if found else set()


def _message(data: bytes, _within: Within) -> set[Flaw]:
    """What people read of it: its sheet of results, where a file that it carries stands as a sentence."""
    from transfer.adapters.hl7v2.sheet_reading import result_sheets
    from transfer.adapters.opening import stand_ins

    sections = [section for sheet in result_sheets(data) for section in sheet.sections]
    lines = [line for section in sections for line in section.lines]
    if stand_ins.has_finding(text for line in lines if not line.is_text for text in line.value):
        return set()
    said = [text for line in lines for text in (*line.value, line.place, *line.notes)]
    return _said("\n".join([*said, *(note for section in sections for note in section.notes)])) if sections else set()


def decoded(data: bytes) -> str:
    """Text in the encoding that its first bytes tell, else UTF-8, else Windows-1252."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _html(data: bytes, _within: Within) -> set[Flaw]:
    from lxml import html

    root = html.document_fromstring(data)
    for one in list(root.iter("script", "style", "head")):
        one.drop_tree()
    if next(root.iter("img", "svg", "object", "embed"), None) is not None:
        return set()
    text = "\n".join(root.itertext())
    return _instead(text) if text.strip() else {Flaw.EMPTY}


def _rtf(data: bytes, _within: Within) -> set[Flaw]:
    from striprtf.striprtf import rtf_to_text

    if not data.rstrip(b"\0 \t\r\n\x1a").endswith(b"}"):
        return {Flaw.CUT}
    if b"\\pict" in data or b"\\objdata" in data:
        return set()
    text: str = rtf_to_text(data.decode("cp1252", "replace"), errors="replace")
    return _instead(text) if text.strip() else {Flaw.EMPTY}


# --- pages ------------------------------------------------------------------------------------------------------------


def _pdf(data: bytes, within: Within) -> set[Flaw]:
    """Every page with its content: qpdf mends what is broken, and what it cannot mend is missed here.

    What is attached (ISO 32000-2, 7.11.4; a portfolio, PDF/A-3) is opened, too. What is wrong with that is told by its
    name: the pages can be read all the same.
    """
    import pikepdf

    from transfer.adapters.opening import heard
    from transfer.adapters.packet.pdf_carried import attached_files

    is_ended = b"%%EOF" in data.rstrip(b"\0 \t\r\n\x1a")[-1024:]
    try:
        with pikepdf.open(io.BytesIO(data), suppress_warnings=True) as pdf:
            count = len(pdf.pages)
            if not count:
                return {Flaw.NO_PAGES if is_ended else Flaw.CUT}
            said = pdf.Root.Pages.get("/Count")
            if not is_ended and (pdf.get_warnings() or said != count):
                return {Flaw.CUT}
            attached = attached_files(pdf)
            if heard.in_fields(pdf):
                within.tell_refused()
            _open_attached(attached, within)
            wrong = _pages(pdf) or _unseen(pdf, data)
            return wrong - {Flaw.EMPTY} if attached else wrong
    except pikepdf.PasswordError:
        return {Flaw.PASSWORD}
    except pikepdf.PdfError:
        return {Flaw.UNREADABLE if is_ended else Flaw.CUT}


def _open_attached(attached: "Iterable[Attached]", within: Within) -> None:
    for one in attached:
        try:
            wrong = {Flaw.UNREADABLE} if one.data is None else flaws("", one.data, within.deeper())
        except Exception:  # noqa: BLE001  # whatever a hostile file does to a parser costs that file alone
            wrong = {Flaw.UNREADABLE}
        within.tell_attached(one.name, wrong)


def _pages(pdf: Any) -> set[Flaw]:
    """A page of which nothing is drawn is a page; a document of such pages alone is empty."""
    is_blank = True
    for page in pdf.pages:
        contents = page.obj.get("/Contents")
        streams = list(contents) if contents is not None and contents._type_name == "array" else [contents]
        drawn = [stream.read_bytes().strip() for stream in streams if stream is not None]
        is_blank = is_blank and not any(drawn) and not len(page.obj.get("/Annots", []))
    return {Flaw.EMPTY} if is_blank else set()


def _unseen(pdf: Any, data: bytes) -> set[Flaw]:
    """Pages that are no longer what their maker put there: a form that Adobe's programs alone draw (ISO 32000-1, 7.7.2:
    NeedsRendering), a scan that stops before its end, and pages on which nothing shows. What people filled in may show
    in other programs than ours.
    """
    from transfer.adapters.opening import pdf_pictures, pdf_seen

    form = pdf.Root.get("/AcroForm", {})
    if "/XFA" in form and bool(pdf.Root.get("/NeedsRendering", False)):
        return {Flaw.UNREADABLE}
    if pdf_pictures.has_cut(pdf):
        return {Flaw.CUT}
    return {Flaw.EMPTY} if not len(form.get("/Fields", [])) and pdf_seen.is_blank(data) else set()


def _picture(data: bytes, _within: Within) -> set[Flaw]:
    """Every frame with its pixels, as far as frames are looked at. One that is of one colour is empty."""
    from PIL import Image, UnidentifiedImageError

    from transfer.adapters.opening import tiff

    if tiff.is_cut(data):
        return {Flaw.CUT}
    is_blank = True
    try:
        with Image.open(io.BytesIO(data)) as picture:
            frames = getattr(picture, "n_frames", 1)
            is_blank = is_blank and frames <= FRAMES
            for number in range(min(frames, FRAMES)):
                picture.seek(number)
                picture.load()
                is_blank = is_blank and _is_of_one_colour(picture)
    except UnidentifiedImageError:
        return {Flaw.UNREADABLE}
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return {Flaw.UNREADABLE}
    except (OSError, EOFError, SyntaxError) as error:
        is_cut = isinstance(error, EOFError) or "truncated" in str(error)
        return {Flaw.CUT if is_cut else Flaw.UNREADABLE}
    return {Flaw.EMPTY} if is_blank else set()


def _is_of_one_colour(picture: Any) -> bool:
    bands = picture.getextrema()
    return all(least == most for least, most in (bands if isinstance(bands[0], tuple) else [bands]))


def _docx(data: bytes, _within: Within) -> set[Flaw]:
    from docx import Document as Word

    if flaw := _archive(data):
        return {flaw}
    document = Word(io.BytesIO(data))
    body = document.element.body
    if next(body.iter("{*}blip", "{*}imagedata", "{*}OLEObject"), None) is not None:
        return set()  # pictures in the line and beside it, and files
    if not "".join(body.itertext()).strip():
        return {Flaw.EMPTY}
    return _instead("\n".join("".join(word.text or "" for word in one.iter("{*}t")) for one in body.iter("{*}p")))


def _archive(data: bytes) -> Flaw | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if any(entry.flag_bits & 1 for entry in entries):
                return Flaw.PASSWORD
            if sum(entry.file_size for entry in entries) > UNPACKED:
                return Flaw.UNREADABLE
            return Flaw.UNREADABLE if archive.testzip() else None
    except zipfile.BadZipFile:
        return Flaw.CUT


def _ole(data: bytes, _within: Within) -> set[Flaw]:
    """Office before 2007, which nothing here opens; or a newer file that opens by a password (MS-OFFCRYPTO)."""
    return {Flaw.PASSWORD if "EncryptedPackage".encode("utf-16-le") in data else Flaw.UNREADABLE}


def _dicom(data: bytes, within: Within) -> set[Flaw]:
    return of_dicom(data, data[-64:], len(data), within)


def of_dicom(beginning: bytes, end: bytes, length: int, within: Within = _ALONE) -> set[Flaw]:
    """What is wrong with a DICOM file, and with the document that it may hold.

    Raises:
        Exception: whatever a library raises about a file that it cannot open.
    """
    from transfer.adapters.opening import dicom

    return dicom.flaws(beginning, end, length, lambda kind, data: flaws(kind, data, within.deeper()))


# --- markup and resources ---------------------------------------------------------------------------------------------


def _xml(data: bytes, within: Within) -> set[Flaw]:
    from lxml import etree

    from transfer.adapters.packet.narrative import trees

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        root = etree.fromstring(trees.trimmed(data), parser)
    except etree.XMLSyntaxError:
        return {Flaw.UNREADABLE if data.rstrip(b"\0 \t\r\n").endswith(b">") else Flaw.CUT}
    try:
        trees.check(data)  # what our pages refuse, people are asked about
    except Unreadable:
        return {Flaw.UNREADABLE}
    name = etree.QName(root).localname
    if name == "ClinicalDocument":
        return _clinical_document(root, within)
    if root.tag.startswith("{http://hl7.org/fhir}"):
        return _fhir({"resourceType": name} | _tree(root), within) or _unread(media_types.FHIR_XML, data)
    if name in _ERRORS or (name == "Envelope" and root.find(".//{*}Fault") is not None):
        return {Flaw.UNEXPECTED}
    if text := "\n".join(root.itertext()).strip():
        return _instead(text)
    return {Flaw.FOR_PROGRAMS if any(one.attrib for one in root.iter("*")) else Flaw.EMPTY}


def _unread(kind: str, data: bytes) -> set[Flaw]:
    """Of a resource that has nothing for people: our pages find nothing either. Of results, that none is there."""
    from transfer.adapters.fhir.sheets import resource_tree
    from transfer.adapters.opening import stand_ins
    from transfer.adapters.packet import narrative
    from transfer.adapters.packet.narrative import fhir_documents

    try:
        narrative.blocks(kind, data)
    except narrative.ForPrograms:
        return {Flaw.FOR_PROGRAMS}
    is_json = kind == media_types.FHIR_JSON
    tree = resource_tree(data) if is_json else fhir_documents.xml_tree(data)
    texts = fhir_documents.texts_of_others(tree) if is_json else fhir_documents.texts_in_xml(data, tree)
    if fhir_documents.is_document(tree) or any(narrative.lines(texts)) or any(fhir_documents.files_within(tree)):
        return set()  # its pages have more than results
    instead = stand_ins.of_results(tree)
    return {instead} if instead else set()


def _clinical_document(root: Any, within: Within) -> set[Flaw]:
    """HL7 CDA R2, 4.2.1: the body is structured, or one document that is not XML, within or elsewhere."""
    space = root.tag.removesuffix("ClinicalDocument")
    other = root.find(f"./{space}component/{space}nonXMLBody/{space}text")
    if other is None:
        sections = [*root.iterfind(f"./{space}component/{space}structuredBody//{space}text")]
        text = "\n".join("".join(one.itertext()) for one in sections)
        if not text.strip():
            return set() if any(map(len, sections)) else {Flaw.EMPTY}
        return set() if root.find(f".//{space}observationMedia") is not None else _instead(text)
    text = "".join(other.xpath("text()")).strip()
    if not text:
        is_elsewhere = other.find(f"./{space}reference") is not None
        return {Flaw.POINTER if is_elsewhere else Flaw.EMPTY}
    kind = other.get("mediaType", "text/plain")
    if other.get("representation") != "B64":
        return flaws(kind, text.encode(), within.deeper())
    return _encoded(kind, text, within, compression=other.get("compression"))


def _encoded(kind: str, text: str, within: Within, *, compression: str | None = None) -> set[Flaw]:
    plain = re.sub(r"\s", "", text)
    try:
        data = unpacked(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True), compression)
    except (binascii.Error, ValueError, zlib.error):
        return {Flaw.UNDECODABLE}
    return flaws(kind, data, within.deeper())


def _json(data: bytes, within: Within) -> set[Flaw]:
    import json

    try:
        tree = json.loads(data)
    except ValueError:
        return {Flaw.UNREADABLE if data.rstrip(b"\0 \t\r\n").endswith((b"}", b"]")) else Flaw.CUT}
    if not (isinstance(tree, dict) and "resourceType" in tree):
        return {Flaw.FOR_PROGRAMS}
    return _fhir(tree, within) or _unread(media_types.FHIR_JSON, data)


def _tree(element: Any) -> Any:
    """A FHIR resource in XML with as much of the shape it has in JSON as finds what it carries."""
    if (value := element.get("value")) is not None:
        return value
    found: dict[str, Any] = {}
    for one in element.iterchildren("{*}*"):
        name = one.tag.rpartition("}")[2]
        found[name] = [*found.get(name, []), _tree(one)]
    return found


def _fhir(resource: Mapping[str, Any], within: Within) -> set[Flaw]:
    """All that it carries in base64 (Attachment.data, Binary.data). One that carries nothing points elsewhere."""
    carried, pointed, waiting = list[tuple[str, str]](), False, list[Any]([resource])
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, Mapping):
            data, url = _one(one.get("data")), _one(one.get("url"))
            if "contentType" in one and isinstance(data, str):
                carried.append((str(_one(one["contentType"])), data))
            elif "contentType" in one and isinstance(url, str):
                pointed = True
            waiting += one.values()
    if (
        pointed
        and not carried
        and isinstance(resource, Mapping)
        and resource.get("resourceType") == "DocumentReference"
    ):
        return {Flaw.POINTER}
    return set[Flaw]().union(*(_encoded(kind, data, within) for kind, data in carried))


def _one(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


_OPENERS: Final[Mapping[str, Callable[[bytes, Within], set[Flaw]]]] = MappingProxyType(
    {
        **dict.fromkeys(_TYPES_OF_TEXT, _text),
        media_types.HL7_V2: _message,
        media_types.HTML: _html,
        media_types.RTF: _rtf,
        media_types.PDF: _pdf,
        media_types.DOCX: _docx,
        media_types.OLE: _ole,
        "application/msword": _ole,
        "application/vnd.ms-excel": _ole,
        "application/vnd.ms-powerpoint": _ole,
        media_types.DICOM: _dicom,
        **dict.fromkeys((media_types.XML, "text/xml", media_types.CDA, media_types.FHIR_XML), _xml),
        **dict.fromkeys(("application/hl7-sda+xml", "image/svg+xml"), _xml),
        **dict.fromkeys((media_types.JSON, media_types.FHIR_JSON, "application/dicom+json"), _json),
        **dict.fromkeys(("image/jpeg", "image/png", "image/tiff", "image/gif", "image/bmp"), _picture),
        **dict.fromkeys(("image/webp", "image/jp2"), _picture),
    }
)
