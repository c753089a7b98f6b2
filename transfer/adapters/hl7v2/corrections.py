"""A corrected report held against the report it corrects (v2.9 ch. 2.10.4, snapshot and action).

By snapshot a correction is the whole report again. By action it has only the results that changed; the others stand.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from transfer.adapters.hl7v2.message import Message, Segment
from transfer.adapters.hl7v2.reports import orders
from transfer.adapters.hl7v2.values import moment
from transfer.errors import Unexpected

#: a number and who issues it (OBR-3)
_Filler = tuple[str, str]
#: what a result is (OBX-3) and of which part (OBX-4), under its order's filler number
_Key = tuple[_Filler, tuple[str, str], str]


def lacks_results(earlier: bytes, correction: bytes, *, by_type: bool = False) -> bool:
    """Whether a correction has not every result of the orders in it that the earlier message had. `by_type`: a text in
    place of a file, or a file in place of a text (OBX-2), is another result.

    Raises:
        Unreadable: one of them is no message.
        TooLarge: beyond the bounds of `message`.
    """
    before, now = (_Results.of(Message(payload)) for payload in (earlier, correction))
    had, there = (Counter((one.key, by_type and one.is_file) for one in each.blocks) for each in (before, now))
    return any(there[one] < count for one, count in had.items() if one[0][0] in now.heads)


def is_sent_later(one: bytes, other: bytes, zone: ZoneInfo) -> bool | None:
    """Whether one message was sent after another, by MSH-7, where a time without an offset is the zone's. None: nothing
    tells.

    Raises:
        Unreadable: one of them is no message.
        TooLarge: beyond the bounds of `message`.
    """
    headers = [Message(payload).first("MSH") for payload in (one, other)]
    sent, before = (moment(header.text(7), zone) if header else None for header in headers)
    return None if sent is None or before is None or sent == before else sent > before


def with_corrections(earlier: bytes, correction: bytes) -> bytes:
    """The earlier report with the results of the correction in place of its own: a message, made by us of both.

    Head, patient and orders are the correction's. A result that the earlier one does not have follows the others.

    Raises:
        Unexpected: they are written with other delimiters or in other letters.
        Unreadable, TooLarge: as `lacks_results`.
    """
    old, new = Message(earlier), Message(correction)
    if (old.delimiters, old.codec) != (new.delimiters, new.codec):
        raise Unexpected("a correction in other letters or with other delimiters than what it corrects")
    before, now = _Results.of(old), _Results.of(new)
    stood, changed, results = before.by_order(), now.by_order(), now.segments
    last = {head: filler for filler, heads in now.heads.items() for head in heads[-1:]}
    lines: list[bytes] = []
    due: list[_Block] = []
    for segment in new.segments_in_order:
        if segment in results:
            continue
        if segment.name != "NTE":
            lines += [line for block in due for line in block.lines]
            due = []
        lines.append(_raw(segment))
        if (filler := last.get(segment)) is not None:
            due = _merged(stood.get(filler, []), changed.get(filler, []))
    lines += [line for block in due for line in block.lines]
    return b"\r".join(lines) + b"\r"


@dataclass(frozen=True, slots=True)
class _Block:
    """A result and the notes that follow it."""

    key: _Key
    #: OBX-1, by which lines of one key are told apart
    number: bytes
    segments: tuple[Segment, ...]

    @property
    def is_file(self) -> bool:
        return self.segments[0].text(2) in ("ED", "RP")

    @property
    def lines(self) -> list[bytes]:
        return [_raw(segment) for segment in self.segments]


@dataclass(frozen=True, slots=True)
class _Results:
    blocks: tuple[_Block, ...]
    #: filler number → its OBR
    heads: dict[_Filler, list[Segment]]

    @property
    def segments(self) -> set[Segment]:
        return {segment for block in self.blocks for segment in block.segments}

    def by_order(self) -> dict[_Filler, list[_Block]]:
        found: dict[_Filler, list[_Block]] = defaultdict(list)
        for block in self.blocks:
            found[block.key[0]].append(block)
        return found

    @classmethod
    def of(cls, message: Message) -> "_Results":
        blocks: list[_Block] = []
        heads: dict[_Filler, list[Segment]] = {}
        for order in orders(message, message.segments_in_order).orders:
            obr = next(iter(order.named("OBR")), None)
            filler = _filler(obr)
            if obr is not None:
                heads.setdefault(filler, []).append(obr)
            run: list[Segment] = []
            for segment in order.segments:
                if segment.name == "OBX":
                    blocks += _block(filler, run)
                    run = [segment]
                elif segment.name == "NTE" and run:
                    run.append(segment)
            blocks += _block(filler, run)
        return cls(tuple(blocks), heads)


def _filler(obr: Segment | None) -> _Filler:
    return ((obr.text(3) or "").strip(), (obr.text(3, 2) or "").strip()) if obr is not None else ("", "")


def _code(result: Segment) -> tuple[str, str]:
    """The code and its system. Other words for a code, and components that end it, make no other one; without a code
    the words are what there is.
    """
    said = [(result.text(3, number) or "").strip() for number in (1, 2, 3)]
    return (said[0], said[2]) if said[0] else (said[1], "")


def _block(filler: _Filler, run: list[Segment]) -> list[_Block]:
    if not run:
        return []
    result = run[0]
    key = (filler, _code(result), result.text(4) or "")
    return [_Block(key, result.raw(1), tuple(run))]


def _merged(before: list[_Block], now: list[_Block]) -> list[_Block]:
    """Each result of the correction in place of the one it corrects: of the same number among those of its key, else of
    all of its key. Numbers that are not each one line's tell nothing apart.
    """
    earlier, changed = _by_key(before), _by_key(now)
    by_number = {key: {block.number: block for block in blocks} for key, blocks in changed.items()}
    numbered = {key for key in changed if _is_by_number(earlier.get(key, []), changed[key])}
    merged: list[_Block] = []
    for block in before:
        if block.key not in changed:
            merged.append(block)
        elif block.key in numbered:
            merged.append(by_number[block.key].get(block.number, block))
        elif block is earlier[block.key][0]:
            merged += changed[block.key]
    return merged + [block for key, blocks in changed.items() if key not in earlier for block in blocks]


def _by_key(blocks: Iterable[_Block]) -> dict[_Key, list[_Block]]:
    found: dict[_Key, list[_Block]] = defaultdict(list)
    for block in blocks:
        found[block.key].append(block)
    return found


def _is_by_number(before: list[_Block], now: list[_Block]) -> bool:
    numbers, changed = ({block.number for block in blocks} for blocks in (before, now))
    return len(numbers) == len(before) and len(changed) == len(now) and changed <= numbers


def _raw(segment: Segment) -> bytes:
    return segment.message.data[segment.start : segment.end]
