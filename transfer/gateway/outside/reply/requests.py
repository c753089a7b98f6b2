"""The pages of a source: the requests whose letters it opened, an answer to each, and a receipt to print."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from transfer.adapters.fhir.replies import ReplyFile
from transfer.errors import Unknown
from transfer.flow.outside.letters import open_another
from transfer.flow.outside.replying import Reply, RequestOnLetter, get_request, list_requests, send_reply
from transfer.flow.outside.sending import TAKEN
from transfer.gateway.outside.letter_door import asked_for
from transfer.gateway.outside.reply.answers import CHOICES, REASON_WORDS, Choice, read
from transfer.gateway.outside.routes import OutsideAct, OutsidePage, Reached, Visit
from transfer.identifiers import RequestId
from transfer.outside_sessions import Outsider
from transfer.pages.forms import Fields, Problems
from transfer.pages.routes import Answer, Next
from transfer.records import RecordKind
from transfer.sentences import SENTENCES

#: said around the form that asks for a code
DOOR: Final[Mapping[str, str]] = MappingProxyType(
    {
        "intro": "Type the code of our letter and the patient's birth date, which the letter says, too.",
        "open": "Open the request",
        "code": "Code of the letter",
        "code_hint": "Twelve letters and digits, as K7Q4-9M2P-4TXW. There is no 0, O, 1, I, L or U in it",
        "born": "The patient's birth date",
        "born_hint": "For example 4 30 1957",
        "needs_code": "Type the code of the letter",
        "needs_born": "Type the patient's birth date",
        "wrong_code": "A letter or digit of the code is wrong. Compare it with the letter",
        "no_such": "This code and this birth date do not go together, or the code's time is over",
        "help": "It does not work? Call the number on the letter.",
    }
)
#: fields that are sent on from the page that asks whether all is right
_KEPT: Final = (
    *("person", "reference", "note", "reason", "amount", "key"),
    *("day-year", "day-month", "day-day"),
    *(name for choice in CHOICES.values() for name, _, _ in choice.words),
)


def _list(visit: Visit) -> Answer:
    return _listed(visit, Fields(), Problems())


def _listed(visit: Visit, fields: Fields, problems: Problems) -> Answer:
    found = list_requests(visit.services, visit.session)
    context = {"requests": found, "fields": fields, "problems": problems, "words": DOOR, "sentences": SENTENCES}
    return Answer(
        template="reply_requests.html", title="Requests to you", context=context, status=422 if problems else 200
    )


def _open(visit: Visit) -> Answer | Next:
    """What the letter asks for is the next page."""
    problems = Problems()
    typed = asked_for(visit.fields, problems, DOOR)
    opened = open_another(visit.services, visit.network, *typed, visit.session) if typed else None
    if opened:
        return Next(f"/r/requests/{opened}")
    if typed:
        problems.add("code", DOOR["no_such"])
    return _listed(visit, visit.fields, problems)


def _request(visit: Visit) -> RequestOnLetter:
    return get_request(visit.services, visit.session, visit.id(RequestId, "request"))


def _choice(visit: Visit) -> Choice:
    try:
        return CHOICES[visit.path["choice"]]
    except KeyError:
        raise Unknown("there is no such page") from None


def _show(visit: Visit) -> Answer:
    one = _request(visit)
    context = {
        "one": one,
        "usual": _chosen(usual=True),
        "others": _chosen(usual=False),
        "says": SENTENCES[one.state].institution,
    }
    return Answer(template="reply_request.html", title=f"Request {one.request}", context=context)


def _chosen(*, usual: bool) -> dict[str, Choice]:
    """The answers that stand at once, or those that unfold."""
    return {word: choice for word, choice in CHOICES.items() if choice.is_usual is usual}


def _form(visit: Visit) -> Answer:
    one = _request(visit)
    return _asked(visit, one, Fields({"key": [secrets.token_hex(8)]}), Problems()) if one.is_open else _show(visit)


def _asked(visit: Visit, one: RequestOnLetter, fields: Fields, problems: Problems) -> Answer:
    choice = _choice(visit)
    context = {
        "one": one,
        "choice": choice,
        "word": visit.path["choice"],
        "fields": fields,
        "problems": problems,
        "today": None,
    }
    return Answer(template="reply_answer.html", title=choice.label, context=context, status=422 if problems else 200)


def _check(visit: Visit) -> Answer | Next:
    """Show what was typed, to be sent as it stands. Files cannot be shown again: they are sent at once."""
    one, choice, problems = _request(visit), _choice(visit), Problems()
    if not one.is_open:
        return replace(_show(visit), status=409)
    said = read(choice, visit.fields, problems, one.today)
    files = _files(visit, one, choice, problems)
    if problems:
        return _asked(visit, one, visit.fields, problems)
    if files or said is None:
        records = tuple(files) if choice.files == "records" else ()
        forms = tuple(files) if choice.files == "form" else ()
        return _send_now(
            visit, one, Reply(key=_key(visit), person=_person(visit), said=said, records=records, forms=forms)
        )
    context = {
        "one": one,
        "choice": choice,
        "word": visit.path["choice"],
        "said": said,
        "reason": REASON_WORDS.get(said.reason or ""),
        "fields": visit.fields,
        "kept": _KEPT,
    }
    return Answer(template="reply_check.html", title="Is this right?", context=context)


def _send(visit: Visit) -> Answer | Next:
    one, choice, problems = _request(visit), _choice(visit), Problems()
    if not one.is_open:
        return replace(_show(visit), status=409)
    said = read(choice, visit.fields, problems, one.today)
    if problems or said is None:
        return _asked(visit, one, visit.fields, problems)
    return _send_now(visit, one, Reply(key=_key(visit), person=_person(visit), said=said))


def _send_now(visit: Visit, one: RequestOnLetter, reply: Reply) -> Next:
    send_reply(visit.services, visit.shell.intake.store_and_wait, visit.session, one.request, reply)
    return Next(f"/r/requests/{one.request}/sent")


def _files(visit: Visit, one: RequestOnLetter, choice: Choice, problems: Problems) -> list[ReplyFile]:
    if choice.files is None:
        return []
    line = next((each for each in one.lines if each.key == visit.fields.raw("line")), None)
    found = []
    for sent in visit.files:
        if not sent.content:
            problems.add("files", "A file is empty. Choose it again")
        if sent.content_type not in TAKEN:
            problems.add("files", "PDF, TIFF, JPEG or PNG only. Send anything else on a disc")
        kind, title = (line.kind, line.label) if line else (RecordKind.OTHER, "Records")
        found.append(ReplyFile(content_type=sent.content_type, content=sent.content, kind=kind, title=title))
    if not found and choice.files == "records":
        problems.add("files", "Choose a file")
    return found


def _person(visit: Visit) -> str:
    return visit.fields.raw("person").strip()


def _key(visit: Visit) -> str:
    return visit.fields.raw("key")[:40]


def _sent(visit: Visit) -> Answer:
    context = {
        "one": _request(visit),
        "others": list_requests(visit.services, visit.session),
        "fields": Fields(),
        "problems": Problems(),
        "words": DOOR,
    }
    return Answer(template="reply_sent.html", title="Thank you", context=context)


def _receipt(visit: Visit) -> Answer:
    return Answer(
        template="reply_receipt.html",
        title="For your disclosure log",
        context={"one": _request(visit), "choices": CHOICES},
    )


_K = Outsider.SOURCE
DECLARED: Final[tuple[Reached, ...]] = (
    OutsidePage(path="/r/", kind=_K, show=_list, nav="Requests to you"),
    OutsideAct(path="/r/another", kind=_K, do=_open),
    OutsidePage(path="/r/requests/{request}", kind=_K, show=_show),
    OutsidePage(path="/r/requests/{request}/sent", kind=_K, show=_sent),
    OutsidePage(path="/r/requests/{request}/receipt", kind=_K, show=_receipt),
    OutsidePage(path="/r/requests/{request}/answer/{choice}", kind=_K, show=_form),
    OutsideAct(path="/r/requests/{request}/answer/{choice}", kind=_K, do=_check, takes_files=True),
    OutsideAct(path="/r/requests/{request}/answer/{choice}/send", kind=_K, do=_send),
)
