"""What is sought of marked patients, in every spelling in which it could have been written."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.kit.disk_search import in_base64
from tests.kit.house import Chart, House
from tests.kit.seeds import a_seed
from transfer.sandbox.charts import draw_chart

#: every marked patient's word begins with it, and nothing else in the world does
STEM = "ZQXWJV"

#: what has no room for a word begins alike for every marked patient, so that a few needles find them all
_UID, _UUID, _PHONE = "2.25.271828182845", "5eed5eed-fade-", "1-989-555-"

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


def numbered_alike(chart: dict[str, Any]) -> dict[str, Any]:
    """The chart with UIDs, identifiers and telephones that begin as every marked patient's do."""
    text = re.sub(r"2\.25\.\d{12}", _UID, json.dumps(chart))
    text = re.sub(r"\b[0-9a-f]{8}-[0-9a-f]{4}-(?=4[0-9a-f]{3}-)", _UUID, text)
    alike: dict[str, Any] = json.loads(re.sub(r"\b1-262-555-", _PHONE, text))
    return alike


def a_marked_patient(house: House, letters_of_it: str, **more: object) -> Chart:
    """A patient whose every name, number and free text carries the stem and two letters of their own."""
    chart = numbered_alike(draw_chart(a_seed(), marked=f"{STEM}{letters_of_it}", slices=3)) | more
    for institution in ("oncology", "pathology", "archive"):
        house.order(institution, "patients", chart)
    return chart


def of_charts(charts: Iterable[dict[str, Any]]) -> Sought:
    """Everything that could tell who these patients are: their word, birth dates, telephones, foreign numbers."""
    born = {_birth_date(chart) for chart in charts}
    return Sought.of([STEM]) | Sought.values({_UID, _UUID, _PHONE} | born)


def _birth_date(chart: dict[str, Any]) -> str:
    """Whatever else tells who somebody is carries one of the stems, which is made sure of here."""
    who, imaging, documents = chart["patient"], chart["imaging"], chart["documents"].values()
    assert all(STEM in json.dumps(part) for part in (who, chart["numbers"], chart["pathology"], imaging))
    assert all(uid.startswith(_UID) for uid in (imaging["study_uid"], *(one["uid"] for one in imaging["series"])))
    identifiers = (chart["fhir_id"], *(document[key] for document in documents for key in ("id", "binary")))
    assert all(identifier.startswith(_UUID) for identifier in identifiers)
    assert _PHONE in who["phone"]
    return str(who["birth_date"])


def _percent(word: str) -> bytes:
    return "".join(f"%{byte:02x}" for byte in word.encode()).encode()
