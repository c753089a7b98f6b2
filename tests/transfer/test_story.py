"""Each kind of fact is said in one sentence, in the trade's words."""

import dataclasses
import re
import types
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from transfer import facts
from transfer.facts import Fact
from transfer.sentences.story import STORY, happened

KINDS = sorted(set(Fact.kinds.values()), key=lambda kind: kind.kind)
#: words that do not appear on a page (docs/glossary.md says what does)
FORMER = re.compile(r"\b(came in|counted in|pieces|release form|purged?|stranger)\b", re.IGNORECASE)


def an_example(kind: type[Fact], *, whole: bool) -> Fact:
    """One with all of its fields, or only with those that it must have."""
    hints: dict[str, Any] = get_type_hints(kind)
    must = [one for one in dataclasses.fields(kind) if whole or one.default is dataclasses.MISSING]  # type: ignore[arg-type]
    return kind(**{one.name: _value(hints[one.name]) for one in must})


def _value(hint: Any) -> object:
    if get_origin(hint) is tuple:
        return ("q1", "r1")
    plain = next(one for one in get_args(hint) or (hint,) if one is not types.NoneType)
    return {bool: True, int: 7, str: "abc"}[plain]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
@pytest.mark.parametrize("whole", [True, False])
def test_every_kind_of_fact_has_a_sentence(kind: type[Fact], whole: bool):
    said = happened(an_example(kind, whole=whole), {})

    assert said[0].isupper() or said[0].isdigit()
    assert said.endswith(".")
    assert not re.search(r"\bNone\b|\(\)|  |\{|\}|'", said)
    assert not FORMER.search(said)


def test_nothing_is_said_of_a_kind_that_there_is_not():
    assert set(STORY) == set(KINDS)


def test_what_has_a_name_is_called_by_it():
    fact = facts.RequestMoved(request="q1", state="answered", attempt=1, basis="authorization")

    assert happened(fact, {"q1": "Mercy, film room"}) == (
        "Mercy, film room: The department has answered, on the basis of authorization."
    )


def test_a_code_reads_as_words_and_a_day_stays_as_it_is():
    fact = facts.CallLogged(callee="referring-office", outcome="promised", promised_by="2026-12-04")

    assert happened(fact, {}) == "Call to referring office: promised, promised by 2026-12-04."


def test_what_a_fact_says_cannot_be_taken_for_a_pattern():
    assert "{request}" in happened(facts.CaseClosed(ending="{request}"), {})
