"""How a case stands, for its patient and the office; and what they do: send papers, stop, take a form back."""

import secrets
import threading
from collections.abc import Sequence
from typing import Final

from transfer.errors import OutOfOrder, Unknown
from transfer.flow.outside.own import get_own_case, send_own, show_pin, stop, take_back
from transfer.flow.outside.sending import TAKEN
from transfer.flow.outside.signing import is_offered
from transfer.gateway.outside.routes import OutsideAct, OutsidePage, Reached, Visit
from transfer.letter_codes import CodeHolder
from transfer.outside_sessions import Outsider
from transfer.pages.forms import Fields, Problems
from transfer.pages.routes import Answer, Next
from transfer.sentences import SENTENCES
from transfer.sentences.own_pages import OWN, STAGES

_TURN: Final = threading.Lock()
#: seconds
_WAITS_FOR_TURN: Final = 5.0
_LONGEST_PIN: Final = 20


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
        "may_sign": found.holder is CodeHolder.PATIENT and is_offered(visit.services, visit.session),
    }
    return Answer(template="own_case.html", title=OWN["name"], context=context)


def _said(codes: Sequence[str]) -> list[str]:
    """Each sentence once, however many codes say it."""
    return list(dict.fromkeys(SENTENCES[code].patient for code in codes))


#: pages that need the PIN, by the word that leads to them
_AFTER_PIN: Final = ("send", "sign", "take-back")


def pin_form(to: str, problems: Problems) -> Answer:
    """What is asked for before somebody sends or signs. A stop is never asked for it."""
    context = {"words": OWN, "to": to, "fields": Fields(), "problems": problems}
    return Answer(template="own_pin.html", title=OWN["pin_title"], context=context, status=422 if problems else 200)


def _prove(visit: Visit) -> Answer | Next:
    problems, to = Problems(), visit.fields.raw("to")
    if to not in _AFTER_PIN:
        raise Unknown("there is no such page")
    pin = "".join(visit.fields.line("pin", problems, needed=OWN["needs_pin"], longest=_LONGEST_PIN).split())
    if not problems and not _is_theirs(visit, pin):
        problems.add("pin", OWN["wrong_pin"])
    return pin_form(to, problems) if problems else Next(f"/own/{to}")


def _is_theirs(visit: Visit, pin: str) -> bool:
    """One PIN is looked at at a time: each takes 64 MiB."""
    if not _TURN.acquire(timeout=_WAITS_FOR_TURN):
        raise OutOfOrder("another PIN is being looked at")
    try:
        return show_pin(visit.services, visit.session, pin)
    finally:
        _TURN.release()


def _stop(visit: Visit) -> Next:
    stop(visit.services, visit.session)
    return Next("/own/")


def _sending(visit: Visit) -> Answer:
    if not get_own_case(visit.services, visit.session).is_proven:
        return pin_form("send", Problems())
    return _send_form(Fields({"key": [secrets.token_hex(8)]}), Problems())


def _send_form(fields: Fields, problems: Problems) -> Answer:
    context = {"words": OWN, "fields": fields, "problems": problems}
    return Answer(template="own_send.html", title=OWN["send"], context=context, status=422 if problems else 200)


def _send(visit: Visit) -> Answer:
    problems = Problems()
    if not visit.files:
        problems.add("files", OWN["needs_files"])
    if any(not one.content for one in visit.files):
        problems.add("files", OWN["empty_files"])
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
    found = get_own_case(visit.services, visit.session)
    if found.holder is not CodeHolder.PATIENT:
        raise Unknown("there is no such page")
    if not found.is_proven:
        return pin_form("take-back", Problems())
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
    OutsideAct(path="/own/pin", kind=_K, do=_prove),
    OutsidePage(path="/own/send", kind=_K, show=_sending),
    OutsideAct(path="/own/send", kind=_K, do=_send, takes_files=True),
    OutsidePage(path="/own/take-back", kind=_K, show=_taking_back),
    OutsideAct(path="/own/take-back", kind=_K, do=_take_back),
)
