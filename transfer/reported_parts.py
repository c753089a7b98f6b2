"""The parts of a specimen that a pathology report calls malignant, by their letters or numbers.

A report names what was submitted part by part (CAP: "part type"), and says a diagnosis of each: `A. Right breast,
core biopsy: Invasive ductal carcinoma.` What is only suspected, or ruled out, is not called malignant. A report that is
not written so says nothing here.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

#: characters of a report, and parts of it, that are looked at
_MOST: Final = 300_000
_MOST_PARTS: Final = 60
#: characters of a clause; nobody writes a longer one
_MOST_CHARACTERS: Final = 2_000
_DIAGNOSIS: Final = re.compile(
    r"(?:(?:final|pathologic(?:al)?|surgical|anatomic|microscopic|histologic(?:al)?)\s+)*(?:pathologic(?:al)?\s+)?"
    r"diagnos[ie]s\b",
    re.IGNORECASE,
)
#: of another part of the report
_OTHER: Final = re.compile(
    r"(?:gross|macroscopic|microscopic|clinical|intra-?operative|specimens?\b(?!\s*\(?[A-Z1-9]\s*[.):–-])|synoptic|comments?\b|notes?\b|addend"
    r"|ancillary|immuno|electronically|signed|pre-?operative|post-?operative|history|source|material)",
    re.IGNORECASE,
)
_WORD_BEFORE: Final = r"\s*(?:(?i:part|specimen)s?\s+)?(?:#\s*)?"
_LETTER: Final = re.compile(rf"{_WORD_BEFORE}\(?([A-Z])\s*[.):–-]\s*(?=\S)")
_NUMBER: Final = re.compile(rf"{_WORD_BEFORE}\(?([1-9]\d?)\s*[.):–-]\s*(?=\D)")
_MALIGNANT: Final = re.compile(
    r"\b(?:\w*carcinoma|\w*sarcoma|\w*blastoma|\w*lymphoma|melanoma|malignan(?:t|cy)|metastas[ie]s|metastatic"
    r"|leuk(?:a?)emia|myeloma|mesothelioma|seminoma|chordoma|astrocytoma|oligodendroglioma|glioma)\b",
    re.IGNORECASE,
)
#: before the word, in the same clause: it is ruled out, suspected, or was once
_NOT_CALLED: Final = re.compile(
    r"\b(?:no|not|non|negative|without|free|absen(?:ce|t)|benign|rul(?:e|ed|ing) out|r/o|exclud\w*|suspicious|suspected"
    r"|concerning|worrisome|possibl[ey]|probabl[ey]|suggestive|history|h/o|prior|previous|known|versus|vs|against"
    r"|insufficient|nondiagnostic|atypical)\b",
    re.IGNORECASE,
)
#: after it
_RULED_OUT: Final = re.compile(
    r"^[^.;]{0,60}\b(?:not (?:seen|identified|present|found)|is absent|absent|cannot be excluded|ruled out|excluded)\b",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r"[.;,:\n]|\bbut\b", re.IGNORECASE)
#: a line that ends or begins like this is one with its neighbour: text was broken where the line was full
_UNFINISHED: Final = re.compile(
    r"\b(?:no|not|non|without|of|for|from|with|in|on|to|by|and|or|the|an?|is|are|was|were|residual|recurrent|definitive)$",
    re.IGNORECASE,
)
_GOES_ON: Final = re.compile(r"[a-z]|(?:OF|FOR|OR|AND|IS|WAS|NOT)\b")
_NAMED: Final = re.compile(r"([A-Z])\d*|([1-9]\d?)(?:-\d+)?")


def malignant_parts(lines: Iterable[str]) -> tuple[str, ...]:
    """The parts that the report's diagnosis calls malignant, in its order: `("A", "C")`."""
    diagnoses = list(_diagnoses(lines))
    head = _LETTER if any(_LETTER.match(line) for diagnosis in diagnoses for line in diagnosis) else _NUMBER
    said: dict[str, list[str]] = {}
    for diagnosis in diagnoses:
        part: str | None = None
        for line in diagnosis:
            found = head.match(line)
            part = found[1] if found else part
            if part is not None and (part in said or len(said) < _MOST_PARTS):
                said.setdefault(part, []).append(line[found.end() :] if found else line)
    return tuple(part for part, texts in said.items() if _is_called_malignant("\n".join(_unbroken(texts))))


def parts_named(text: str) -> tuple[str, ...]:
    """The parts that labels name, as a person types them: `A1, A2 B` are A and B.

    Raises:
        ValueError: something is no part.
    """
    found: dict[str, None] = {}
    for word in re.split(r"[\s,;]+", text.strip().upper()):
        named = _NAMED.fullmatch(word)
        if word and not named:
            raise ValueError("parts are named like A, B or A1, B2")
        if named:
            found[named[1] or named[2]] = None
    return tuple(found)


def _diagnoses(lines: Iterable[str]) -> Iterator[list[str]]:
    """The lines of each diagnosis, as far as the next section of the report."""
    within: list[str] | None = None
    length = 0
    for line in (line for text in lines for line in text.splitlines()):
        plain = line.strip(" \t*#=_-")
        found = _DIAGNOSIS.match(plain)
        if within is not None and (found or _OTHER.match(plain)):
            yield within
            within = None
        if (length := length + len(line)) > _MOST:
            break
        if found:
            within = [plain[found.end() :].lstrip(" \t:*-")]
        elif within is not None:
            within.append(line)
    if within is not None:
        yield within


def _unbroken(lines: Iterable[str]) -> list[str]:
    """Lines that were broken because they were full, as one: `no evidence of` and `carcinoma`."""
    whole: list[str] = []
    for line in (line.strip() for line in lines):
        if whole and line and (_UNFINISHED.search(whole[-1]) or _GOES_ON.match(line)):
            whole[-1] = f"{whole[-1]} {line}"
        else:
            whole.append(line)
    return whole


def _is_called_malignant(text: str) -> bool:
    clauses = [clause[:_MOST_CHARACTERS] for clause in _CLAUSE.split(text)]
    for number, clause in enumerate(clauses):
        for found in _MALIGNANT.finditer(clause):
            if _NOT_CALLED.search(clause[: found.start()]) or _RULED_OUT.match(clause[found.end() :]):
                continue
            if number and _NOT_CALLED.fullmatch(clauses[number - 1].strip()):
                continue  # `Negative: carcinoma`
            return True
    return False
