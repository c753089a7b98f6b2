"""A report that is nothing but its results: the report and all of them as one document.

A DiagnosticReport names its results, and a result that is a panel names its members (R4 observation, "Grouping"). Each
stands in the document as it came; only the bundle around them is ours. The same results always give the same bytes.
"""

import re
from collections.abc import Callable
from typing import Final

from transfer.adapters.fhir.trees import Tree, child, children, dump, text, type_of
from transfer.errors import TooLarge, Unexpected

#: of one report, panels and members together
MOST_RESULTS: Final = 500

_TAG: Final = re.compile(r"<[^<>]*>|&nbsp;|&#160;")

#: the resource that a literal reference leads to; an empty tree where it leads nowhere
Follow = Callable[[str], Tree]


def says_anything(report: Tree) -> bool:
    """Whether a report without a form has something that people could read."""
    return says_results(report) or _TAG.sub("", text(report, "text", "div") or "").strip() != ""


def says_results(report: Tree) -> bool:
    """Whether it has more than a text for people (R4 DomainResource.text)."""
    return bool(children(report, "result") or text(report, "conclusion") or children(report, "conclusionCode"))


def whole_report(report: Tree, follow: Follow) -> bytes:
    """The report and its results as a FHIR collection.

    Raises:
        Unexpected: a result is not there, is none, or is another patient's: the report would look whole and not be.
        TooLarge: more results than are taken.
    """
    found: dict[str, Tree] = {}
    waiting = _named(report, "result")
    while waiting:
        reference = waiting.pop(0)
        if reference in found or reference.startswith("#"):
            continue
        if len(found) >= MOST_RESULTS:
            raise TooLarge("more results than are taken of one report")
        result = follow(reference)
        if type_of(result) != "Observation":
            raise Unexpected("a report without all of its results")
        if not _is_of_one(report, result):
            raise Unexpected("a report with a result of another patient")
        found[reference] = result
        waiting += _named(result, "hasMember")
    entries = [{"resource": report}, *(_entry(reference, result) for reference, result in found.items())]
    return dump({"resourceType": "Bundle", "type": "collection", "entry": entries})


def _entry(reference: str, result: Tree) -> Tree:
    """A whole address by which a result is named is that of its entry: within the bundle it is found by it."""
    return {"fullUrl": reference, "resource": result} if ":" in reference else {"resource": result}


def _named(resource: Tree, element: str) -> list[str]:
    """Raises: Unexpected: one is named by no address."""
    references = [(text(each, "reference") or "").partition("/_history/")[0] for each in children(resource, element)]
    if not all(references):
        raise Unexpected("a report without all of its results")
    return references


def _is_of_one(report: Tree, result: Tree) -> bool:
    """Where both say whom they are about: by address, of which more or less is said, or by a number. A contained
    patient has no address: `#p` names another one in each resource.
    """
    ours, theirs = _subject(report), _subject(result)
    if not all((any(ours), any(theirs))):
        return True
    if ours[0] and theirs[0]:
        return ours[0] == theirs[0]
    return bool(ours[1] & theirs[1])


def _subject(resource: Tree) -> tuple[str, frozenset[tuple[str | None, str]]]:
    """The end of the address of whom it is about, and their numbers with their systems; all empty: it does not say."""
    subject = child(resource, "subject")
    said = (text(subject, "reference") or "").partition("/_history/")[0]
    address = "" if said.startswith("#") else "/".join(said.split("/")[-2:])
    inside = [one for one in children(resource, "contained") if said == f"#{text(one, 'id')}"]
    stated = [child(subject, "identifier"), *(number for one in inside for number in children(one, "identifier"))]
    numbers = frozenset((text(one, "system"), value) for one in stated if (value := text(one, "value")))
    return address, numbers
