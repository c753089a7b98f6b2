"""A PDF from outside, carried page by page: the same look, without what acts by itself.

qpdf (through pikepdf) copies objects as they are; it draws nothing and decodes no stream of a page. What a viewer would
add to a page is made part of it first: form values, stamps, highlights. Layers that are off stay off. Scripts, actions,
links, attached files and films do not go along; what is attached is handed out, to be shown beside.
"""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import pikepdf

from transfer.adapters.packet.narrative.trees import Element, xml
from transfer.adapters.packet.pdf_forms import is_true, show_values
from transfer.adapters.packet.shown import NotShown
from transfer.errors import Unreadable

#: the header may stand behind this much of something else; viewers look into the first 1,024 bytes, senders need more
_JUNK: Final = 64 << 10
#: files within one that are handed out, and bytes of each before it is unpacked
_MOST_FILES: Final = 40
_LARGEST_FILE: Final = 16 << 20
#: bytes of a page's content, packed, that are looked through, and what it may leave open
_LARGEST_CONTENT: Final = 2 << 20
_MOST_OPEN: Final = 200
_MOST_NOTES: Final = 40
_NAME: Final = 120
#: of a page, what acts or drags along more than the page shows
_NOT_OF_A_PAGE: Final = (
    "/AA",
    "/AF",
    "/PieceInfo",
    "/Thumb",
    "/Metadata",
    "/B",
    "/StructParents",
    "/Tabs",
    "/PresSteps",
    "/Dur",
    "/Trans",
)
#: of an annotation, what acts or leads elsewhere
_NOT_OF_AN_ANNOTATION: Final = (
    "/A",
    "/AA",
    "/PA",
    "/Dest",
    "/FS",
    "/Popup",
    "/Parent",
    "/IRT",
    "/Sound",
    "/Movie",
    "/RichMediaContent",
    "/3DD",
    "/MK",
)
#: never seen on a page
_UNSEEN: Final = frozenset({"/Popup"})
#: without a look of their own, only a viewer that plays them would show them
_PLAYED: Final = frozenset({"/Widget", "/RichMedia", "/Movie", "/Screen", "/Sound", "/3D", "/FileAttachment"})
_HIDDEN: Final = 0b100010  # hidden, no view (ISO 32000-2, table 167)
#: what qpdf says of a file that it had to put together anew
_DAMAGED: Final = re.compile(r"file is damaged|reconstruct|recovering|unexpected EOF|damaged stream", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Attached:
    """A file carried within a PDF; without bytes where they cannot be had."""

    name: str
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Carried:
    pdf: bytes
    pages: int
    attached: tuple[Attached, ...]
    #: what a reader must know beside its pages
    remarks: tuple[str, ...]
    #: values of a form that has no look of its own, by their names
    values: tuple[tuple[str, str], ...]
    is_damaged: bool
    #: its pages only ask for another program
    is_placeholder: bool


def carried(data: bytes, most: int) -> Carried:
    """Its pages, made ready to stand among those of others.

    Raises:
        NotShown: it needs a password, has no pages or more than `most`.
        pikepdf.PdfError: it cannot be opened.
    """
    begin = max(data.find(b"%PDF-", 0, _JUNK), 0)
    try:
        source = pikepdf.open(io.BytesIO(data[begin:]), suppress_warnings=True)
    except pikepdf.PasswordError:
        raise NotShown("password") from None
    with source:
        count = len(source.pages)
        if count > most:
            raise NotShown("too-many-pages")
        attached = attached_files(source)
        if not count and not attached:
            raise NotShown("empty" if "/Pages" in source.Root else "damaged")
        values, is_placeholder = _of_xfa(source)
        notes = list(_notes(source))
        _make_visible(source)
        pdf = _copied(source)
        is_damaged = any(_DAMAGED.search(str(warning)) for warning in source.get_warnings())
        return Carried(
            pdf, count, attached, (*_told(values, attached, source), *notes), values, is_damaged, is_placeholder
        )


def without_pages(data: bytes, withheld: Sequence[int], most: int) -> tuple[int, bytes]:
    """How many pages it has, and all but these of them (counted from 1), with nothing of these: what several pages
    share is cut to what is drawn on those that stay. No bytes: it does not have these, or no page would stay.

    Raises:
        As `carried`.
    """
    all_of_it = carried(data, most)
    staying = [page for page in range(1, all_of_it.pages + 1) if page not in withheld]
    if not staying or not all(1 <= page <= all_of_it.pages for page in withheld):
        return all_of_it.pages, b""
    with pikepdf.open(io.BytesIO(all_of_it.pdf)) as source, pikepdf.new() as target:
        source.remove_unreferenced_resources()
        for page in staying:
            target.pages.append(source.pages[page - 1])
        carry_layers(source, target)
        kept = io.BytesIO()
        target.save(kept, static_id=True)
        return all_of_it.pages, kept.getvalue()


def carry_layers(source: pikepdf.Pdf, target: pikepdf.Pdf) -> None:
    """Which optional content is off in one file is off in the other (ISO 32000-2, section 8.11)."""
    properties = source.Root.get("/OCProperties")
    if not isinstance(properties, pikepdf.Dictionary):
        return
    layers = [one for one in _array(properties.get("/OCGs")) if isinstance(one, pikepdf.Dictionary) and one.is_indirect]
    off = _off(properties, layers)
    if "/OCProperties" not in target.Root:
        target.Root["/OCProperties"] = pikepdf.Dictionary(
            OCGs=pikepdf.Array(), D=pikepdf.Dictionary(OFF=pikepdf.Array())
        )
    kept = target.Root["/OCProperties"]
    for layer in layers:
        copy = target.copy_foreign(layer)
        kept["/OCGs"].append(copy)
        if layer.objgen in off:
            kept["/D"]["/OFF"].append(copy)


def _off(properties: Any, layers: list[Any]) -> set[tuple[int, int]]:
    """The layers that a viewer does not show when the file is opened."""
    config = properties.get("/D")
    config = config if isinstance(config, pikepdf.Dictionary) else pikepdf.Dictionary()
    off = {one.objgen for one in _array(config.get("/OFF")) if isinstance(one, pikepdf.Dictionary)}
    if config.get("/BaseState") == "/OFF":
        on = {one.objgen for one in _array(config.get("/ON")) if isinstance(one, pikepdf.Dictionary)}
        off |= {one.objgen for one in layers} - on
    for usage in _array(config.get("/AS")):
        if isinstance(usage, pikepdf.Dictionary) and usage.get("/Event") == "/View":
            for layer in _array(usage.get("/OCGs")):
                state = _view_state(layer) if "/View" in [str(one) for one in _array(usage.get("/Category"))] else None
                off = off | {layer.objgen} if state == "/OFF" else off - {layer.objgen} if state == "/ON" else off
    return off


def _view_state(layer: Any) -> str | None:
    here = layer
    for name in ("/Usage", "/View", "/ViewState"):
        here = here.get(name) if isinstance(here, pikepdf.Dictionary) else None
    return None if here is None else str(here)


def _array(value: Any) -> list[Any]:
    return list(value) if isinstance(value, pikepdf.Array) else []


# what is seen on its pages


def _make_visible(source: pikepdf.Pdf) -> None:
    """What a viewer draws over a page becomes part of it; what acts goes."""
    off = _layers_off(source)
    for page in source.pages:
        _clean_annotations(page.obj, off)
        if _array(page.obj.get("/Annots")):
            _balance(page)
    show_values(source)
    source.flatten_annotations("screen")
    for page in source.pages:
        _without(page.obj, _NOT_OF_A_PAGE)
        _quieten(page.obj)


def _balance(page: pikepdf.Page) -> None:
    """Close what the page leaves open (`q` without `Q`), so that what is drawn after it stands where it belongs."""
    contents = page.obj.get("/Contents")
    pieces = _array(contents) if isinstance(contents, pikepdf.Array) else [contents]
    streams = [one for one in pieces if isinstance(one, pikepdf.Stream)]
    if sum(int(one.get("/Length", 0)) for one in streams) > _LARGEST_CONTENT:
        return
    with suppress(pikepdf.PdfError):
        operators = [str(one.operator) for one in pikepdf.parse_content_stream(page, "q Q")]
        left = operators.count("q") - operators.count("Q")
        if 0 < left < _MOST_OPEN:
            page.contents_add(b"\n" + b"Q " * left)


def _layers_off(source: pikepdf.Pdf) -> set[tuple[int, int]]:
    properties = source.Root.get("/OCProperties")
    if not isinstance(properties, pikepdf.Dictionary):
        return set()
    return _off(properties, [one for one in _array(properties.get("/OCGs")) if isinstance(one, pikepdf.Dictionary)])


def _clean_annotations(page: Any, off: set[tuple[int, int]]) -> None:
    """Only those that are there and are seen; a reference to nothing costs nothing."""
    if "/Annots" in page:
        page["/Annots"] = pikepdf.Array(one for one in _array(page["/Annots"]) if _is_seen(one, off))


def _is_seen(annotation: Any, off: set[tuple[int, int]]) -> bool:
    if not isinstance(annotation, pikepdf.Dictionary) or "/Rect" not in annotation:
        return False
    flags = annotation.get("/F", 0)
    if str(annotation.get("/Subtype", "")) in _UNSEEN or (isinstance(flags, int) and flags & _HIDDEN):
        return False
    layer = annotation.get("/OC")
    return not (isinstance(layer, pikepdf.Dictionary) and layer.objgen in off)


def _quieten(page: Any) -> None:
    """Annotations that a viewer draws by itself stay, and lead nowhere."""
    kept = [one for one in _array(page.get("/Annots")) if isinstance(one, pikepdf.Dictionary)]
    kept = [one for one in kept if str(one.get("/Subtype", "")) not in _PLAYED]
    for annotation in kept:
        _without(annotation, _NOT_OF_AN_ANNOTATION)
    _without(page, ("/Annots",))
    if kept:
        page["/Annots"] = pikepdf.Array(kept)


def _without(dictionary: Any, names: Iterable[str]) -> None:
    for name in names:
        if name in dictionary:
            del dictionary[name]


def _copied(source: pikepdf.Pdf) -> bytes:
    """Its pages alone in a file of their own: nothing that hangs on the file as a whole goes along, but the layers."""
    target = pikepdf.new()
    target.pages.extend(source.pages)
    carry_layers(source, target)
    kept = io.BytesIO()
    target.save(kept, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none, static_id=True)
    return kept.getvalue()


# what it holds beside its pages


def attached_files(source: pikepdf.Pdf) -> tuple[Attached, ...]:
    """Each file within it, once, as many as are handed out."""
    return tuple(_attached(source))


def _attached(source: pikepdf.Pdf) -> Iterator[Attached]:
    """Files of the whole and of single pages (ISO 32000-2, sections 7.11.4 and 12.5.6.15)."""
    seen: set[tuple[int, int]] = set()
    for name, specification in (*_named_files(source), *_files_on_pages(source)):
        if len(seen) >= _MOST_FILES:
            return
        if not isinstance(specification, pikepdf.Dictionary):
            continue
        stream = _stream(specification)
        key = stream.objgen if stream is not None else (0, len(seen))
        if key not in seen or key == (0, 0):
            seen.add(key)
            yield Attached(_file_name(specification, name), _bytes(stream))


def _named_files(source: pikepdf.Pdf) -> list[tuple[str, Any]]:
    names = source.Root.get("/Names")
    tree = names.get("/EmbeddedFiles") if isinstance(names, pikepdf.Dictionary) else None
    found: list[tuple[str, Any]] = []
    waiting, seen = [tree], 0
    while waiting and seen < 1_000:
        node, seen = waiting.pop(), seen + 1
        if not isinstance(node, pikepdf.Dictionary):
            continue
        leaves = _array(node.get("/Names"))
        found += [(str(key), value) for key, value in zip(leaves[::2], leaves[1::2], strict=False)]
        waiting += reversed(_array(node.get("/Kids")))
    return found


def _files_on_pages(source: pikepdf.Pdf) -> Iterator[tuple[str, Any]]:
    for page in source.pages:
        for annotation in _array(page.obj.get("/Annots")):
            if isinstance(annotation, pikepdf.Dictionary) and annotation.get("/Subtype") == "/FileAttachment":
                yield "", annotation.get("/FS")


def _stream(specification: Any) -> Any:
    embedded = specification.get("/EF")
    if not isinstance(embedded, pikepdf.Dictionary):
        return None
    stream = embedded.get("/UF") or embedded.get("/F")
    return stream if isinstance(stream, pikepdf.Stream) else None


def _file_name(specification: Any, name: str) -> str:
    said = str(specification.get("/UF") or specification.get("/F") or name or "without a name")
    return "".join(c for c in said if c.isprintable())[:_NAME]


def _bytes(stream: Any) -> bytes | None:
    if stream is None or int(stream.get("/Length", 0)) > _LARGEST_FILE:
        return None
    try:
        return bytes(stream.read_bytes())
    except pikepdf.PdfError:
        return None


def _told(values: Any, attached: tuple[Attached, ...], source: pikepdf.Pdf) -> Iterator[str]:
    if values or _xfa(source) is not None:
        yield "This file also holds a form that only Adobe's programs show (XFA)."
    if attached:
        names = ", ".join(f"“{one.name}”" for one in attached)
        yield f"This file holds {len(attached)} attached file{'' if len(attached) == 1 else 's'}: {names}."


def _notes(source: pikepdf.Pdf) -> Iterator[str]:
    """Comments that stand behind a mark on a page."""
    found = 0
    for number, page in enumerate(source.pages, 1):
        for annotation in _array(page.obj.get("/Annots")):
            if not isinstance(annotation, pikepdf.Dictionary) or not _is_seen(annotation, set()):
                continue
            text = annotation.get("/Contents")
            if (
                annotation.get("/Subtype") in ("/Link", "/Widget", "/FreeText", "/FileAttachment")
                or not str(text or "").strip()
            ):
                continue
            found += 1
            if found > _MOST_NOTES:
                yield "There are more comments in the file."
                return
            yield f"A comment on its page {number}: {' '.join(str(text).split())[:1000]}"


def _xfa(source: pikepdf.Pdf) -> Any:
    form = source.Root.get("/AcroForm")
    return form.get("/XFA") if isinstance(form, pikepdf.Dictionary) else None


def _of_xfa(source: pikepdf.Pdf) -> tuple[tuple[tuple[str, str], ...], bool]:
    """The values that an XFA form holds, and whether its pages only stand in for it (XFA 3.3, "datasets")."""
    if (form := _xfa(source)) is None:
        return (), False
    is_placeholder = is_true(source.Root.get("/NeedsRendering"))
    parts = (
        [form] if isinstance(form, pikepdf.Stream) else [one for one in _array(form) if isinstance(one, pikepdf.Stream)]
    )
    for part in parts:
        if is_placeholder and int(part.get("/Length", 0)) <= 1 << 20:
            try:
                root = xml(bytes(part.read_bytes()))
            except (Unreadable, pikepdf.PdfError):
                continue
            data = [one for one in root.within() if one.tag == "data"]
            if data:
                return tuple(_leaves(data[0]))[:400], is_placeholder
    return (), is_placeholder


def _leaves(data: Element) -> Iterator[tuple[str, str]]:
    for one in data.within():
        if not any(True for _ in one.elements()) and one.text:
            yield one.tag, one.text
