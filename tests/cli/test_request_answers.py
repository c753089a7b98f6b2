"""What a source said, written down at the command line and read there."""

import json
import re

import pytest

from tests.kit import builders as b
from transfer.cli.request import ANSWERS
from transfer.requests import RequestAnswer

pytestmark = pytest.mark.servers


def test_the_answers_on_the_command_line_are_those_of_the_rules(transfer):
    assert set(ANSWERS) == set(RequestAnswer) - {RequestAnswer.COMPLETED}, "that only a Task says"
    told = transfer("request", "answer", "--help").stdout

    assert [one for one in ANSWERS if not re.search(rf"^\s+{one} ", told, re.MULTILINE)] == []


def test_a_fee_is_written_down_listed_and_approved(services, transfer):
    case = b.a_case(services)
    request = b.request_to(services, case, b.PRAIRIE).id

    said = transfer(
        *("request", "answer", request, "fee-required", "--amount", "12.50", "--said-by", "--note"),
        typed="Jo Field\nR-7\nslides cost extra\n",
    )
    again = transfer(
        *("request", "answer", request, "fee-required", "--amount", "12.50", "--said-by", "--note", "--json"),
        typed="Jo Field\nR-7\nslides cost extra\n",
    )
    listed, shown = transfer("hold", "list").stdout, transfer("case", "show", case).stdout
    named = transfer("case", "show", case, "--identity", "--notes").stdout

    assert said.exit_code == 0, said.output
    assert json.loads(again.stdout)["changed"] is False
    assert "12.50 USD" in listed
    assert "approve | dispute | do-without" in listed
    assert "stands still" in shown
    assert f"transfer request answer {request} fee-approved" in shown
    for sealed in ("Jo Field", "R-7", "slides cost extra"):
        assert sealed not in shown
        assert sealed in named

    assert transfer("request", "answer", request, "fee-approved").exit_code == 0
    assert "12.50" not in transfer("hold", "list").stdout
    assert "runs until" in transfer("case", "show", case).stdout


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("fee-required", "--amount", "a lot"), 2),
        (("fee-required", "--amount", ""), 2),
        (("fee-required", "--amount", "1", "--currency", "dollars"), 2),
        (("ready-on", "--on", "Friday"), 2),
        (("in-progress", "--because", "expired"), 4),
        (("refused", "--because", "Jane Zebra"), 4),
        (("ask-elsewhere",), 4),
        (("held-elsewhere", "--institution", "nobody-we-know"), 1),
    ],
)
def test_what_it_does_not_take_is_refused_with_what_to_do(services, transfer, given: tuple[str, ...], code: int):
    request = b.request_to(services, b.a_case(services), b.PRAIRIE).id

    result = transfer("request", "answer", request, *given)

    assert result.exit_code == code, result.output
    assert "Zebra" not in result.output
    assert b.open_holds(services) == []


def test_words_that_are_too_many_are_refused_and_not_repeated(services, transfer):
    request = b.request_to(services, b.a_case(services), b.PRAIRIE).id

    result = transfer("request", "answer", request, "unclear", "--note", typed="Zebra " * 1000)

    assert result.exit_code == 2, result.output
    assert "2000 characters" in result.output
    assert "Zebra" not in result.output
