"""A message read into the sheet that people read. The one reader of its segments; whoever draws, draws this."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from transfer import media_types
from transfer.adapters.hl7v2 import statuses, wording
from transfer.adapters.hl7v2.attachments import Attachment, Pointer, attachments, text_of
from transfer.adapters.hl7v2.labels import notices
from transfer.adapters.hl7v2.markup import without_markup
from transfer.adapters.hl7v2.message import Message, Segment
from transfer.adapters.hl7v2.reports import DELETED, WRONG_PATIENT, Report, orders, state, written
from transfer.adapters.hl7v2.sheet import Detail, LeftOut, LeftOutReason, ResultSheet, SheetLine, SheetSection
from transfer.adapters.hl7v2.sheet_fields import (
    OF_DOCUMENT,
    OF_ORDER,
    OF_PATIENT,
    OF_RESULT,
    OF_SPECIMEN,
    SheetFields,
    details,
    others,
    unsaid,
    words_of,
)
from transfer.flaws import Flaw

_TAKEN_BACK: Final = {DELETED: LeftOutReason.DELETED, WRONG_PATIENT: LeftOutReason.WRONG_PATIENT}
#: a text of one line that is no longer stands in a table, if it has a unit, a range or a flag
LONGEST_VALUE: Final = 60
#: the fields of OBX that each line shows in a place of its own
_IN_LINE: Final = (3, 5, 6, 7, 8, 11, 14)
#: a sentence's approximation rather than the mark of a repetition: `margin ~5 mm`
_ABOUT: Final = re.compile(r"\d")
_BROKEN: Final = {
    Flaw.CUT: "it stops before its end",
    Flaw.EMPTY: "nothing is in it",
    Flaw.UNDECODABLE: "it cannot be decoded",
    Flaw.MISLABELLED: "it is not what it is said to be",
    Flaw.UNEXPECTED: "something else is in its place",
}


def result_sheets(payload: bytes) -> list[ResultSheet]:
    """What a message of results or documents says, patient by patient, in the order in which it says it.

    Every word of its OBX, NTE and TXA stands on a sheet, or among what is left out with the reason. Reading never
    raises for what is in it, except for bounds. Times are those of the source, in its own zone.

    Raises:
        Unreadable: not an HL7 v2 message, or a batch of them.
        TooLarge: beyond the bounds of `message`.
    """
    message = Message(payload)
    documents = written(message)
    of_documents = {segment for one in documents for segment in one.segments}
    before = [segment for segment in message.segments_in_order if segment not in of_documents]
    found = orders(message, before)
    sheets: dict[Segment | None, _Sheet] = {patient: _Sheet(message, patient) for patient in found.patients}
    for patient, note in found.notes:
        sheets.setdefault(patient, _Sheet(message, patient)).note(note)
    for report in (*found.orders, *documents):
        sheets.setdefault(report.patient, _Sheet(message, report.patient)).section(report)
    return [sheet.read() for sheet in sheets.values()] or [_Sheet(message, None).read()]


class _Sheet:
    """The sheet of one patient so far."""

    def __init__(self, message: Message, patient: Segment | None) -> None:
        self._message, self._patient = message, patient
        self._notes: list[str] = []
        self._sections: list[SheetSection] = []
        self._left_out: list[LeftOut] = []
        self._said: set[Segment] = set()

    def note(self, note: Segment) -> None:
        self._notes += _note(note)
        self._left_out += _unsaid_note(note)

    def section(self, report: Report) -> None:
        """What several orders share, such as the specimen's own results, stands with the first."""
        segments = [segment for segment in report.segments if segment not in self._said]
        self._said.update(segments)
        section = _Section(Report(report.patient, tuple(segments)))
        self._sections.append(section.read())
        self._left_out += section.left_out

    def read(self) -> ResultSheet:
        return ResultSheet(
            details=tuple(_header(self._message, self._patient)),
            notes=tuple(self._notes),
            sections=tuple(self._sections),
            notices=tuple(notices(self._message)),
            left_out=tuple(self._left_out),
            is_guessed=self._message.charset_disagrees,
            is_fragment=self._message.is_fragment,
        )


def _header(message: Message, patient: Segment | None) -> Iterator[Detail]:
    if patient is not None:
        yield from details(patient, OF_PATIENT)
    msh = message.segments_in_order[0]
    facility = [text for number in (4, 3) if (text := msh.text(number))]
    if facility:
        yield Detail("Sent by", ", ".join(facility))
    if sent := wording.time(msh.text(7)):
        yield Detail("Sent", sent)


