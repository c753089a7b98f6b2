"""What a report says in its resource: the report and all of its results as one document, alone or beside its form.

A DiagnosticReport names its results, and a result that is a panel names its members (R4 observation, "Grouping"). Each
stands in the document as it came; only the bundle around them is ours. The same results always give the same bytes.
A result that was entered in error leaves nothing there but that.
"""

import re
from collections.abc import Callable
from typing import Final

from transfer.adapters.fhir.trees import Tree, child, children, dump, text, type_of
from transfer.errors import NeedsReview, NotAllowed, TooLarge, TurnedAway, Unexpected

#: of one report, panels and members together
MOST_RESULTS: Final = 500

_TAG: Final = re.compile(r"<[^<>]*>|&nbsp;|&#160;")
_OF_ANOTHER: Final = "a report with a result of another patient"
_VOID: Final = "entered-in-error"
#: of what a file is, all but the file itself
_BYTES: Final = frozenset({"data", "_data"})

#: the resource that a literal reference leads to; an empty tree where it leads nowhere
Follow = Callable[[str], Tree]


def says_anything(report: Tree) -> bool:
    """Whether a report without a form has something that people could read."""
    return says_results(report) or _says_text(report)


def says_results(report: Tree) -> bool:
    """Whether it has more than a text for people (R4 DomainResource.text). R5 has notes as well."""
    lists = ("result", "conclusionCode", "note")
    return bool(text(report, "conclusion") or any(children(report, one) for one in lists))


def says_beside(resource: Tree) -> bool:
    """Whether a document with a form says something besides: results, a conclusion, or a text that adds to them.

    Of a reference to a document only a text that says so adds anything; others repeat what its elements say of the file
    (R4 Narrative.status).
    """
    if type_of(resource) == "DiagnosticReport":
        return says_anything(resource)
    return text(resource, "text", "status") in ("additional", "extensions") and _says_text(resource)


def _says_text(resource: Tree) -> bool:
    return _TAG.sub("", text(resource, "text", "div") or "").strip() != ""


def whole_report(report: Tree, follow: Follow) -> bytes:
    """The report and its results as a FHIR collection.

    Raises:
        Unexpected: a result is not there, is none, or is another patient's: the report would look whole and not be.
        TooLarge: more results than are taken.
    """
    if any(not _is_of_one(report, one) for one in _contained(report)):
        raise Unexpected(_OF_ANOTHER)
    found: dict[str, Tree] = {}
    waiting = _named(report, "result")
    while waiting:
        if (reference := waiting.pop(0)) and not _is_taken(reference, found):
            found[reference] = _result(report, reference, follow, found)
            waiting += _named(found[reference], "hasMember")
    return _collection(report, found)


def report_beside(report: Tree, follow: Follow) -> bytes:
    """The same of a report with a form. What cannot be had of its results is left out, and its sheet counts it: the
    form says it as well.

    Raises:
        Unavailable: the source gives none now.
    """
    if others := [one for one in _contained(report) if not _is_of_one(report, one)]:
        report = {**report, "contained": [one for one in children(report, "contained") if one not in others]}
    found: dict[str, Tree] = {}
    waiting, tried = _addresses(report, "result"), set[str]()
    while waiting and len(tried) < MOST_RESULTS:
        reference = waiting.pop(0)
        if not reference or reference in tried or _is_taken(reference, found):
            continue
        tried.add(reference)
        try:
            found[reference] = _result(report, reference, follow, found)
        except (NeedsReview, NotAllowed, TurnedAway, TooLarge):
            continue
        waiting += _addresses(found[reference], "hasMember")
    return _collection(report, found)


def _is_taken(reference: str, found: dict[str, Tree]) -> bool:
    """What is contained comes with the report."""
    return reference in found or reference.startswith("#")


def _contained(report: Tree) -> list[Tree]:
    return [one for one in children(report, "contained") if type_of(one) == "Observation"]


def _result(report: Tree, reference: str, follow: Follow, found: dict[str, Tree]) -> Tree:
    if len(found) >= MOST_RESULTS:
        raise TooLarge("more results than are taken of one report")
    result = follow(reference)
    if type_of(result) != "Observation":
        raise Unexpected("a report without all of its results")
    if not _is_of_one(report, result):
        raise Unexpected(_OF_ANOTHER)
    return _without_void(result)


def _without_void(result: Tree) -> Tree:
    """One that was entered in error: that it was, and nothing of it."""
    if type_of(result) != "Observation" or text(result, "status") != _VOID:
        return result
    number = {"id": result["id"]} if text(result, "id") else {}
    return {"resourceType": "Observation", **number, "status": _VOID, "code": {"text": "Entered in error"}}


def _collection(report: Tree, found: dict[str, Tree]) -> bytes:
    entries = [
        {"resource": _without_files(report)},
        *(_entry(reference, result) for reference, result in found.items()),
    ]
    return dump({"resourceType": "Bundle", "type": "collection", "entry": entries})


def _without_files(report: Tree) -> Tree:
    """Its form is a file beside it, and no result that is void stands within it."""
    said = dict(report)
    if forms := children(report, "presentedForm"):
        said["presentedForm"] = [_without_bytes(form) for form in forms]
    if contents := children(report, "content"):
        said["content"] = [{**one, "attachment": _without_bytes(child(one, "attachment"))} for one in contents]
    if inside := children(report, "contained"):
        said["contained"] = [_without_void(_without_bytes(one)) for one in inside]
    return said


def _without_bytes(tree: Tree) -> Tree:
    return {name: value for name, value in tree.items() if name not in _BYTES and not _is_data(name, value)}


def _is_data(name: str, value: object) -> bool:
    return name == "url" and isinstance(value, str) and value.startswith("data:")


def _entry(reference: str, result: Tree) -> Tree:
    """A whole address by which a result is named is that of its entry: within the bundle it is found by it."""
    return {"fullUrl": reference, "resource": result} if ":" in reference else {"resource": result}


def _named(resource: Tree, element: str) -> list[str]:
    """Raises: Unexpected: one is named by no address."""
    references = _addresses(resource, element)
    if not all(references):
        raise Unexpected("a report without all of its results")
    return references


def _addresses(resource: Tree, element: str) -> list[str]:
    return [(text(each, "reference") or "").partition("/_history/")[0] for each in children(resource, element)]


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
