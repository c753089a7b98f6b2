"""What a person typed into a PDF's form, made visible (ISO 32000-2, section 12.7).

A field shows its appearance stream. Where it has none, where that is blank, or where the form asks for new ones
(`NeedAppearances`), a viewer draws the value; here one is drawn by us, in a face that has its letters.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pikepdf

from transfer.adapters.packet.pdf_text import TEXT, Pages, drawable

_MULTILINE: Final = 1 << 12
_PASSWORD: Final = 1 << 13
_COMB: Final = 1 << 24
_PUSH: Final = 1 << 16
#: fields that are drawn, letters of each, bytes of an appearance that is looked into
_MOST: Final = 3_000
_LETTERS: Final = 8_000
_SMALL: Final = 64 << 10
_PARENTS: Final = 32
_MADE: Final = datetime(2000, 1, 1, tzinfo=UTC)
#: size of letters in points, before they are made to fit
_LARGEST: Final = 1_000.0
_SIZE: Final = re.compile(rb"([\d.]+)\s+Tf")
_COLOUR: Final = re.compile(rb"((?:[\d.]+\s+){1,4})(g|rg|k)\b")
_DRAWS_TEXT: Final = re.compile(rb"T[jJ]\b|['\"]\s")


@dataclass(frozen=True, slots=True)
class _Field:
    widget: Any
    kind: str
    flags: int
    text: str
    width: float
    height: float


def show_values(source: pikepdf.Pdf) -> None:
    """Give each filled field an appearance that shows its value. Twice does no more than once."""
    form = source.Root.get("/AcroForm")
    if not isinstance(form, pikepdf.Dictionary):
        return
    asks = is_true(form.get("/NeedAppearances"))
    fields = [field for n, field in enumerate(_fields(source)) if n < _MOST and _lacks(field, asks=asks)]
    if fields:
        _draw(source, form, fields)
    form["/NeedAppearances"] = False


def is_true(value: Any) -> bool:
    return value is True


def _fields(source: pikepdf.Pdf) -> Iterator[_Field]:
    for page in source.pages:
        annotations = page.obj.get("/Annots")
        for widget in annotations if isinstance(annotations, pikepdf.Array) else ():
            is_field = isinstance(widget, pikepdf.Dictionary) and widget.get("/Subtype") == "/Widget"
            if is_field and (field := _field(widget)):
                yield field


def _field(widget: Any) -> _Field | None:
    kind = str(_inherited(widget, "/FT") or "")
    flags = _whole(_inherited(widget, "/Ff"))
    if kind == "/Btn":
        text = _state(widget, flags)
    elif kind in ("/Tx", "/Ch"):
        text = _value(widget, kind)[:_LETTERS]
        text = "*" * len(text) if kind == "/Tx" and flags & _PASSWORD else text
    else:
        return None
    try:
        left, low, right, high = (float(one) for one in widget["/Rect"])
    except (KeyError, TypeError, ValueError):
        return None
    size = abs(right - left), abs(high - low)
    return _Field(widget, kind, flags, text, *size) if text.strip() and min(size) > 1 else None


def _inherited(widget: Any, name: str) -> Any:
    here = widget
    for _ in range(_PARENTS):
        if name in here:
            return here[name]
        here = here.get("/Parent")
        if not isinstance(here, pikepdf.Dictionary):
            return None
    return None


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int) else 0


def _value(widget: Any, kind: str) -> str:
    value = _inherited(widget, "/V")
    chosen = [value] if not isinstance(value, pikepdf.Array) else list(value)
    said = [_said(one) for one in chosen]
    if kind == "/Ch":
        options = _inherited(widget, "/Opt")
        names = {
            _said(one[0]): _said(one[1])
            for one in (options if isinstance(options, pikepdf.Array) else ())
            if isinstance(one, pikepdf.Array) and len(one) > 1
        }
        said = [names.get(one, one) for one in said]
    return "\n".join(one.replace("\r\n", "\n").replace("\r", "\n") for one in said if one)


def _said(value: Any) -> str:
    if isinstance(value, pikepdf.Stream):
        return bytes(value.read_bytes()).decode("utf-8", "replace") if _is_small(value) else ""
    if isinstance(value, pikepdf.Name):
        return str(value)[1:]
    return str(value) if isinstance(value, pikepdf.String | str) else ""


def _state(widget: Any, flags: int) -> str:
    """A cross for a box that is ticked."""
    if flags & _PUSH:
        return ""
    state = widget.get("/AS") or _inherited(widget, "/V")
    return "" if state is None or str(state) in ("/Off", "Off", "") else "X"


def _lacks(field: _Field, *, asks: bool) -> bool:
    """Whether nothing shows this value."""
    appearances = field.widget.get("/AP")
    normal = appearances.get("/N") if isinstance(appearances, pikepdf.Dictionary) else None
    if field.kind == "/Btn":
        if isinstance(normal, pikepdf.Stream):
            return False
        if not isinstance(normal, pikepdf.Dictionary):
            return True
        value = str(_inherited(field.widget, "/V") or "")
        if "/AS" not in field.widget and value in normal:
            field.widget["/AS"] = pikepdf.Name(value)
        return False
    if not isinstance(normal, pikepdf.Stream):
        return True
    return asks or (_is_small(normal) and not _DRAWS_TEXT.search(normal.read_bytes()) and not _draws_another(normal))


def _draws_another(stream: Any) -> bool:
    resources = stream.get("/Resources")
    return isinstance(resources, pikepdf.Dictionary) and "/XObject" in resources


def _is_small(stream: Any) -> bool:
    return _whole(stream.get("/Length")) <= _SMALL


def _draw(source: pikepdf.Pdf, form: Any, fields: list[_Field]) -> None:
    """All of them as pages of one small PDF, whose pages then are the appearances."""
    drawn = Pages(created_at=_MADE, footer="", size=(fields[0].width, fields[0].height), margin=0)
    drawn.set_auto_page_break(False)  # as fpdf2 declares it
    for n, field in enumerate(fields):
        if n:
            drawn.add_page(format=(field.width, field.height))
        _write(drawn, field, _look(field, form))
    with pikepdf.open(io.BytesIO(drawn.finished())) as made:
        for field, page in zip(fields, made.pages, strict=True):
            shown = source.copy_foreign(made.make_indirect(page.as_form_xobject()))
            shown["/BBox"] = pikepdf.Array([0, 0, field.width, field.height])
            field.widget["/AP"] = pikepdf.Dictionary(N=shown)
            if "/AS" in field.widget:
                del field.widget["/AS"]


def _look(field: _Field, form: Any) -> bytes:
    said = _inherited(field.widget, "/DA") or form.get("/DA")
    return bytes(said) if isinstance(said, pikepdf.String) else str(said or "").encode("latin-1", "replace")


def _write(pages: Pages, field: _Field, look: bytes) -> None:
    found = _SIZE.search(look)
    size = min(_number(found[1]), _LARGEST) if found else 0.0
    pages.set_text_color(*_colour(look))
    text = drawable(field.text)
    is_multiline = field.kind == "/Tx" and bool(field.flags & _MULTILINE)
    most = _whole(_inherited(field.widget, "/MaxLen"))
    if field.kind == "/Tx" and field.flags & _COMB and most:
        _comb(pages, text, field, most, min(size or 12.0, field.height * 0.8))
        return
    size, lines = _fitted(pages, text, field, size, is_multiline=is_multiline)
    align = {1: "C", 2: "R"}.get(_whole(_inherited(field.widget, "/Q")), "C" if field.kind == "/Btn" else "L")
    height = size * 1.15
    top = 2.0 if is_multiline or len(lines) > 1 else max((field.height - height) / 2, 0)
    for n, line in enumerate(lines):
        pages.set_xy(2, top + n * height)
        pages.line_of(line, max(field.width - 4, 1), height, align)


def _number(written: bytes) -> float:
    """Nought where it is none, as of a size that is left to the viewer."""
    try:
        return float(written)
    except ValueError:
        return 0.0


def _fitted(pages: Pages, text: str, field: _Field, size: float, *, is_multiline: bool) -> tuple[float, list[str]]:
    """The size that is asked for; where it is left to the viewer, or too large to show all, one that fits."""
    room = max(field.width - 4, 1)
    size = size or (12.0 if is_multiline else min(max(field.height * 0.68, 4.0), 12.0))
    while True:
        pages.face(TEXT, size)
        lines = pages.lines_of(text, room) if is_multiline else text.split("\n")
        fits = len(lines) * size * 1.15 <= field.height + 1 and all(pages.width_of(line) <= room for line in lines)
        if fits or size <= 4:
            return size, lines
        size = max(size * 0.92, 4.0)


def _comb(pages: Pages, text: str, field: _Field, most: int, size: float) -> None:
    pages.face(TEXT, size)
    step = field.width / most
    for n, letter in enumerate(text[:most]):
        pages.set_xy(n * step, max((field.height - size * 1.15) / 2, 0))
        pages.line_of(letter, step, size * 1.15, "C")


def _colour(look: bytes) -> tuple[int, int, int]:
    found = _COLOUR.search(look)
    if not found:
        return 0, 0, 0
    parts = [min(_number(one), 1.0) for one in found[1].split()]
    if found[2] == b"g" and len(parts) == 1:
        parts *= 3
    elif found[2] == b"k" and len(parts) == 4:
        parts = [(1 - one) * (1 - parts[3]) for one in parts[:3]]
    if len(parts) != 3:
        return 0, 0, 0
    red, green, blue = (round(one * 255) for one in parts)
    return red, green, blue
