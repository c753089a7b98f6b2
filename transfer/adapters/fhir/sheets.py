"""Results in FHIR as people read them: a DiagnosticReport and its Observations, set out as those of HL7 v2 are.

All of it is words, and nothing is judged. What is not shown is said.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from html import unescape
from types import MappingProxyType
from typing import Any, Final

from transfer.adapters.fhir.identities import Resources
from transfer.adapters.fhir.trees import Tree, child, children, parse, text, texts, type_of
from transfer.adapters.hl7v2.sheet import Detail, ResultSheet, SheetLine, SheetSection
from transfer.adapters.hl7v2.wording import FLAGS
from transfer.errors import Unreadable

#: of one document
_MOST_BYTES: Final = 32 << 20
_INTERPRETATIONS: Final = frozenset(
    {
        "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
        "http://hl7.org/fhir/v2/0078",
        "http://terminology.hl7.org/CodeSystem/v2-0078",
    }
)
#: https://hl7.org/fhir/R4/valueset-observation-status.html and diagnostic-report-status
_STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "registered": "No result yet",
        "partial": "Some results, not all",
        "preliminary": "Preliminary",
        "final": "Final",
        "amended": "Amended",
        "corrected": "Corrected",
        "appended": "With addendum",
        "cancelled": "Cancelled",
        "entered-in-error": "Entered in error",
        "unknown": "Status not known",
    }
)
_VOID: Final = "entered-in-error"
_TIME: Final = re.compile(r"(\d{4}(?:-\d\d){0,2})(?:T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?")
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_TAG: Final = re.compile(r"<[^<>]*>")
#: panels in one another
_MOST_LEVELS: Final = 8

#: how the line begins that stands for a value that is not there
NO_VALUE: Final = "No value"
#: of a result that does not say what was measured
NAMELESS: Final = "Test without a name"


def resource_tree(body: bytes) -> Tree:
    """A resource in JSON that people are to read.

    Raises:
        Unreadable: not a resource.
        TooLarge: more than is read at once.
    """
    return parse(body, limit=_MOST_BYTES)


def result_sheet(tree: Tree) -> ResultSheet:
    """What a report says: alone, or in a bundle with its results.

    Raises:
        Unreadable: no report and no result in it.
    """
    entries: list[Tree] = children(tree, "entry") if type_of(tree) == "Bundle" else [{"resource": tree}]
    inside = [child(entry, "resource") for entry in entries]
    reports = [each for each in inside if type_of(each) == "DiagnosticReport"]
    results = [each for each in inside if type_of(each) == "Observation"]
    if not reports and not results:
        raise Unreadable("no report and no result")
    sheet = _Sheet(entries)
    sections = [sheet.section(report) for report in reports]
    if others := [each for each in results if not sheet.is_shown(each)]:
        sections.append(SheetSection(title="", lines=tuple(sheet.lines(others))))
    return ResultSheet(details=_patient(reports or results), sections=tuple(sections), notices=sheet.notices)


def _patient(resources: list[Tree]) -> tuple[Detail, ...]:
    """As the report names them; whose it is, is matched elsewhere."""
    subject = child(resources[0], "subject")
    said = (("Patient", text(subject, "display")), ("Number", text(subject, "identifier", "value")))
    return tuple(Detail(label, value) for label, value in said if value)


class _Sheet:
    """Which results are set out already, and what is left out."""

    def __init__(self, entries: list[Tree]) -> None:
        self._resources = Resources.around({}, entries)
        self._shown: set[int] = set()
        self._void, self._absent, self._deep = 0, 0, 0

    @property
    def notices(self) -> tuple[str, ...]:
        counted = (
            (self._void, "that the source entered in error"),
            (self._absent, "named in the report and not in the file"),
            (self._deep, "in too many panels within panels"),
        )
        return tuple(f"Left out: {_results(count)} {why}." for count, why in counted if count)

    def is_shown(self, result: Tree) -> bool:
        return id(result) in self._shown

    def section(self, report: Tree) -> SheetSection:
        around = self._resources.within(report)
        return SheetSection(
            title=concept_words(child(report, "code")),
            details=tuple(Detail(label, value) for label, value in _of_report(report, around) if value),
            notes=tuple(_conclusions(report)),
            lines=tuple(self.lines(self._behind(report, "result", around), around)),
        )

    def lines(
        self, results: list[Tree], around: Resources | None = None, group: str = "", level: int = 0
    ) -> Iterator[SheetLine]:
        for result in results:
            if self.is_shown(result):
                continue
            self._shown.add(id(result))
            if text(result, "status") == _VOID:
                self._void += 1
                continue
            yield from _lines(result, group, (around or self._resources).within(result))
            members = self._behind(result, "hasMember", around or self._resources)
            if level < _MOST_LEVELS:
                yield from self.lines(members, around, concept_words(child(result, "code")), level + 1)
            else:
                self._deep += len(members)

    def _behind(self, resource: Tree, element: str, around: Resources) -> list[Tree]:
        """Those at hand; the others are counted. We make no document without them (`results.whole_report`), but others
        do.
        """
        found = []
        for each in children(resource, element):
            reference = (text(each, "reference") or "").partition("/_history/")[0]
            relative = "/".join(reference.split("/")[-2:])
            named = around.follow({"reference": reference}) or around.follow({"reference": relative})
            if type_of(named) == "Observation":
                found.append(named)
            else:
                self._absent += 1
        return found


def _results(count: int) -> str:
    return "1 result" if count == 1 else f"{count} results"


def state_of(resource: Tree) -> str:
    said = text(resource, "status") or ""
    return _STATES.get(said, said)


def _of_report(report: Tree, around: Resources) -> Iterator[tuple[str, str]]:
    yield "Report", ", ".join(value for each in children(report, "identifier") if (value := text(each, "value")))
    yield "Status", state_of(report)
    yield "Taken", _when(report)
    yield "Reported", time_of(text(report, "issued"))
    yield "Performed by", _names(report, "performer", around)
    yield "Read by", _names(report, "resultsInterpreter", around)
    yield "Specimen", _names(report, "specimen", around)
    yield "Images", _names(report, "imagingStudy", around) or _names(report, "study", around)
    yield "Pictures", "; ".join(said for one in children(report, "media") if (said := text(one, "comment")))
    named = [child(one, "reference") for one in children(report, "supportingInfo")]
    yield "See also", "; ".join(said for one in named if (said := text(one, "display")))


def _conclusions(report: Tree) -> Iterator[str]:
    if said := text(report, "conclusion"):
        yield said
    for concept in children(report, "conclusionCode"):
        # R5: a CodeableReference
        if words := concept_words(concept) or concept_words(child(concept, "concept")):
            yield words
    yield from _notes(report)
    for one in children(report, "result"):
        if (called := text(one, "display")) and not text(one, "reference"):
            yield called


def _notes(resource: Tree) -> Iterator[str]:
    """Its notes with who wrote them and when, and what it says in extensions in words."""
    for note in children(resource, "note"):
        if said := text(note, "text"):
            by = text(note, "authorString") or text(note, "authorReference", "display")
            head = ", ".join(filter(None, (by, time_of(text(note, "time")))))
            yield f"{head}: {said}" if head else said
    yield from _words_in_extensions(resource)


def _words_in_extensions(said: object) -> Iterator[str]:
    for one in children(said, "extension"):
        if words := text(one, "valueString") or text(one, "valueMarkdown"):
            yield words


def _lines(result: Tree, group: str, around: Resources) -> Iterator[SheetLine]:
    """The value of a result and those of its components. One that says nothing but a text for people is that text."""
    name, components = _test(result), children(result, "component")
    notes = tuple(_notes(result))
    if not components and not _says_value(result) and (words := _text_of(result)):
        notes = (*notes, words)
    value, unit = _value(result)
    if value or notes or not (components or children(result, "hasMember")):
        yield SheetLine(
            name=f"{group}: {name}" if group else name,
            value=value or (NO_VALUE,),
            unit=unit,
            range=_range(result),
            flags=tuple(_flags(result)),
            status=state_of(result),
            at=_when(result),
            details=tuple(Detail(label, said) for label, said in _of_result(result, around) if said),
            notes=notes,
        )
    for component in components:
        value, unit = _value(component)
        yield SheetLine(
            name=f"{name}: {_test(component)}",
            value=value or (NO_VALUE,),
            unit=unit,
            range=_range(component),
            flags=tuple(_flags(component)),
            status=state_of(result),
            at=_when(result),
        )


def _says_value(said: Tree) -> bool:
    return any(key.lstrip("_")[:5] == "value" and key.lstrip("_")[5:6].isupper() for key in said)


def _text_of(resource: Tree) -> str:
    """The words of a text that repeats what its elements say, as it is of most: none of them has a value here."""
    if text(resource, "text", "status") in ("additional", "extensions"):
        return ""  # it stands after the results
    return " ".join(unescape(_TAG.sub(" ", text(resource, "text", "div") or "")).split())


def _of_result(result: Tree, around: Resources) -> Iterator[tuple[str, str]]:
    yield "Method", concept_words(child(result, "method"))
    yield "Site", concept_words(child(result, "bodySite"))
    yield "Specimen", _name(child(result, "specimen"), around)
    yield "Device", _name(child(result, "device"), around)
    yield "Performed by", _names(result, "performer", around)
    if _says_value(result):
        yield "No value because", concept_words(child(result, "dataAbsentReason"))


def _value(said: Tree) -> tuple[tuple[str, ...], str]:
    """The lines of a value and its unit."""
    name = next((key for key in said if key.startswith("value") and key[5:6].isupper()), None)
    if name is None:
        beside: object = next((one for key, one in said.items() if key.startswith("_value")), {})
        absent = concept_words(child(said, "dataAbsentReason")) or _absent(beside)
        return ((f"{NO_VALUE}: {absent}",) if absent else (*_words_in_extensions(beside),)), ""
    value = said[name]
    match value:
        case bool():
            return ("Yes" if value else "No",), ""
        case str() if name in ("valueDateTime", "valueInstant"):
            return (time_of(value),), ""
        case str():
            return tuple(value.splitlines()), ""
        case int() | Decimal():
            return (str(value),), ""
        case Mapping() if name == "valueQuantity" and _quantity(value):
            return (_quantity(value),), _unit(value)
    structured = _structured(name, value) if isinstance(value, Mapping) else ""
    if not structured and (absent := _absent(value)):
        return (f"{NO_VALUE}: {absent}",), ""
    structured = structured or "; ".join(_words_in_extensions(value))
    return (structured or "A value that is not shown here; it is in the file itself.",), ""


def _absent(value: object) -> str:
    """Why it is not there (https://hl7.org/fhir/R4/extension-data-absent-reason.html)."""
    return next(
        (text(one, "valueCode") or "" for one in children(value, "extension") if text(one, "url") == _ABSENT), ""
    )


def _structured(name: str, value: Tree) -> str:
    match name:
        case "valueCodeableConcept":
            return concept_words(value)
        case "valueRange":
            return _between(value)
        case "valueRatio":
            parts = (child(value, "numerator"), child(value, "denominator"))
            return " : ".join(f"{_quantity(part)} {_unit(part)}".strip() for part in parts if part)
        case "valuePeriod":
            return _period(value)
        case "valueSampledData":
            return f"{text(value, 'data') or ''} {_unit(child(value, 'origin'))}".strip()
        case "valueAttachment":
            title = text(value, "title") or "A file"
            return f"{title}, which follows" if text(value, "data") else f"{title}: {text(value, 'url') or 'not sent'}"
        case "valueReference":
            return text(value, "display") or text(value, "reference") or ""
    return ""


def _quantity(said: Tree) -> str:
    """With the digits it came with, and its comparator."""
    number: Any = said.get("value")
    return f"{text(said, 'comparator') or ''}{'' if number is None else number}"


def _unit(said: Tree) -> str:
    return text(said, "unit") or text(said, "code") or ""


def _between(said: Tree) -> str:
    low, high = child(said, "low"), child(said, "high")
    unit = _unit(high) or _unit(low)
    if low and high:
        return f"{_quantity(low)} – {_quantity(high)} {unit}".strip()
    return f"{'≥' if low else '≤'} {_quantity(low or high)} {unit}".strip() if low or high else ""


def _range(said: Tree) -> str:
    ranges = []
    for each in children(said, "referenceRange"):
        words = _range_words(each)
        whose = [concept_words(child(each, "type")), *map(concept_words, children(each, "appliesTo"))]
        age = child(each, "age")
        said_of = ", ".join(filter(None, [*whose, f"age {_between(age)}" if age else ""]))
        ranges.append(f"{said_of}: {words}" if said_of and words else words)
    return "; ".join(filter(None, ranges))


def _range_words(said: Tree) -> str:
    """Its words, and its limits where the words leave out one of them."""
    words, limits = text(said, "text") or "", _between(said)
    numbers = [str(number) for name in ("low", "high") if (number := child(said, name).get("value")) is not None]
    if all(number in words for number in numbers):
        limits = ""
    return ", ".join(filter(None, (words, limits, concept_words(child(said, "normalValue")))))


def _flags(said: Tree) -> Iterator[str]:
    for concept in children(said, "interpretation"):
        coding = next(iter(children(concept, "coding")), {})
        code = text(coding, "code") or ""
        known = FLAGS.get(code.upper(), "") if text(coding, "system") in _INTERPRETATIONS else ""
        words = text(concept, "text") or text(coding, "display") or known
        yield f"{words} ({code})" if words and code and words != code else words or code


def concept_words(said: Tree) -> str:
    """Its own words, else the words of a code, else the code."""
    codings = children(said, "coding")
    displays = [word for each in codings if (word := text(each, "display"))]
    codes = [word for each in codings if (word := text(each, "code"))]
    return next(iter([*filter(None, [text(said, "text")]), *displays, *codes]), "")


def _test(result: Tree) -> str:
    """What was measured. A result must say it (R4 Observation.code, 1..1); one that does not is shown as such."""
    return concept_words(child(result, "code")) or NAMELESS


def _names(resource: Tree, element: str, around: Resources) -> str:
    return ", ".join(name for each in children(resource, element) if (name := _name(each, around)))


def _name(reference: Tree, around: Resources) -> str:
    """What it is called beside the reference, else in the resource behind it, where that is at hand."""
    behind = around.follow(reference)
    people = [
        text(one, "text") or " ".join(filter(None, (*texts(one, "given"), text(one, "family"))))
        for one in children(behind, "name")
    ]
    site = concept_words(child(behind, "collection", "bodySite"))
    specimen = ", ".join(filter(None, (concept_words(child(behind, "type")), site, *_notes(behind))))
    names = (text(reference, "display"), *people, text(behind, "name"), specimen)
    return next(filter(None, names), "")


def _when(resource: Tree) -> str:
    said = text(resource, "effectiveDateTime") or text(resource, "effectiveInstant")
    return time_of(said) if said else _period(child(resource, "effectivePeriod"))


def _period(said: Tree) -> str:
    return " – ".join(filter(None, (time_of(text(said, "start")), time_of(text(said, "end")))))


def time_of(said: str | None) -> str:
    """The day and time as the source says them, in its own zone."""
    found = _TIME.fullmatch(said or "")
    if not found:
        return said or ""
    day, clock, zone = found.groups()
    return " ".join(filter(None, (day, clock, {"Z": "UTC"}.get(zone, zone))))
