"""The ten questions of an auditor are answered as docs/auditor.md says: the commands are run on a made-up case."""

import os

import pytest

from tests.kit import builders as b
from tests.kit.audit_answers import PAGE, QUESTIONS, answers, in_page, neutral, with_answers
from tests.kit.handed_over import handed_over
from tests.kit.staff import BEN
from transfer.flow import desk
from transfer.pages.app import EVERYTHING
from transfer.pages.routes import Page

pytestmark = pytest.mark.servers


def test_the_page_says_what_the_commands_say(services, transfer, tmp_path):
    case = handed_over(services, chart=b.a_chart(7))
    desk.dossier(services, case, actor=BEN, identity=True)
    file = str(tmp_path / "list.csv")

    def run(command: str) -> str:
        done = transfer(*command.replace("CASE", case).replace("FILE", file).split())
        assert done.exit_code == 0, done.output
        return neutral(done.stdout, {file: "FILE", case: "CASE"})

    made = answers(run)
    if os.environ.get("AUDIT_ANSWERS") == "write":
        PAGE.write_text(with_answers(PAGE.read_text(), made))

    assert in_page(PAGE.read_text()) == made.strip()


def test_each_question_has_a_page_that_there_is():
    declared = {one.path for one in EVERYTHING if isinstance(one, Page)}

    assert len(QUESTIONS) == 10
    assert {one.page.partition("?")[0].replace("/CASE", "/{case}") for one in QUESTIONS} <= declared
