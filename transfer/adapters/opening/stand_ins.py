"""What stands where a report should be: words that send the reader elsewhere, that there is none yet, that a program
failed or that somebody tries a line, and results that are all taken back or were never had.

Only a document of nothing else is judged so. One sentence of its own is enough to be read.
"""

import io
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from transfer.adapters.fhir.results import says_anything
from transfer.adapters.fhir.sheets import NO_VALUE, result_sheet
from transfer.adapters.fhir.trees import Tree, child, children, text, type_of
from transfer.adapters.opening.words_instead import OF_WHAT, THING, is_cover, is_heading, is_stamp, of_sentence
from transfer.errors import Unreadable
from transfer.flaws import Flaw

#: characters of such a document
_MOST_CHARACTERS: Final = 300
#: lines of the page before a fax
_MOST_LINES: Final = 60
_WHERE: Final = (
    r"(?: (?:in|under|on|at|from|via|for|by|dated|to follow|below|above|attached)\b(?:[\w /'&-]|\.(?=\w)){0,80})?"
)
_ELSEWHERE: Final = re.compile(
    rf"(?:please )?(?:see|refer to|view|open|check|consult)(?: the| also)?(?: {OF_WHAT})*"
    rf" (?:{THING}|attached){_WHERE}"
    rf"|(?:{OF_WHAT} )*{THING} (?:(?:is|are|was|were|has been|have been|will be) )?"
    rf"(?:attached|enclosed|scanned|faxed|mailed|sent separately|to follow){_WHERE}",
    re.IGNORECASE,
)
_NONE_YET: Final = re.compile(
    rf"(?:the )?(?:{OF_WHAT} )*(?:{THING} |diagnosis |interpretation )?(?:(?:is|are|still) ){{0,2}}"
    r"(?:pending|in progress|in process|not (?:yet )?available(?: yet)?|awaited)"
    r"|(?:test|exam|study|procedure)? ?(?:not performed|not done|was not performed)|(?:test |order )?cancell?ed"
    r"|no (?:report|results?)(?: available)?|n/?a|null|tb[da]"
    r"|no (?:information|data)(?: (?:is|was))?(?: (?:available|found|recorded|entered|on file))?",
    re.IGNORECASE,
)
_ERROR: Final = r"(?:(?:fatal|http|server|system|internal|application) )?(?:error|exception)"
#: what somebody sends who tries a line
_TRIED: Final = re.compile(
    r"(?:this is (?:a|only a|just a) )?(?:test(?:ing)?[ .,!-]{0,3}){1,9}"
    r"(?:message|document|report|page|file|only|print)?"
    r"(?:[ .,!-]{1,3}(?:please )?(?:ignore|disregard|delete)(?: this| it)?(?: (?:message|document|report|page|file))?)?"
    r"|lorem ipsum\b.{0,290}",
    re.IGNORECASE,
)
#: what programs print that could not get or show a document; Adobe's, where its own programs alone draw a form
_FAILED: Final = re.compile(
    rf"(?:{_ERROR}(?: code)?\b[ :#.-]{{0,3}}(?:[0-9]{{1,5}}\b[ :.-]{{0,3}})?)?"
    r"(?:(?:http )?(?:status )?(?:error:? ?)?(?:40[0-9]|50[0-4]):? ?-? ?(?:error|not found|forbidden"
    r"|unauthori[sz]ed|bad request|internal server error|bad gateway|service unavailable|gateway time-?out)\b.{0,80}"
    rf"|(?:the |this )?(?:requested )?(?:{OF_WHAT} )*(?:{THING}|url) (?:was not|could not be|cannot be|can not be)"
    r" (?:found|loaded|displayed|retrieved|rendered|opened|converted)\b.{0,80}"
    r"|(?:access denied|(?:your )?session (?:has )?(?:expired|timed out))(?:[.:!] .{0,80})?"
    rf"|(?:an? )?(?:unexpected |unknown )?{_ERROR}(?: has)? occurred\b.{{0,80}}"
    rf"|(?:unable|failed) to (?:find|load|display|retrieve|render|open|convert|fetch|generate|access)"
    rf"(?: the| this)?(?: requested)?(?: {OF_WHAT})* {THING}\b.{{0,80}})",
    re.IGNORECASE,
)
_ADOBE: Final = re.compile(r"\s*please wait\W{1,8}if this message is not eventually replaced", re.IGNORECASE)
_ENDS: Final = re.compile(r"[.;!?]\s")
#: how urine was got, what became of a gene or of a margin: alone they would be no report, as values they say something
_FINDING: Final = re.compile(r"(?:deleted|incomplete|retracted|voided)", re.IGNORECASE)
_MARKS: Final = " .,;:!*#=_-()[]\"'\t"


