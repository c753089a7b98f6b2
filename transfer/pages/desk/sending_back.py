"""How misdirected pages, or a CD with misdirected studies, went back to the sender."""

from typing import Final

from transfer.flow import desk
from transfer.identifiers import IncomingId
from transfer.incoming import SentBackHow
from transfer.page_ranges import in_ranges
from transfer.pages.desk.words import words
from transfer.pages.forms import Problems
from transfer.pages.routes import Act, Answer, Asked, Next, Page
from transfer.rights import Right

_HERE: Final = "/desk/incoming/{paper}/sent-back"
_HOW: Final = (
    (SentBackHow.FAX.value, "By fax"),
    (SentBackHow.MAIL.value, "By mail"),
    (SentBackHow.COURIER.value, "By courier, or by hand"),
    (SentBackHow.SHREDDED.value, "Shredded here, and the sender was told"),
)


def _show(asked: Asked) -> Answer:
    return _page(asked, Problems())


def _page(asked: Asked, problems: Problems) -> Answer:
    name = asked.id(IncomingId, "paper")
    return Answer(
        template="sent_back.html",
        title=f"Send {name} back",
        context={
            "paper": desk.listed_paper(asked.services, name, actor=asked.actor, is_kept=False),
            "how": _HOW,
            "ranges": in_ranges,
            "words": words,
            "zone": asked.services.zone,
            "fields": asked.fields,
            "problems": problems,
        },
        status=422 if problems else 200,
    )


def _record(asked: Asked) -> Answer | Next:
    fields, problems = asked.fields, Problems()
    how = fields.one_of("how", dict(_HOW), problems, needed="Choose how it went back")
    on = fields.day("on", problems)
    if problems:
        return _page(asked, problems)
    name = asked.id(IncomingId, "paper")
    desk.record_sent_back(asked.services, name, SentBackHow(how), on=on, actor=asked.actor)
    return Next("/desk/incoming")


DECLARED = (
    Page(path=_HERE, right=Right.DECIDE_WHOSE, show=_show),
    Act(path=_HERE, right=Right.DECIDE_WHOSE, do=_record),
)
