"""Find: who is on the telephone. What is looked for is sent by a form, and stands in no address."""

from typing import Final

from transfer.errors import NotAllowed
from transfer.flow import desk
from transfer.flow.desk import FoundCases
from transfer.pages.desk.words import OWNERS
from transfer.pages.forms import Fields, Problems
from transfer.pages.routes import Act, Answer, Asked, Page
from transfer.refusals import RefusalCode
from transfer.rights import Right
from transfer.sentences.trade import in_trade

_NOBODY: Final = "Write two letters of a name, a birth date with a year of four digits, or a number"


def show(asked: Asked) -> Answer:
    return _page(asked.fields, Problems(), None)


def find(asked: Asked) -> Answer:
    fields, problems = asked.fields, Problems()
    said = {name: fields.line(name, problems) for name in ("name", "born", "number")}
    if problems:
        return _page(fields, problems, None, status=422)
    try:
        found = desk.find_cases(asked.services, actor=asked.actor, identity=True, **said)
    except NotAllowed as error:
        if error.refusal is None or error.refusal.code is not RefusalCode.NOTHING_SOUGHT:
            raise
        problems.add("born" if said["born"] else "name", _NOBODY)
        return _page(fields, problems, None, status=422)
    return _page(fields, problems, found)


def _page(fields: Fields, problems: Problems, found: FoundCases | None, *, status: int = 200) -> Answer:
    return Answer(
        template="find.html",
        title="Find a patient",
        context={"fields": fields, "problems": problems, "found": found, "say": in_trade, "owners": OWNERS},
        status=status,
    )


DECLARED: Final = (
    Page(path="/desk/find", right=Right.SEE_IDENTITY, show=show, nav="Find"),
    Act(path="/desk/find", right=Right.SEE_IDENTITY, do=find),
)