class _Section:
    """One order or document so far."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._inside: dict[Segment, list[Attachment]] = {}
        self._going_on: set[Segment] = set()
        for one in attachments(report.standing):
            self._inside.setdefault(one.results[0], []).append(one)
            self._going_on.update(one.results[1:])
        order = next((segment for segment in report.segments if segment.name in ("OBR", "TXA")), None)
        self._order = order
        self._taken_back: LeftOutReason | None = None
        self._notes: list[str] = []
        self._lines: list[SheetLine] = []
        self._notes_of_lines: list[list[str]] = []
        self.left_out: list[LeftOut] = []

    def read(self) -> SheetSection:
        for segment in self._report.segments:
            if segment.name == "OBX":
                self._result(segment)
            elif segment.name == "NTE":
                self._note(segment)
            elif segment.name == "TXA":
                self.left_out += _unsaid_document(segment)
            elif segment.name == "ADD":  # the rest of another message's last field
                self._notes += [text for part in segment.repetitions(1) if (text := part.plain())]
        pairs = zip(self._lines, self._notes_of_lines, strict=True)
        lines = [replace(line, notes=tuple(notes)) for line, notes in pairs]
        return SheetSection(
            title=_title(self._order), details=tuple(self._details()), notes=tuple(self._notes), lines=tuple(lines)
        )

    def _details(self) -> Iterator[Detail]:
        if self._order is not None and self._order.name == "OBR":
            yield from details(self._order, OF_ORDER)
            if said := wording.in_words(self._order.text(25), wording.REPORT_STATES):
                yield Detail("Status", said)
        for txa in self._report.named("TXA"):
            late = statuses.fields_late(txa)
            if txa is not self._order and (title := words_of(txa, 25 + late)):
                yield Detail("Title", title)
            yield from details(txa, _document_fields(late))
            if said := wording.in_words(txa.text(17 + late), wording.DOCUMENT_STATES):
                yield Detail("Status", said)
        for specimen in self._report.named("SPM"):
            yield from details(specimen, OF_SPECIMEN)

    def _note(self, note: Segment) -> None:
        if self._taken_back:
            self.left_out.append(LeftOut(self._taken_back, _place(note), words_of(note, 3)))
            self.left_out += others(note, (3,))
            return
        notes = self._notes_of_lines[-1] if self._notes_of_lines else self._notes
        notes += _note(note)
        self.left_out += _unsaid_note(note)

    def _result(self, result: Segment) -> None:
        self._taken_back = _TAKEN_BACK.get(state(result))
        if self._taken_back:
            words = " ".join(words_of(result, number) for number in range(1, result.count() + 1))
            self.left_out.append(LeftOut(self._taken_back, _place(result), words))
            return
        self.left_out += others(result, (*_IN_LINE, *OF_RESULT))
        self.left_out += unsaid(result, OF_RESULT)
        self.left_out += _unsaid_line(result, is_attached=result in self._inside or result in self._going_on)
        if result in self._going_on:
            return
        inside: Sequence[Attachment | None] = self._inside.get(result) or [None]
        for attached in inside:
            self._lines.append(_line(result, self._order, attached))
            self._notes_of_lines.append([])


def _title(order: Segment | None) -> str:
    if order is None:
        return ""
    if order.name == "OBR":
        return wording.label(order.part(4))
    late = statuses.fields_late(order)
    return words_of(order, 25 + late) or wording.label(order.part(2))


def _document_fields(late: int) -> SheetFields:
    return {number + late if number >= 12 else number: shown for number, shown in OF_DOCUMENT.items()}


def _line(result: Segment, order: Segment | None, attached: Attachment | None) -> SheetLine:
    kind = (result.text(2) or "").upper()
    value, place = _value(result, kind), ""
    if attached is not None:
        value, place = _attached(result, attached)
    unit = wording.label(result.part(6))
    span = " ".join(text for part in result.repetitions(7) if (text := part.whole()))
    flags = tuple(text for part in result.repetitions(8) if (text := wording.flag(part)))
    is_measured = bool(unit or span or flags)
    is_short = len(value) <= 1 and all(len(line) <= LONGEST_VALUE for line in value)
    return SheetLine(
        name=wording.label(result.part(3)),
        group=result.text(4) or "",
        value=value,
        place=place,
        unit=unit,
        range=span,
        flags=flags,
        status=wording.in_words(result.text(11), wording.RESULT_STATES),
        at=wording.time(result.text(14) or (order.text(7) if order is not None and order.name == "OBR" else None)),
        details=tuple(details(result, OF_RESULT)),
        is_text=attached is not None or not is_short or (kind in ("TX", "FT") and not is_measured),
    )


def _value(result: Segment, kind: str) -> tuple[str, ...]:
    """OBX-5 in lines. An empty line of a text is one, too."""
    said: list[str] = []
    before = b""
    for part in result.repetitions(5):
        text = wording.value(part, kind)
        if kind in ("TX", "FT", "ST") and before.endswith(b" ") and _ABOUT.match(text):
            said[-1] += f" ~{text}"
        else:
            said.append(text)
        before = part.raw()
    return tuple(line for text in said for line in text.split("\n"))


def _attached(result: Segment, attached: Attachment) -> tuple[tuple[str, ...], str]:
    """The text of an attached text, or the sentence that stands for a file or an address."""
    content = attached.content
    if isinstance(content, Pointer):
        return (), f"(kept by its source, not sent: {content.address})"
    broken = "; ".join(_BROKEN[flaw] for flaw in sorted(content.flaws) if flaw in _BROKEN)
    if content.content_type == media_types.PLAIN:
        lines = tuple(text_of(content, result.message).rstrip().split("\n"))
        return lines, f"(the text above: {broken})" if broken else ""
    return (), f"(an attached file, {content.content_type}: {broken or 'it is beside this message'})"


def _note(note: Segment) -> list[str]:
    """NTE-3, after what kind of note it is (NTE-4)."""
    kind = wording.label(note.part(4))
    said = [without_markup(text) for part in note.repetitions(3) if (text := part.plain())]
    return [f"{kind}: {said[0]}", *said[1:]] if kind and said else said or ([kind] if kind else [])


def _unsaid_note(note: Segment) -> list[LeftOut]:
    return others(note, (3, 4)) + _codes(note, 4)


def _unsaid_document(txa: Segment) -> list[LeftOut]:
    late = statuses.fields_late(txa)
    fields = _document_fields(late)
    shown = (17 + late, 25 + late, *fields)
    return [*others(txa, shown), *unsaid(txa, fields), *_codes(txa, 2), *_letters(txa, 17 + late)]


def _unsaid_line(result: Segment, *, is_attached: bool) -> list[LeftOut]:
    """Codes of the name, the value, the unit; of what is attached, all but the name."""
    found = [*_codes(result, 3), *_codes(result, 6), *_codes(result, 8), *_letters(result, 11)]
    found += _beyond_first(result, 14)
    if is_attached:
        return [*found, LeftOut(LeftOutReason.ATTACHED, _place(result), "")]
    components = wording.shown((result.text(2) or "").upper())
    words = [wording.unsaid(part, components, "") for part in result.repetitions(5)]
    return found + [LeftOut(LeftOutReason.CODE, "OBX-5", each) for each in words if each]


def _codes(segment: Segment, number: int) -> list[LeftOut]:
    """What of a coded field is not its label. Of what repeats, the first is shown, and of flags (OBX-8) all."""
    found = []
    for at, part in enumerate(segment.repetitions(number)):
        label = wording.label(part) if at == 0 or (segment.name, number) == ("OBX", 8) else ""
        components = (part.component(each) for each in range(1, part.count() + 1))
        if words := " ".join(word for word in components if word and word != label):
            found.append(LeftOut(LeftOutReason.CODE, f"{segment.name}-{number}", words))
    return found


def _beyond_first(segment: Segment, number: int) -> list[LeftOut]:
    """Of a field that should say one time, what it says further."""
    said, first = words_of(segment, number), segment.text(number)
    is_all = said == (first or "")
    return [] if is_all else [LeftOut(LeftOutReason.ADMINISTRATION, f"{segment.name}-{number}", said)]


def _letters(segment: Segment, number: int) -> list[LeftOut]:
    """A code that stands on the sheet in the words of its table."""
    words = words_of(segment, number)
    return [LeftOut(LeftOutReason.CODE, f"{segment.name}-{number}", words)] if words else []


def _place(segment: Segment) -> str:
    return f"{segment.name} {segment.text(1) or segment.start}"
