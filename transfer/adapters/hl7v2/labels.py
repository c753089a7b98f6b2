"""Confidentiality as the sender marks it: v3 codes for labels, and the notices that must go with a record."""

import re
from collections.abc import Iterable, Iterator, Sequence

from transfer.adapters.hl7v2.message import Message, Segment

#: v3-ActCode for records under 42 CFR part 2
PART_2 = "42CFRPart2"

_PART_2 = re.compile(r"42\s*C\.?\s*F\.?\s*R\.?\s*,?\s*part\s*2\b", re.IGNORECASE)
#: table 0272 (TXA-18) and 0177 (ORC-28) → v3-Confidentiality, v3-ActCode
_CODES = {
    "U": "N",
    "N": "N",
    "R": "R",
    "V": "V",
    "M": "M",
    "ETH": "ETH",
    "HIV": "HIV",
    "PSY": "PSY",
    "SDV": "SDV",
    "PSYSENS": "PSY",
}
#: where a statement about a record may stand
_STATEMENTS = frozenset({"NTE", "OBX", "CON"})


def labels(segments: Sequence[Segment], common: frozenset[str]) -> frozenset[str]:
    """Labels of one document: what is marked in it, and what its whole message says of every document (`common`)."""
    marked = {_CODES.get(code.upper()) for code in _marks(segments)}
    return frozenset(code for code in marked if code) | common | _part_2(_statements(segments))


def common_labels(said: Iterable[str]) -> frozenset[str]:
    """What the sender's own segments (`notices`) say of every document in their message."""
    return _part_2(said)


def _part_2(texts: Iterable[str]) -> frozenset[str]:
    return frozenset({PART_2}) if any(_PART_2.search(text) for text in texts) else frozenset()


def _marks(segments: Iterable[Segment]) -> Iterator[str]:
    for segment in segments:
        # a TXA written one field too far right (documents._fields_late) has its mark in 19; the codes there differ
        for field in {"TXA": (18, 19), "ORC": (28,)}.get(segment.name, ()):
            yield from (code for part in segment.repetitions(field) if (code := part.text(1)))


def _statements(segments: Iterable[Segment]) -> Iterator[str]:
    for segment in segments:
        is_text = segment.name != "OBX" or segment.text(2) in ("TX", "FT", "ST")
        if segment.name in _STATEMENTS and is_text:
            yield segment.message.text(segment.raw(5 if segment.name == "OBX" else 3))


def notices(message: Message) -> Iterator[str]:
    """What the sender's own segments say, whole: exchanges put the Part 2 notice into one (`ZNT`)."""
    for segment in message.segments_in_order:
        if segment.name.startswith("Z"):
            said = message.text(message.data[segment.start + 4 : segment.end]).strip()
            mark = message.delimiters.field.decode("latin-1")
            yield " ".join(field for field in said.split(mark) if field)
