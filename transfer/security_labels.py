"""Security labels: what a source says of a record's confidentiality and sensitivity, as HL7 codes it in its Healthcare
Privacy and Security Classification System (v3-Confidentiality, v3-ActCode; http://terminology.hl7.org).

A label that we cannot read, because its code is none of these or it is text alone, is `UNREAD`: a person's.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

#: v3-Confidentiality
CONFIDENTIALITY: Final = frozenset({"U", "L", "M", "N", "R", "V"})
#: what any basis releases
ORDINARY: Final = "N"
#: v3-ActCode: sensitivities, and laws and policies by name. DS4P and state law know them
SENSITIVITY: Final = frozenset(
    {"SUD", "ETH", "ETHUD", "OPIOIDUD", "42CFRPart2", "PSYTHPN", "HIPAAPsyNotes", "BH", "MH", "PSY", "COGN", "DVD"}
    | {"EMOTDIS", "HIV", "STD", "SEX", "SEXREPROD", "GDIS", "SCA", "SICKLE", "SDV", "VIO", "TBOO", "MST"}
    | {"CEL", "EMP", "DIA", "ADOL"}
)
#: v3-ActCode: what is to be done with a record, or not done without the patient's directive
_HANDLING: Final = frozenset(
    {"CPLYCD", "MINEC", "PERSISTLABEL", "ENCRYPT", "AUDIT", "REDACT", "MASK", "DELAU", "NOREUSE", "NORELINK", "HTEST"}
    | {"NOAUTH", "NODSCLCDS", "NORDSCLCD"}
)
#: what treatment alone never releases, in any state: 42 CFR Part 2, psychotherapy notes (45 CFR 164.508(a)(2)), what is
#: very restricted, and what its source releases only under the patient's directive
FEDERALLY_PROTECTED: Final = frozenset(
    {"SUD", "ETH", "ETHUD", "OPIOIDUD", "42CFRPart2", "PSYTHPN", "HIPAAPsyNotes", "V"}
    | {"NOAUTH", "NODSCLCDS", "NORDSCLCD"}
)
KNOWN_LABELS: Final = CONFIDENTIALITY | SENSITIVITY | _HANDLING
#: a label stands there, and says to us only that there is one
UNREAD: Final = "UNREAD"
PART_2: Final = "42CFRPart2"

#: degrees that restrict nothing, and words that say no more than these
_UNRESTRICTING: Final = frozenset({"U", "L", "M", "N"})
_NO_MORE: Final = frozenset(
    {"unrestricted", "low", "moderate", "normal", "ordinary", "usual", "routine", "standard", "general", "public"}
    | {"confidentiality", "control", "level", "code", "u", "l", "m", "n"}
)
_WORD: Final = re.compile(r"\w+")

#: the code systems of these codes, as FHIR R4, DSTU2, CDA and HL7 v2 name them
_SYSTEMS: Final = re.compile(
    r"https?://(terminology\.hl7\.org/CodeSystem/v3-|hl7\.org/fhir/(v3/)?)(Confidentiality|ActCode)/?"
    r"|(urn:oid:)?2\.16\.840\.1\.113883\.5\.(25|4)",
    re.IGNORECASE,
)
#: words that make a label of what stands in no place for labels
_SENSITIVE: Final = re.compile(
    r"\bhiv\b|sensitiv|confidential|restricted|psychiatr|psychother|mental health|substance (use|abuse)|42 ?cfr",
    re.IGNORECASE,
)
#: what ends a sentence as a full stop does
_BLOCKS: Final = re.compile(
    r"</?(?:\w{1,20}:)?(?:p|td|th|tr|li|item|paragraph|title|caption|div|list|table|section|h[1-6])\b[^<>]{0,400}>",
    re.IGNORECASE,
)
_MARKUP: Final = re.compile(r"(?:<[^<>]{0,400}>|&nbsp;|&#160;|&#xA0;)+")
#: the regulation, and the statute behind it (42 USC 290dd-2)
_PART_2_TEXT: Final = re.compile(
    r"\b42\s*C\.?\s*F\.?\s*R\.?\s*,?\s*(part|pt\.?|\u00a7{1,2}|sec(tion|\.)?)?\s*(2|II)\b|\bpart\s*2\s+of\s+42\s*C\.?F\.?R"
    r"|\btitle\s+42\b[^.]{0,60}\bregulations\W{1,3}(part|pt\.?)\s*(2|II)\b|\b290dd-[23]\b",
    re.IGNORECASE,
)
#: characters before and after the law's name in which its sentence is looked for
_NEAR: Final = 400
#: characters of the law's name, with "title 42 of the Code of Federal Regulations" in it
_LONGEST_NAME: Final = 200
#: of one text, what tells of a case: a foot of each page. Whatever has more of them is labelled
_MOST_PERHAPS: Final = 2000
#: `C.F.R.` and `N.Y.` end none
_SENTENCE_ENDS: Final = re.compile(
    r"(?<![\s.][A-Za-z])[.!?][\"')\u2019]{0,3}\s+(?=\W{0,2}([A-Z\d]|$))|;\s|\n[ \t\r]*\n|[\u2022\f]"
)
#: a few words, and what a sentence about records speaks of: "may contain calculi" is none
_SOME: Final = r"([\w/'’()-]+\s+){0,8}?"
_LISTED: Final = r"([\w/'’()-]+,?\s+){0,8}?"
_OF_RECORDS: Final = (
    r"(information|records?|data|contents?|documents?|documentation|materials?|communication|messages?|fax|reports?|files?"
    r"|charts?|notes?|disclosures?|health|mental|substance|alcohol|drug|hiv|sensitive|phi)\b"
)
_IF: Final = (
    r"\b(if|whether|where|when|to the extent( that)?|in the event( that)?)\s+"
    rf"{_SOME}(this|these|it|any|{_OF_RECORDS})\s+"
    rf"{_SOME}(contain|includ|involv|relat|pertain|concern|consist"
    r"|(is|are|was|were) (also )?(related|protect|subject|cover|govern|from))"
)
_NOT_SAID_SINCE: Final = r"(?!.*\b(this|these)\s+(\w+\s+){0,3}(is|are|has been|have been|was|were)\b)"
#: of a case that may be, or that is not
_PERHAPS_BEFORE: Final = re.compile(
    rf"\b(may|might|can|could)\s+(also\s+|further\s+)?((contain|include|involve|reveal)\s+({_LISTED}{_OF_RECORDS}|$)|fall\b"
    r"|(be|have been)\s+(\w+\s+)?(protect|subject|cover|govern|regulat|restrict|confidential|privileged"
    rf"|disclosed (to you )?from)){_NOT_SAID_SINCE}|{_IF}{_NOT_SAID_SINCE}"
    r"|^\W*any\s+((?!disclos|use|redisclos|re-disclos|further)\w+\s+){0,4}(information|records?|data|content|documents?)\b"
    rf"|(\b(not|never)\s+((contain|include|involve)\s+({_LISTED}{_OF_RECORDS}|$)"
    r"|(subject to|covered by|protected by|governed by)\b|an?\s*$)"
    rf"|\bexclud(es|ing)\s+({_LISTED}{_OF_RECORDS}|$))(?!.*\b(but|and|however|except|unless|without)\b)",
    re.IGNORECASE | re.DOTALL,
)
_PERHAPS_AFTER: Final = re.compile(
    r"\b((if|where|when|as)\s+(applicable|any|present|contained|included)\b"
    r"|(may|might|can|could)\s+(also\s+)?(apply|be\s+(included|contained|present|applicable|in)\b))"
    rf"|\b(apply|applies)\s+(only\s+)?(?={_IF})|\b(does|do|did)\s+not\s+apply\b|^\W*{_IF}",
    re.IGNORECASE,
)


def read_label(system: str | None, code: str | None, text: str | None, table: Mapping[str, str]) -> frozenset[str]:
    """One label as it was sent. `table` is the institution's own: `system|code`, or `|text`, → a known label.

    A code of a system that is not HL7's means what HL7's does only where that is sensitive: an `N` of theirs may stand
    for anything. Text counts where there is no code, where it names 42 CFR Part 2, and beside a degree that restricts
    nothing, where it says more than that.
    """
    for own in (f"{system or ''}|{code or ''}", f"|{text or ''}"):
        if own != "|" and own in table:
            return frozenset({table[own]})
    if code is None:
        return read_text(text) or frozenset({UNREAD})
    is_ours = is_label_system(system)
    label = code if code in (KNOWN_LABELS if is_ours else SENSITIVITY | {"R", "V"}) else UNREAD
    return read_beside(frozenset({label}), text)


def read_beside(labels: frozenset[str], text: str | None) -> frozenset[str]:
    """These labels with what the text beside them says: the law by its name. Where nothing in them restricts and the
    text says more than that, it is a person's.
    """
    named = read_text(text)
    words = {word.lower() for word in _WORD.findall(text or "")}
    is_more = not named and labels and labels <= _UNRESTRICTING and not words <= _NO_MORE
    return labels | named | (frozenset({UNREAD}) if is_more else frozenset())


def is_label_system(system: str | None) -> bool:
    """Whether it is HL7's system of these codes, by one of its names, of whatever version (`|2.0.0`)."""
    return bool(_SYSTEMS.fullmatch((system or "").partition("|")[0]))


