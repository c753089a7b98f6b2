"""Result sheets as blocks: `transfer.adapters.hl7v2` and `transfer.adapters.fhir` read them, here they are set out."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from transfer.adapters.fhir.sheets import result_sheet
from transfer.adapters.fhir.trees import Tree
from transfer.adapters.hl7v2.sheet import Detail, LeftOutReason, ResultSheet, SheetLine, SheetSection
from transfer.adapters.hl7v2.sheet_reading import result_sheets
from transfer.adapters.packet.narrative.blocks import (
    Block,
    Facts,
    FixedWidth,
    ForPrograms,
    Heading,
    Paragraph,
    Remark,
    plain_table,
    unmarked,
)
from transfer.errors import Unreadable

_LEFT_OUT: Final = (
    (LeftOutReason.DELETED, "Left out: {} that the source deleted."),
    (LeftOutReason.WRONG_PATIENT, "Left out: {} that the source posted to the wrong patient."),
)


def message_results(data: bytes, _charset: str | None) -> Iterator[Block]:
    """The result sheet of an HL7 v2 message, patient by patient. Its letters are those that it declares itself.

    Raises:
        Unreadable: it is no HL7 v2 message.
    """
    for sheet in result_sheets(data):
        yield from _sheet(sheet)


def resource_results(tree: Tree) -> Iterator[Block]:
    """The result sheet of a report in FHIR.

    Raises:
        ForPrograms: it is another resource.
    """
    try:
        sheet = result_sheet(tree)
    except Unreadable:
        raise ForPrograms from None
    yield from _sheet(sheet)


def _sheet(sheet: ResultSheet) -> Iterator[Block]:
    yield from _facts(sheet.details)
    if sheet.is_fragment:
        yield Remark("This is a part of a longer message. The rest is in another one.")
    if sheet.is_guessed:
        yield Remark("The letters are not of the character set that the message declares. Some may be wrong.")
    yield from _notes(sheet.notes)
    for section in sheet.sections:
        yield from _sheet_section(section)
    yield from (Paragraph(unmarked(notice)) for notice in sheet.notices)
    for reason, sentence in _LEFT_OUT:
        if count := sheet.count(reason):
            yield Remark(sentence.format("1 result" if count == 1 else f"{count} results"))
    if count := sheet.words_not_shown:
        yield Remark(f"Not shown: codes and handling of the message, {count} words. The file has them.")


def _sheet_section(section: SheetSection) -> Iterator[Block]:
    if section.title:
        yield Heading(unmarked(section.title))
    yield from _facts(section.details)
    yield from _notes(section.notes)
    for run in _runs(_told_apart(section.lines)):
        yield from _values(run) if _is_table(run) else _texts(run)


def _told_apart(lines: Sequence[SheetLine]) -> Iterator[SheetLine]:
    """Values of one name that stand under several sub-ids (OBX-4), as of two specimens, say under which."""
    groups: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        groups[line.name].add(line.group)
    for line in lines:
        is_one_of_several = line.group and not line.is_text and len(groups[line.name]) > 1
        yield replace(line, name=f"{line.name} ({line.group})") if is_one_of_several else line


def _runs(lines: Iterable[SheetLine]) -> Iterator[list[SheetLine]]:
    """Values that stand in one table; lines of one text. A note ends both, so that it stands where it belongs."""
    run: list[SheetLine] = []
    for line in lines:
        if run and not _goes_on(run[-1], line):
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _goes_on(line: SheetLine, further: SheetLine) -> bool:
    if line.notes or line.is_text != further.is_text:
        return False
    is_same = (line.name, line.group) == (further.name, further.group)
    if not line.is_text:
        return not is_same or bool(line.unit or line.range or line.flags)
    return is_same and not _measures(further) and not further.details


def _is_table(run: Sequence[SheetLine]) -> bool:
    return not run[0].is_text


_COLUMNS: Final[tuple[tuple[str, Callable[[SheetLine], str]], ...]] = (
    ("Test", lambda line: line.name),
    ("Value", lambda line: "\n".join(line.value) or line.place),
    ("Unit", lambda line: line.unit),
    ("Range", lambda line: line.range),
    ("Flag", lambda line: ", ".join(line.flags)),
    ("Status", lambda line: line.status),
    ("When", lambda line: line.at),
)


def _values(run: Sequence[SheetLine]) -> Iterator[Block]:
    """A table of what these values say; a column in which nothing would stand is none."""
    columns = [(label, said) for label, said in _COLUMNS if any(said(line) for line in run)]
    rows = ([unmarked(said(line)) for _, said in columns] for line in run)
    yield plain_table([[label for label, _ in columns], *rows])
    yield from _beside(run)


def _texts(run: Sequence[SheetLine]) -> Iterator[Block]:
    first = run[0]
    if first.name:
        yield Heading(unmarked(first.name), 3)
    said = [f"{label}: {text}" for label, text in _measures(first)]
    said += [
        f"Status: {status}" for status in dict.fromkeys(line.status for line in run) if status not in ("", "Final")
    ]
    if said:
        yield Paragraph(" · ".join(said))
    yield from _written(run)
    yield from _beside(run)


def _written(run: Sequence[SheetLine]) -> Iterator[Block]:
    """Its lines in one width: a laboratory writes tables with them."""
    waiting: list[str] = []
    for line in run:
        waiting += [text.expandtabs(8).rstrip() for text in line.value or ("",) if not line.place or text]
        if line.place:
            yield from _fixed(waiting)
            waiting = []
            yield Paragraph(line.place)
    yield from _fixed(waiting)


def _fixed(lines: Sequence[str]) -> Iterator[Block]:
    if any(lines):
        yield FixedWidth("\n".join(map(unmarked, lines)).strip("\n"))


def _measures(line: SheetLine) -> list[tuple[str, str]]:
    """What a value says of itself, where it is too long to stand in a table."""
    said = (("Unit", line.unit), ("Range", line.range), ("Flag", ", ".join(line.flags)))
    return [(label, text) for label, text in said if text]


def _beside(run: Sequence[SheetLine]) -> Iterator[Block]:
    """What is said beside the values: once where it is the same of all."""
    for detail in dict.fromkeys(detail for line in run for detail in line.details):
        about = [line.name for line in run if detail in line.details and line.name]
        of = "" if len(about) == len(run) else f" ({', '.join(dict.fromkeys(about))})"
        yield Paragraph(f"{detail.label}{of}: {detail.text}")
    for line in run:
        yield from _notes(line.notes, about=line.name if len(run) > 1 else "")


def _facts(details: Iterable[Detail]) -> Iterator[Block]:
    if rows := tuple((detail.label, unmarked(detail.text)) for detail in details):
        yield Facts(rows)


def _notes(notes: Iterable[str], about: str = "") -> Iterator[Block]:
    label = f"Note on {about}" if about else "Note"
    yield from (Paragraph(unmarked(f"{label}: {note}")) for note in notes)
