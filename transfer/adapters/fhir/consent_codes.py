"""Codes in a Consent, and what of it only a person can read.

A code counts with its system; an action's, a resource type's and a policy's also without. Noted is a code that we do
not know, words without a code, and words that say more than their code: no rule could keep them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from transfer.adapters.fhir.times import instant, local_day
from transfer.adapters.fhir.trees import Tree, child, children, text, texts
from transfer.permissions import Finding
from transfer.permissions.descriptions import words

#: words by which a display says less than its code, or the contrary of it
_NARROWING: Final = frozenset(
    {
        "only",
        "except",
        "excepting",
        "excluding",
        "excludes",
        "excluded",
        "unless",
        "limited",
        "but",
        "not",
        "no",
        "none",
    }
    | {"never", "without", "refusal", "refuse", "refused", "refuses", "decline", "declined", "deny", "denied", "denial"}
    | {"prohibited", "revoked", "revocation", "withdrawn", "withdrawal", "suspended", "expired", "verbal", "verbally"}
    | {"oral", "orally", "telephone", "nicht", "kein", "keine", "ohne", "sin", "excepto", "sans", "sauf", "pas"}
)
_MARKUP: Final = re.compile(r"<[^>]{0,400}>")
_SENTENCE_ENDS: Final = re.compile(r"[.;!?\n\r]+\s*")
#: of a narrative
_LEAVES_OUT: Final = re.compile(
    r"\b(not|never|n['’]t)\b.{0,40}\b(permit|allow|releas|disclos|shar|authori[sz]|consent|agree|send|includ)"
    r"|\b(except|excluding|excludes?|excluded|only|refus\w*|declin\w*|withdr[ae]w\w*|revoked|rescinded)\b"
    r"|\bopt\w*[- ]out\b|\b(withh[eo]ld\w*|omit\w*|minus|save for|other than|apart from|nothing)\b"
    r"|\b(limited|restricted) to\b"
    r"|\b(not|no(?! (charge|fee|cost))|but|without)\b.{0,30}\b(hiv|aids|psych|mental"
    r"|substance|alcohol|drug|genetic|sexual|std|abortion|reproduct"
    r"|imag(es|ing)|addict)"
    r"|\b(cancell?ed|superseded|void(ed)?|terminated|suspended|expired)\b|^\W{0,6}draft\W{0,6}$|\bobject(s|ed)? to\b"
    r"|\b(one[- ]time|single[- ]use)\b|(^|[:?\]])\W{0,6}(x\W{1,6})?no\W{0,6}$"
    # German, Spanish, French
    r"|\b(nicht|kein\w*|nur|ohne|excepto|salvo|no autorizo|no permito|sauf|sans|seulement)\b",
    re.IGNORECASE,
)
#: what standard forms say of all that they name, and what leaves nothing out
_NO_LIMIT: Final = re.compile(r"\b(but )?(not|without)( being)? (limited|limitation)( to)?\b", re.IGNORECASE)
#: what is struck out, and a language in which nobody here looks for a no
_STRUCK: Final = re.compile(
    r"<(s|del|strike)\b|line-through|^\s*<div[^>]{0,400}\blang\s*=\s*[\"'](?!en\b|[\"'])", re.IGNORECASE
)
_OF_RIGHTS: Final = re.compile(
    r"\b((?<!\d )may(?!\s{0,3}\d)|can|could|might|must|shall|rights?|until|unless|if|understand|upon"
    r"|redisclos\w*|condition\w*)\b",
    re.IGNORECASE,
)
#: words of a name that tell nobody from others
_GENERIC: Final = frozenset(
    {"patient", "subject", "self", "mr", "mrs", "ms", "mrn", "name", "the", "of", "and", "for", "at", "to", "my", "our"}
    | {"organization", "provider", "recipient", "receiver", "receiving", "sender", "sending", "referring", "requesting"}
    | {"treating", "disclosing", "discloser", "custodian", "party", "second", "opinion", "doctor", "dr", "physician"}
    | {"oncologist", "pathologist", "radiologist", "surgeon", "hospital", "clinic", "center", "centre", "institute"}
    | {"medical", "health", "healthcare", "care", "practice", "office", "department", "records", "system", "group"}
    | {"associates", "services", "network", "university", "community", "regional", "cancer", "oncology", "hematology"}
    | {"pathology", "radiology", "imaging", "surgery", "laboratory", "lab", "inc", "llc", "pc", "pllc", "ltd", "corp"}
)
ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


@dataclass(slots=True)
class Doubts:
    """What of a form only a person can read, noted while it is read."""

    findings: set[Finding] = field(default_factory=set)
    #: of kinds of records, and mapped to none
    codes: set[str] = field(default_factory=set)

    def note(self, finding: Finding) -> None:
        self.findings.add(finding)


def concept_codings(concepts: Iterable[Tree], doubts: Doubts) -> Iterator[Tree]:
    """The codings of CodeableConcepts. Noted: a concept without any, and a text that is not one of them."""
    for concept in concepts:
        found = children(concept, "coding")
        known = [words(text(coding, name)) for coding in found for name in ("display", "code")]
        if not found or (text(concept, "text") is not None and words(text(concept, "text")) not in known):
            doubts.note(Finding.WORDS_SAY_MORE)
        yield from coded(found, doubts)


def narrows(named: Tree, name: str = "") -> bool:
    """Whether the display of a coding or a reference says less than the code or the number beside it. What stands in
    the name that is known of it says nothing: "Example Pathology Limited".
    """
    return bool(_NARROWING.intersection(words(text(named, "display"))).difference(words(name)))


def narrative_narrows(div: str) -> bool:
    """Whether a sentence of a narrative refuses something, or leaves something out, and tells of no right. A narrative
    is no part of what is meant where it is generated (https://hl7.org/fhir/R4/narrative.html), but it says what the
    patient was shown.
    """
    said = [_NO_LIMIT.sub(" ", one) for one in _SENTENCE_ENDS.split(narrated(div))]
    return bool(_STRUCK.search(div)) or any(_LEAVES_OUT.search(one) and not _OF_RIGHTS.search(one) for one in said)


def narrated(div: str) -> str:
    """The words of a narrative, each element on a line."""
    return _MARKUP.sub("\n", div)


def is_of_another(reference: Tree, names: Iterable[str]) -> bool:
    """Whether the display of a reference has no word of the names that are known of what it refers to. Numbers do not
    count, nor words that tell nobody from others; a display of these alone says nothing.
    """
    said = _long(text(reference, "display"))
    known = {word for name in names for word in _long(name)}
    return bool(said and known) and said.isdisjoint(known)


def names_said(patient: Tree) -> list[str]:
    """Every name that a Patient resource has, in words."""
    return [
        each
        for name in children(patient, "name")
        for each in (text(name, "text") or "", text(name, "family") or "", *texts(name, "given"))
    ]


def is_over(number: Tree) -> bool:
    """Whether a number counts no more."""
    return text(number, "use") == "old" or text(number, "period", "end") is not None


def contradicts(beside: Tree, numbers: Iterable[Tree]) -> bool:
    """Whether the number beside a reference is none of those in the resource behind it, by who gave it."""
    same = {text(each, "value") for each in numbers if text(each, "system") == text(beside, "system")}
    return bool(same and beside) and text(beside, "value") not in same


def names_another(coding: Tree, own: Iterable[str], stems: Iterable[tuple[str, str]]) -> bool:
    """Whether the display of a coding has the stem of another code's name, and not its own. `stems` are of codes, `own`
    the codes that it stands for.
    """
    own = {*own}
    said = (text(coding, "display") or "").casefold()
    found = {code for code, stem in stems if stem in said}
    return bool(found) and found.isdisjoint(own)


def _long(said: str | None) -> set[str]:
    return {word for word in words(said) if len(word) > 1 and word.isalpha()} - _GENERIC


def coded(codings: Iterable[Tree], doubts: Doubts) -> Iterator[Tree]:
    """Those with a code. Noted: one without, and a display that narrows what its code says."""
    for coding in codings:
        if narrows(coding):
            doubts.note(Finding.WORDS_SAY_MORE)
        if text(coding, "code"):
            yield coding
        else:
            doubts.note(Finding.WORDS_SAY_MORE if text(coding, "display") else Finding.CODE_UNKNOWN)


def day(tree: Tree, name: str, zone: ZoneInfo, doubts: Doubts, *, end: bool = False) -> date | None:
    """The day of a date or date-time in `zone`. Noted: what stands there and is none."""
    found = local_day(text(tree, name), zone, end=end)
    if found is None and (name in tree or f"_{name}" in tree):
        doubts.note(Finding.DATE_UNREADABLE)
    return found


def period(tree: Tree, zone: ZoneInfo, doubts: Doubts, *, whole: bool) -> tuple[date | None, date | None]:
    """First and last day of a Period (https://hl7.org/fhir/R4/datatypes.html#Period).

    `whole`: a day counts only where all of it lies within, as for a permit. Otherwise any hour of it is enough. Noted:
    an end before the start, where that is no permit. A permit in no time permits nothing; a refusal meant something.
    """
    first, last = day(tree, "start", zone, doubts), day(tree, "end", zone, doubts, end=True)
    if not whole and first and last and last < first:
        doubts.note(Finding.DATE_UNREADABLE)
    if whole and first and _hour(tree, "start", zone) > time():
        first += timedelta(days=1)
    if whole and last and time() < _hour(tree, "end", zone) < time(23, 59):
        last -= timedelta(days=1)
    return first, last


def _hour(tree: Tree, name: str, zone: ZoneInfo) -> time:
    """The time of day, midnight where none is said."""
    exact = instant(text(tree, name), zone)
    return exact.astimezone(zone).time() if exact else time()


def has_code(tree: Tree, name: str, *codes: str) -> bool:
    """Whether one of the codings in an array of `meta` has one of these codes."""
    return any(text(coding, "code") in codes for coding in children(child(tree, "meta"), name))
