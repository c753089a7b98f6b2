"""How a case stands, for its patient and the office; and what they do: send papers, stop, take a form back."""

import secrets
from collections.abc import Sequence
from typing import Final

from transfer.errors import Unknown
from transfer.flow.outside.own import get_own_case, send_own, stop, take_back
from transfer.flow.outside.sending import TAKEN
from transfer.gateway.outside.routes import OutsideAct, OutsidePage, Reached, Visit
from transfer.letter_codes import CodeHolder
from transfer.outside_sessions import Outsider
from transfer.pages.forms import Fields, Problems
from transfer.pages.routes import Answer, Next
from transfer.sentences import SENTENCES
from transfer.sentences.own_pages import OWN, STAGES


def _show(visit: Visit) -> Answer:
    found = get_own_case(visit.services, visit.session)
    lines, for_them = _said(found.waits), _said(found.for_them)
    context = {
        "one": found,
        "words": OWN,
        "stage": STAGES[found.stage],
        # what others do is not said beside what waits for them, for it ends with "You need not do anything."
        "lines": [] if for_them else lines,
        "for_them": for_them,
        "is_idle": not for_them and not any(OWN["nothing_to_do"] in one for one in lines),
        "is_patient": found.holder is CodeHolder.PATIENT,
    }
    return Answer(template="own_case.html", title=OWN["name"], context=context)


def _said(codes: Sequence[str]) -> list[str]:
    """Each sentence once, however many codes say it."""
    return list(dict.fromkeys(SENTENCES[code].patient for code in codes))


def _stop(visit: Visit) -> Next:
    stop(visit.services, visit.session)
    return Next("/own/")


def _sending(visit: Visit) -> Answer:
    get_own_case(visit.services, visit.session)
    return _send_form(Fields({"key": [secrets.token_hex(8)]}), Problems())


def _send_form(fields: Fields, problems: Problems) -> Answer:
    context = {"words": OWN, "fields": fields, "problems": problems}
    return Answer(template="own_send.html", title=OWN["send"], context=context, status=422 if problems else 200)


def _send(visit: Visit) -> Answer:
    problems = Problems()
    if not visit.files:
        problems.add("files", OWN["needs_files"])
    if any(one.content_type not in TAKEN for one in visit.files):
        problems.add("files", OWN["wrong_files"])
    if problems:
        return _send_form(visit.fields, problems)
    store, key = visit.shell.intake.store_and_wait, visit.fields.raw("key")[:40]
    kept = [
        send_own(visit.services, store, visit.session, one.content, one.content_type, f"{key}-{number}")
        for number, one in enumerate(visit.files)
    ]
    return Answer(template="own_thanks.html", title=OWN["thanks"], context={"words": OWN, "kept": kept})


def _taking_back(visit: Visit) -> Answer:
    if get_own_case(visit.services, visit.session).holder is not CodeHolder.PATIENT:
        raise Unknown("there is no such page")
    return _take_back_form(Fields({"key": [secrets.token_hex(8)]}), Problems())


def _take_back_form(fields: Fields, problems: Problems) -> Answer:
    context = {"words": OWN, "fields": fields, "problems": problems}
    return Answer(
        template="own_take_back.html", title=OWN["take_back"], context=context, status=422 if problems else 200
    )


def _take_back(visit: Visit) -> Answer | Next:
    problems = Problems()
    signed = visit.fields.line("signed", problems, needed=OWN["needs_sign"], longest=100)
    if "yes" not in visit.fields.chosen("sure"):
        problems.add("sure", OWN["needs_sure"])
    if problems:
        return _take_back_form(visit.fields, problems)
    store, key = visit.shell.intake.store_and_wait, visit.fields.raw("key")[:40]
    take_back(visit.services, store, visit.session, signed, OWN["take_back_words"], key)
    return Next("/own/")


_K = Outsider.OWN
DECLARED: Final[tuple[Reached, ...]] = (
    OutsidePage(path="/own/", kind=_K, show=_show),
    OutsideAct(path="/own/stop", kind=_K, do=_stop),
    OutsidePage(path="/own/send", kind=_K, show=_sending),
    OutsideAct(path="/own/send", kind=_K, do=_send, takes_files=True),
    OutsidePage(path="/own/take-back", kind=_K, show=_taking_back),
    OutsideAct(path="/own/take-back", kind=_K, do=_take_back),
)
