"""What is sought of marked patients, in every spelling in which it could have been written."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.journeys.searching import in_base64

#: every marked patient's word begins with it, and nothing else in the world does
STEM = "ZQXWJV"

#: bytes looked at together; what lies across the border of two blocks is in both
BLOCK = 16 << 20


@dataclass(frozen=True, slots=True)
class Sought:
    """Byte strings to look for: `folded` in what was brought to lower case, `exact` in the bytes as they are."""

    folded: frozenset[bytes]
    exact: frozenset[bytes]

    @classmethod
    def of(cls, words: Iterable[str]) -> "Sought":
        """A mark, looked for in each spelling and in capitals, small letters and as a name is written."""
        folded, exact = set[bytes](), set[bytes]()
        for word in words:
            for cased in {word.upper(), word.lower(), word.capitalize()}:
                exact |= in_base64(cased.encode())
                exact |= in_base64(cased.encode("utf-16-le"))
                folded |= {cased.encode().hex().encode(), _percent(cased)}
            small = word.lower()
            folded |= {small.encode(), small.encode("utf-16-le"), small.encode("utf-16-be")}
        return cls(frozenset(folded), frozenset(exact))

    @classmethod
    def values(cls, values: Iterable[str]) -> "Sought":
        """Dates and numbers, which are too many for every spelling: as they are, in hexadecimal, and in base64."""
        given = set(values)
        folded = {each for one in given for each in (one.lower().encode(), one.encode().hex().encode())}
        return cls(frozenset(folded), frozenset(each for one in given for each in in_base64(one.encode())))

    def __or__(self, other: "Sought") -> "Sought":
        return Sought(self.folded | other.folded, self.exact | other.exact)

    @property
    def longest(self) -> int:
        return max(map(len, self.folded | self.exact))

    def within(self, content: bytes) -> set[bytes]:
        """Which of them stand in it."""
        small = content.lower()
        return {one for one in self.folded if one in small} | {one for one in self.exact if one in content}

    def among(self, blocks: Iterable[bytes]) -> set[bytes]:
        """The same for content that comes in blocks."""
        found, tail = set[bytes](), b""
        for block in blocks:
            found |= self.within(tail + block)
            tail = block[-self.longest :]
        return found


def of_charts(charts: Iterable[dict[str, Any]]) -> Sought:
    """Everything that could tell who these patients are: their word, birth dates, telephones, foreign numbers."""
    return Sought.of([STEM]) | Sought.values(value for chart in charts for value in _identifying(chart))


def _identifying(chart: dict[str, Any]) -> Iterator[str]:
    who = chart["patient"]
    yield from (who["birth_date"], who["phone"], chart["fhir_id"], chart["imaging"]["study_uid"])
    yield from (series["uid"] for series in chart["imaging"]["series"])
    yield from (document[key] for document in chart["documents"].values() for key in ("id", "binary"))
    # whatever a chart says that carries the word is found by the word
    assert STEM in json.dumps(chart)


def _percent(word: str) -> bytes:
    return "".join(f"%{byte:02x}" for byte in word.encode()).encode()
