"""Receiving centers: who of them signs in at our pages, and inviting somebody."""

from typing import Final

from transfer.flow import desk
from transfer.pages.desk.words import called
from transfer.pages.forms import Problems
from transfer.pages.routes import Act, Answer, Asked, Declared, Page
from transfer.rights import Right
from transfer.sentences import sentence

_PATH: Final = "/desk/centers"


def _show(asked: Asked) -> Answer:
    return _page(asked, Problems())


def _page(asked: Asked, problems: Problems, said: desk.ActionResult | None = None) -> Answer:
    accounts = desk.list_center_accounts(asked.services, actor=asked.actor)
    context = {
        "path": _PATH,
        "accounts": [(called(asked.services, one.institution), one) for one in accounts],
        "centers": [(one.id, one.name) for one in asked.services.institutions.values() if one.receives],
        "may_invite": asked.actor.may(Right.RELEASE),
        "may_end": asked.actor.may(Right.STOP),
        "said": sentence(said) if said else None,
        "fields": asked.fields,
        "problems": problems,
    }
    return Answer(template="centers.html", title="Receiving centers", context=context, status=422 if problems else 200)


def _invite(asked: Asked) -> Answer:
    """The answer is the page itself, for the PIN is shown once."""
    problems = Problems()
    centers = [one.id for one in asked.services.institutions.values() if one.receives]
    center = asked.fields.one_of("center", centers, problems, needed="Choose a center")
    mail = asked.fields.line("mail", problems, needed="Type the mail address")
    if problems:
        return _page(asked, problems)
    return _page(asked, problems, desk.invite_to_center(asked.services, center, mail, actor=asked.actor))


def _renew(asked: Asked) -> Answer:
    said = desk.renew_center_pin(asked.services, asked.fields.raw("mail"), actor=asked.actor)
    return _page(asked, Problems(), said)


def _end(asked: Asked) -> Answer:
    said = desk.end_center_account(asked.services, asked.fields.raw("mail"), actor=asked.actor)
    return _page(asked, Problems(), said)


DECLARED: Final[tuple[Declared, ...]] = (
    Page(path=_PATH, right=Right.SEE_CASES, show=_show, nav="Centers"),
    Act(path=f"{_PATH}/invite", right=Right.RELEASE, do=_invite),
    Act(path=f"{_PATH}/pin", right=Right.RELEASE, do=_renew),
    Act(path=f"{_PATH}/end", right=Right.STOP, do=_end),
)