def is_label_aside(system: str | None, code: str | None, text: str | None) -> bool:
    """Whether a coding that stands in no place for labels, as among tags, is one all the same: by HL7's system, or by
    words that a person reads.
    """
    said = [each for each in (code, text) if each]
    return (is_label_system(system) and code in KNOWN_LABELS) or any(_SENSITIVE.search(each) for each in said)


def restricts(system: str | None, code: str | None) -> bool:
    """Whether a coding restricts by HL7's own codes, wherever it stands."""
    return is_label_system(system) and code in SENSITIVITY | {"R", "V"}


def read_text(*texts: str | None) -> frozenset[str]:
    """The label that text names by the law itself: the notice of 42 CFR 2.32 stands in texts.

    A sentence that tells of a case is no label: "may contain information protected by 42 CFR Part 2" stands at the foot
    of every document of some institutions, whatever is in it.
    """
    laws = [LawInText() for _ in texts]
    for law, text in zip(laws, texts, strict=True):
        law.read(text or "", is_end=True)
    return frozenset[str]().union(*(law.labels for law in laws))


def read_markup(said: str) -> frozenset[str]:
    """The same of a text with markup, or of any text."""
    may_name = "42" in said or "290" in said
    return read_text(without_markup(said)) if may_name else frozenset()


