"""A report's text made readable: 267 TX lines are one report. A derivative; the message stays the record."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from transfer.adapters.hl7v2.content import EmbeddedContent
from transfer.adapters.hl7v2.message import Segment

#: OBX-2 of what is text or can be said in a line; the rest (ED, RP, and addresses of things) is not narrative
_TEXT = frozenset({"TX", "FT", "ST"})
_CODED = frozenset({"CE", "CWE", "CNE", "CF"})
_SHORT = frozenset({"NM", "SN", "IS", "ID", "DT", "TM", "TS", "DTM"})


def part(segments: Sequence[Segment]) -> EmbeddedContent | None:
    """The narrative of one report as one UTF-8 text, None where it has none.

    Results are gathered by what they are (OBX-3) and of which specimen or section (OBX-4), in the order in which each
    first appears; comments (NTE) stay with the result they follow.
    """
    text = "\n\n".join(_sections(segments))
    if not text:
        return None
    encoded = text.encode("utf-8")
    return EmbeddedContent(content_type="text/plain", open=partial(_pieces, encoded), length=len(encoded))


def _pieces(encoded: bytes) -> Iterator[bytes]:
    yield encoded


def _sections(segments: Iterable[Segment]) -> Iterator[str]:
    headings: dict[tuple[str, str], str] = {}
    lines: dict[tuple[str, str], list[str]] = {}
    section = ("", "")
    for segment in segments:
        if segment.name == "OBX":
            section = (segment.text(3) or "", segment.text(4) or "")
            if section not in headings:
                headings[section] = segment.text(3, 2) or segment.text(3, 5) or segment.text(3) or ""
            lines.setdefault(section, []).extend(_lines(segment))
        elif segment.name == "NTE":
            lines.setdefault(section, []).extend(part.plain() or "" for part in segment.repetitions(3))
        elif segment.name == "OBR":
            section = ("", "")
    for key, texts in lines.items():
        if any(texts):
            heading = headings.get(key)
            yield "\n".join([*([heading] if heading else []), *texts])


def _lines(result: Segment) -> Iterator[str]:
    kind, said = result.text(2), result.repetitions(5)
    if kind in _TEXT:
        # an empty TX line is a blank line of the report
        yield from [part.plain() or "" for part in said] or [""]
    elif kind in _CODED:
        yield from (part.text(2) or part.text(9) or part.text(1) or "" for part in said)
    elif kind in _SHORT:
        unit = result.text(6)
        yield from (" ".join(word for word in (part.whole(), unit) if word) for part in said)
