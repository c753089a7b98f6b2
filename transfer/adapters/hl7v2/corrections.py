"""A corrected report held against the report it corrects (v2.9 ch. 2.10.4, snapshot and action).

By snapshot a correction is the whole report again. By action it has only the results that changed; the others stand.
"""

from collections import Counter
from dataclasses import dataclass

from transfer.adapters.hl7v2.message import Message, Segment
from transfer.adapters.hl7v2.reports import orders
from transfer.errors import Unexpected

#: what a result is (OBX-3) and of which part (OBX-4), under its order's filler number (OBR-3)
_Key = tuple[bytes, bytes, str]


def lacks_results(earlier: bytes, correction: bytes) -> bool:
    """Whether a correction has not every result of the orders in it that the earlier message had.

    Raises:
        Unreadable: one of them is no message.
        TooLarge: beyond the bounds of `message`.
    """
    before, now = (_Results.of(Message(payload)) for payload in (earlier, correction))
    there = Counter(block.key for block in now.blocks)
    return any(
        there[key] < count
        for key, count in Counter(block.key for block in before.blocks).items()
        if key[0] in now.fillers
    )


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
    lines = [_raw(segment) for segment in new.segments_in_order if segment not in now.segments]
    for filler in now.fillers:
        at = max(n for n, line in enumerate(lines) if line in now.heads[filler]) + 1
        while at < len(lines) and lines[at].startswith(b"NTE"):
            at += 1
        lines[at:at] = [
            line for block in _merged(before.of_order(filler), now.of_order(filler)) for line in block.lines
        ]
    return b"\r".join(lines) + b"\r"


@dataclass(frozen=True, slots=True)
class _Block:
    """A result and the notes that follow it."""

    key: _Key
    #: OBX-1, by which lines of one key are told apart
    number: bytes
    segments: tuple[Segment, ...]

    @property
    def lines(self) -> list[bytes]:
        return [_raw(segment) for segment in self.segments]


@dataclass(frozen=True, slots=True)
class _Results:
    blocks: tuple[_Block, ...]
    #: filler number → its OBR, as they stand
    heads: dict[bytes, set[bytes]]

    @property
    def fillers(self) -> list[bytes]:
        return list(self.heads)

    @property
    def segments(self) -> set[Segment]:
        return {segment for block in self.blocks for segment in block.segments}

    def of_order(self, filler: bytes) -> list[_Block]:
        return [block for block in self.blocks if block.key[0] == filler]

    @classmethod
    def of(cls, message: Message) -> "_Results":
        blocks: list[_Block] = []
        heads: dict[bytes, set[bytes]] = {}
        for order in orders(message, message.segments_in_order).orders:
            obr = next(iter(order.named("OBR")), None)
            filler = obr.raw(3) if obr is not None else b""
            if obr is not None:
                heads.setdefault(filler, set()).add(_raw(obr))
            run: list[Segment] = []
            for segment in order.segments:
                if segment.name == "OBX":
                    blocks += _block(filler, run)
                    run = [segment]
                elif segment.name == "NTE" and run:
                    run.append(segment)
            blocks += _block(filler, run)
        return cls(tuple(blocks), heads)


def _block(filler: bytes, run: list[Segment]) -> list[_Block]:
    if not run:
        return []
    result = run[0]
    key = (filler, result.part(3).raw(), result.text(4) or "")
    return [_Block(key, result.raw(1), tuple(run))]


def _merged(before: list[_Block], now: list[_Block]) -> list[_Block]:
    """Each result of the correction in place of the one it corrects: of the same number among those of its key, else of
    all of its key.
    """
    merged = list(before)
    for key in dict.fromkeys(block.key for block in now):
        changed = [block for block in now if block.key == key]
        numbers = {block.number for block in merged if block.key == key}
        if numbers and {block.number for block in changed} <= numbers:
            by_number = {block.number: block for block in changed}
            merged = [by_number.get(block.number, block) if block.key == key else block for block in merged]
        else:
            at = next((n for n, block in enumerate(merged) if block.key == key), len(merged))
            kept = [block for block in merged if block.key != key]
            merged = [*kept[:at], *changed, *kept[at:]]
    return merged


def _raw(segment: Segment) -> bytes:
    return segment.message.data[segment.start : segment.end]