def without_markup(said: str) -> str:
    """A text with a blank for each tag of it, and an empty line for one by which another paragraph begins."""
    return _MARKUP.sub(" ", _BLOCKS.sub("\n\n", said))


class LawInText:
    """Looks for the law's name in a text that comes in pieces, each sentence with what stands before and after it."""

    def __init__(self) -> None:
        self._text = ""
        self._judged = self._perhaps = 0
        self.labels: frozenset[str] = frozenset()

    def read(self, text: str, *, is_end: bool) -> None:
        """`text` follows on what came before, without markup. Once it is found nothing more is looked for."""
        if self.labels:
            return
        self._text += text
        # The law's name is in what is looked at behind it.
        until = len(self._text) if is_end else max(self._judged, len(self._text) - _LONGEST_NAME - _NEAR)
        for found in _named_in(self._text):
            if self._judged <= found.start() < until:
                self._perhaps += 1
                if _is_said(found) or self._perhaps > _MOST_PERHAPS:
                    self.labels = frozenset({PART_2})
                    return
        begin = max(0, until - _NEAR)
        self._text, self._judged = self._text[begin:], until - begin


def _named_in(text: str) -> Iterator[re.Match[str]]:
    return _PART_2_TEXT.finditer(text) if "42" in text or "290" in text else iter(())


def _is_said(found: re.Match[str]) -> bool:
    """Whether the sentence that names it says so of what it stands on."""
    text, begin, end = found.string, max(0, found.start() - _NEAR), found.end() + _NEAR
    for ended in _SENTENCE_ENDS.finditer(text, begin, found.start()):
        begin = ended.end()
    ended_by = _SENTENCE_ENDS.search(text, found.end(), end)
    after = text[found.end() : ended_by.start() if ended_by else end]
    return not (_PERHAPS_BEFORE.search(text[begin : found.start()]) or _PERHAPS_AFTER.search(after))


def is_unread(labels: Iterable[str]) -> bool:
    """Whether there is a label that only a person can read: also one that was stored when more codes were taken."""
    return not KNOWN_LABELS.issuperset(labels)