def said_instead(words: str) -> Flaw | None:
    """Why these words, all that a document says, are no report; None: they may be one."""
    if _ADOBE.match(words):
        return Flaw.UNREADABLE
    lines = [plain for line in words.splitlines() if (plain := " ".join(line.split()).strip(_MARKS))]
    if not lines or all(line.rstrip().endswith(":") for line in words.splitlines() if line.strip(_MARKS)):
        return Flaw.EMPTY if words.strip() else None  # marks, or headings of which nothing follows
    if len(lines) > 1 and (is_stamp(lines[0]) or is_stamp(lines[-1])):
        return Flaw.UNEXPECTED
    if len(lines) <= _MOST_LINES and is_cover(lines):
        return Flaw.POINTER
    if sum(map(len, lines)) > _MOST_CHARACTERS:
        return None
    whole = " ".join(lines)
    if _FAILED.fullmatch(whole) or _TRIED.fullmatch(whole):
        return Flaw.UNEXPECTED
    if _ELSEWHERE.fullmatch(whole) or all(map(_is_no_report, lines)):
        return Flaw.POINTER if any(map(_ELSEWHERE.fullmatch, (whole, *lines))) else Flaw.EMPTY
    return Flaw.EMPTY if _NONE_YET.fullmatch(whole) else _of_sentences(lines)


def _of_sentences(lines: Sequence[str]) -> Flaw | None:
    """The same of several sentences, each of which says no more than that. Headings say nothing."""
    pieces = [one.strip(_MARKS) for line in lines for one in _ENDS.split(line)]
    sentences = [one for one in pieces if one and not is_heading(one)]
    found = [of_sentence(one) or (_is_no_report(one) and Flaw.EMPTY) or None for one in sentences]
    if not sentences or None in found:
        return None
    return next((flaw for flaw in (Flaw.UNEXPECTED, Flaw.POINTER) if flaw in found), Flaw.EMPTY)


def has_finding(values: Iterable[str]) -> bool:
    """Whether a value of a named result says something, though a document of it alone would not: "Voided", of urine."""
    return any(_FINDING.fullmatch(one.strip(_MARKS)) for one in values)


def of_pages(data: bytes, lines: Sequence[str]) -> Flaw | None:
    """The same of a PDF with these lines. Where a picture is on its pages, that may be the report."""
    import pikepdf

    from transfer.adapters.opening import pdf_pictures

    found = said_instead("\n".join(lines))
    if found is None:
        return None
    with pikepdf.open(io.BytesIO(data), suppress_warnings=True) as pdf:
        return None if any(True for _ in pdf_pictures.pictures(pdf)) else found


def _is_no_report(line: str) -> bool:
    return bool(_ELSEWHERE.fullmatch(line) or _NONE_YET.fullmatch(line))


def of_results(tree: Tree) -> Flaw | None:
    """The same of a report in FHIR and its results: none that stands has a value, and nothing else is said.

    Where a file is the report, it says nothing here.
    """
    inside = [child(entry, "resource") for entry in children(tree, "entry")] if type_of(tree) == "Bundle" else [tree]
    reports = [one for one in inside if type_of(one) == "DiagnosticReport"]
    if not any(type_of(one) in ("DiagnosticReport", "Observation") for one in inside) or any(
        children(one, "presentedForm") for one in reports
    ):
        return None
    with suppress(Unreadable):
        sections = result_sheet(tree).sections
        lines = [line for section in sections for line in section.lines]
        values = [said for line in lines for said in (*line.value, *line.flags) if not said.startswith(NO_VALUE)]
        notes = [note for section in sections for note in section.notes] + [
            note for line in lines for note in line.notes
        ]
        notes += [said for one in reports for each in children(one, "media") if (said := text(each, "comment"))]
        if not values and not notes:
            return None if any(_says_text(one) for one in reports) else Flaw.EMPTY
        return None if has_finding(values) else said_instead("\n".join((*values, *notes)))
    return None


def _says_text(report: Tree) -> bool:
    bare = {"resourceType": "DiagnosticReport", "text": child(report, "text")}
    return says_anything(bare)
