"""Every question the code asks people is one they can read and answer."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from transfer.case import DELIVERED_VOID
from transfer.hold_answers import ANSWERS
from transfer.holds import APPROVALS, COMPARED, HoldAnswer, HoldCode
from transfer.request_questions import QUESTIONS
from transfer.sentences import SENTENCES

ROOT = Path(__file__).parents[2] / "transfer"


def said_in(call: ast.Call) -> list[ast.expr]:
    """Where a code may stand in a call. `_ask` of a module places what it is given."""
    said = [keyword.value for keyword in call.keywords if keyword.arg == "hold"]
    if isinstance(call.func, ast.Attribute) and call.func.attr == "place":
        said.append(call.args[2])
    elif isinstance(call.func, ast.Name) and call.func.id == "_ask":
        said += call.args
    return said


def codes_asked() -> set[HoldCode]:
    """The codes in the place of a code: in `holds.place(tx, subject, CODE)`, and in `hold=CODE` of an outcome."""
    found = set()
    for path in [*(ROOT / "flow").rglob("*.py"), *(ROOT / "gateway").rglob("*.py"), ROOT / "dispatcher.py"]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = defaultdict(list)
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        names[target.id].append(node.value)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            for one in said_in(node):
                values = names.get(one.id, [one]) if isinstance(one, ast.Name) else [one]
                found |= {
                    code.attr
                    for value in values
                    for code in ast.walk(value)
                    if isinstance(code, ast.Attribute) and ast.unparse(code.value) == "HoldCode"
                }
    return {HoldCode[name] for name in found}


def test_what_is_asked_has_its_sentences():
    asked = codes_asked()

    assert len(asked) > 15, "the search found next to nothing"
    assert asked <= set(SENTENCES)


def test_nothing_has_sentences_that_nobody_asks():
    by_step = {*APPROVALS, HoldCode.NOTHING_TO_SEND, HoldCode.NEEDS_UNANSWERED}

    assert set(HoldCode) - codes_asked() == by_step | set(QUESTIONS.values())


@pytest.mark.parametrize("code", list(HoldCode))
def test_each_question_can_be_answered(code):
    assert ANSWERS[code]
    assert SENTENCES[code]


def test_ours_is_an_answer_exactly_where_people_compare():
    assert {code for code in HoldCode if HoldAnswer.OURS in ANSWERS[code]} == COMPARED


def test_a_case_knows_the_question_about_what_it_handed_over_by_its_name():
    """It folds facts alone, and imports no codes."""
    assert DELIVERED_VOID == HoldCode.DELIVERED_VOID
