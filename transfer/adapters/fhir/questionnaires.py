"""The answers to a form (QuestionnaireResponse) as far as they permit or refuse a release.

https://hl7.org/fhir/R4/questionnaireresponse.html. A line counts by what it is called, where it was answered, and by
the words of its answer. A line that only tells of a right ("you may revoke") is none.
"""

import re
from collections.abc import Iterator
from typing import Final

from transfer.adapters.fhir.trees import Tree, child, children, objects_in, text
from transfer.objections import is_no, tells_only

_RELEASE: Final = re.compile(r"(release|disclos\w*|shar(e|ing)|authori[sz]\w*)\b", re.IGNORECASE)
_YES: Final = re.compile(r"yes|true|y|agree\w*|accept\w*", re.IGNORECASE)
_NO: Final = re.compile(r"no|false|n|disagree\w*|refuse\w*|decline\w*|den(y|ied)|opt(ed)?[- ]?out", re.IGNORECASE)


def refuses(response: Tree) -> bool:
    """Whether an answer takes a release back or refuses one."""
    for called, answers in _lines(response):
        if any(is_no(said) and not tells_only(said) for said in answers):
            return True
        if is_no(called) and not tells_only(called) and answers and not all(map(_NO.fullmatch, answers)):
            return True
        if _permits(called) and any(map(_NO.fullmatch, answers)):
            return True
    return False


def says_release(response: Tree) -> bool:
    """Whether an answer permits a release."""
    return any(_permits(called) and any(map(_YES.fullmatch, answers)) for called, answers in _lines(response))


def _permits(called: str) -> bool:
    return bool(_RELEASE.search(called)) and not is_no(called) and not tells_only(called)


def _lines(response: Tree) -> Iterator[tuple[str, list[str]]]:
    """What each line is called, and its answers in words."""
    for line in objects_in({"item": response.get("item")}):
        if answers := children(line, "answer"):
            yield text(line, "text") or text(line, "linkId") or "", [said for each in answers for said in _said(each)]


def _said(answer: Tree) -> Iterator[str]:
    truth = answer.get("valueBoolean")
    if truth in (True, False, "true", "false"):
        yield str(truth)
    coding = child(answer, "valueCoding")
    yield from filter(None, (text(answer, "valueString"), text(coding, "display") or text(coding, "code")))
