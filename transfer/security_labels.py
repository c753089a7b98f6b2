"""Security labels: what a source says of a record's confidentiality and sensitivity, as HL7 codes it in its Healthcare
Privacy and Security Classification System (v3-Confidentiality, v3-ActCode; http://terminology.hl7.org).

A label that we cannot read, because its code is none of these or it is text alone, is `UNREAD`: a person's.
"""

import re
from collections.abc import Iterable, Mapping
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
_MARKUP: Final = re.compile(r"<[^>]{0,400}>|&nbsp;|&#160;|&#xA0;")
#: the regulation, and the statute behind it (42 USC 290dd-2)
_PART_2_TEXT: Final = re.compile(
    r"\b42\s*C\.?\s*F\.?\s*R\.?\s*,?\s*(part|pt\.?|\u00a7{1,2}|sec(tion|\.)?)?\s*(2|II)\b|\bpart\s*2\s+of\s+42\s*C\.?F\.?R"
    r"|\btitle\s+42\b[^.]{0,60}\bregulations\W{1,3}(part|pt\.?)\s*(2|II)\b|\b290dd-[23]\b",
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
    """The label that text names by the law itself: the notice of 42 CFR 2.32 stands in texts."""
    return frozenset({PART_2}) if any(_PART_2_TEXT.search(text) for text in texts if text) else frozenset()


def read_markup(said: str) -> frozenset[str]:
    """The same of a text with markup, or of any text."""
    may_name = "42" in said or "290" in said
    return read_text(_MARKUP.sub(" ", said)) if may_name else frozenset()


def is_unread(labels: Iterable[str]) -> bool:
    """Whether there is a label that only a person can read: also one that was stored when more codes were taken."""
    return not KNOWN_LABELS.issuperset(labels)
