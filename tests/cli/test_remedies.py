"""What the desk says in codes can be said in words, and each remedy can be typed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import click
import pytest

from transfer.actions import ActionCode, ActionResult
from transfer.cli import main, remedies
from transfer.codes import Code, Value
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.sentences import sentence
from transfer.sentences.desk import ACTIONS, REFUSALS, REMEDIES
from transfer.sentences.patterns import Pattern

ROOT = Path(__file__).parents[2] / "transfer"
TABLES = {ActionCode: ACTIONS, RefusalCode: REFUSALS, RemedyCode: REMEDIES}
KINDS = {ActionCode: ActionResult, RefusalCode: Reason, RemedyCode: Remedy}
CODES = [pytest.param(code, id=f"{family.__name__}.{code.name}") for family in TABLES for code in family]
#: fields that hold several values
SEVERAL = {"discrepancies", "pieces", "choices", "lines", "cases", "materials", "roles", "findings"}
#: what a receiver types stands on the page in the packet, which is read without any installation of ours
OFFLINE = ROOT / "adapters" / "packet" / "index_page.py"
COMMAND = re.compile(rf"\btransfer (?:{'|'.join(main.list_commands(click.Context(main)))})\b")


def fields(code: Code) -> dict[str, Value]:
    return {name: ("one", "two") if name in SEVERAL else f"<{name}>" for name in code.fields}


def named(pattern: Pattern) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(pattern) if name} if isinstance(pattern, str) else set()


@pytest.mark.parametrize("code", CODES)
def test_each_code_is_said_with_its_fields_and_no_others(code: Code):
    pattern = TABLES[type(code)][code]

    said = sentence(KINDS[type(code)](code, **fields(code)))

    assert said
    assert not said.endswith(".")
    assert named(pattern) <= set(code.fields)


@pytest.mark.parametrize("code", [*RefusalCode, *ActionCode], ids=str)
def test_what_was_done_and_why_not_lose_no_field(code: Code):
    said = sentence(KINDS[type(code)](code, **fields(code)))

    assert [name for name in code.fields if name not in SEVERAL and f"<{name}>" not in said] == []


@pytest.mark.parametrize("wrong", [{}, {"case": "c0123456789a", "more": "x"}, {"hold": "h0123456789abcde"}])
def test_a_code_without_its_fields_cannot_be_built(wrong: dict[str, str]):
    with pytest.raises(ValueError, match="goes with case"):
        Remedy(RemedyCode.SHOW_CASE, **wrong)


def test_each_remedy_says_what_to_type_or_that_nothing_is():
    assert remedies.COMMANDS.keys() == set(RemedyCode)


@pytest.mark.parametrize("code", [code for code in RemedyCode if remedies.COMMANDS[code]], ids=str)
def test_a_command_that_is_named_is_there(code: RemedyCode):
    typed = remedies.command(Remedy(code, **fields(code)))

    assert typed is not None
    words = typed.split()
    if words[0] == "transfer":
        assert _takes(main, [word.rstrip(",") for word in words[1:]]), typed


def _takes(command: click.Command, words: list[str]) -> bool:
    """The words name a command, and each option behind it is one of its own."""
    if isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0]) if words else None
        return found is not None and _takes(found, words[1:])
    own = {option for parameter in command.params for option in parameter.opts}
    return {word for word in words if word.startswith("--")} <= own


def test_a_remedy_with_a_command_is_one_line():
    remedy = Remedy(RemedyCode.NAME_LINES, case="c0123456789a", lines=("slides", "images"))

    assert remedies.line(remedy) == (
        "Wait, or name what it goes without: transfer case approve c0123456789a --without slides --without images."
    )


def test_nobody_but_the_command_line_names_its_commands():
    told = {
        f"{path.relative_to(ROOT)}:{text.lineno}": text.value
        for path in sorted(ROOT.rglob("*.py"))
        if path not in (OFFLINE, ROOT / "demo.py") and ROOT / "cli" not in path.parents
        for text in _texts(ast.parse(path.read_text(encoding="utf-8")))
        if COMMAND.search(text.value)
    }

    assert told == {}


def test_the_search_for_commands_would_find_one():
    assert COMMAND.search(OFFLINE.read_text(encoding="utf-8"))


def _texts(tree: ast.Module) -> Iterator[ast.Constant]:
    """Every text but the docstrings."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, owners) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node
