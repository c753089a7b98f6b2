"""Outside slides at a receiving center, as at the desk: its parcels, its pathologist's word, and the way back."""

from typing import Final

from transfer.errors import NotAllowed
from transfer.flow.outside import center_slides
from transfer.flow.outside.center_slides import AwaitedAtCenter
from transfer.gateway.outside.routes import OutsideAct, OutsidePage, Reached, Visit
from transfer.identifiers import CaseId, MaterialId, ParcelId
from transfer.materials import MaterialKind, MaterialState
from transfer.outside_sessions import Outsider
from transfer.pages.forms import Fields, Problems
from transfer.pages.qr import drawn
from transfer.pages.routes import Answer, Next
from transfer.pages.slide_forms import (
    CARRIERS,
    CONDITIONS,
    KINDS,
    LABELS,
    PAPERS,
    SAYS,
    Whose,
    accession,
    checked_in,
    counted,
    judged,
    sent_back,
    taken_in,
)
from transfer.parcels import MOST_CHARACTERS, Carrier, Condition, as_read, carrier_of
from transfer.refusals import RefusalCode
from transfer.sentences.trade import day_words

#: where the templates' links lead; a center has no page of a request
_AT: Final = {"packages": "/c/slides", "pieces": "/c/pieces", "loans": "/c/loans", "cases": None}
_CAME: Final = (MaterialState.RECEIVED, MaterialState.DISCREPANT)


def _list(asked: Visit, problems: Problems | None = None) -> Answer:
    context = {
        "found": center_slides.list_parcels(asked.services, asked.session),
        "loans": center_slides.list_pieces(asked.services, asked.session),
        **_around(asked, problems),
    }
    return Answer(template="packages.html", title="Outside slides", context=context, status=422 if problems else 200)


def _scan(asked: Visit) -> Answer | Next:
    problems = Problems()
    text = as_read(asked.fields.line("scan", problems, needed="Scan or type a number", longest=MOST_CHARACTERS))
    if problems:
        return _list(asked, problems)
    if ParcelId.pattern.fullmatch(text.lower()):
        return Next(f"/c/slides/{text.lower()}")
    known = center_slides.find_parcel(asked.services, asked.session, text)
    if known:
        return Next(f"/c/slides/{known.id}")
    begun = Fields({"number": [text], "carrier": [carrier_of(text) or Carrier.OTHER], "condition": [Condition.GOOD]})
    return _new(asked, begun, Problems())


def _new(asked: Visit, fields: Fields, problems: Problems) -> Answer:
    context = {**_around(asked, problems), "fields": fields, "awaiting": ()}
    return Answer(
        template="parcel_new.html", title="A parcel is here", context=context, status=422 if problems else 200
    )


def _begin(asked: Visit) -> Answer:
    return _new(asked, Fields({"carrier": [Carrier.BY_HAND], "condition": [Condition.GOOD]}), Problems())


def _take_in(asked: Visit) -> Answer | Next:
    problems = Problems()
    taken = taken_in(asked.fields, problems)
    if taken is None:
        return _new(asked, asked.fields, problems)
    parcel = center_slides.receive_parcel(
        asked.services,
        asked.session,
        carrier=taken.carrier,
        condition=taken.condition,
        number=taken.number,
        shelf=taken.shelf,
    )
    return Next(f"/c/slides/{parcel}")


# --- one parcel -------------------------------------------------------------------------------------------------------


def _show(asked: Visit) -> Answer:
    return _parcel(asked, Problems())


def _log_in(asked: Visit) -> Answer | Next:
    """Log in what was counted. Before it is known whose it is, whose it may be is shown, and nothing is logged in."""
    fields, problems, parcel = asked.fields, Problems(), asked.id(ParcelId, "parcel")
    number, name, born = accession(fields, problems), fields.line("name", problems), fields.line("born", problems)
    if not (number or name or born):
        problems.add("accession", "Scan or type what stands on the labels")
    counts, chosen = counted(fields, problems), Whose.of(fields.raw("whose"))
    if problems:
        return _parcel(asked, problems)
    if chosen is None or not counts:
        if counts:
            problems.add("whose", "Compare the name on the labels, and say whose they are")
        return _whose(asked, number, problems)
    seen = checked_in(fields, problems, parcel, counts, chosen.source)
    if seen is None:
        return _whose(asked, number, problems)
    try:
        center_slides.log_in(asked.services, asked.session, chosen.case, seen)
    except NotAllowed as error:
        if error.refusal is None or error.refusal.code is not RefusalCode.ANOTHER_ACCESSION:
            raise
        problems.add("another", "Pieces came before under another accession number: say whether the patient has both")
        return _whose(asked, number, problems)
    return Next(f"/c/slides/{parcel}")


def _whose(asked: Visit, number: str, problems: Problems) -> Answer:
    name, born = asked.fields.raw("name").strip(), asked.fields.raw("born").strip()
    try:
        meant = center_slides.find_awaiting(
            asked.services, asked.session, number="" if name or born else number, name=name, born=born
        )
    except NotAllowed:
        problems.add("born" if born else "accession", "Nobody could be found by this")
        meant = ()
    return _parcel(asked, problems, awaiting=meant, is_sought=True)


def _parcel(
    asked: Visit, problems: Problems, *, awaiting: tuple[AwaitedAtCenter, ...] = (), is_sought: bool = False
) -> Answer:
    choices = [
        (f"{one.case} {source}", f"{_who(one)}: slides of {_called(asked, source)}")
        for one in awaiting
        for source in one.sources
    ]
    fields = asked.fields
    if len(choices) == 1 and not fields.raw("whose"):
        fields = Fields({**fields.sent, "whose": [choices[0][0]]})
    context = {
        **_around(asked, problems),
        "seen": center_slides.show_parcel(asked.services, asked.session, asked.id(ParcelId, "parcel")),
        "choices": choices,
        "is_sought": is_sought,
        "fields": fields,
        "focus": "accession" if not choices else f"count-{MaterialKind.SLIDE}",
    }
    return Answer(template="parcel.html", title="A parcel", context=context, status=422 if problems else 200)


def _who(one: AwaitedAtCenter) -> str:
    return f"{one.patient}, born {day_words(one.born)}" if one.born else one.patient


def _tray(asked: Visit) -> Answer:
    parcel = asked.id(ParcelId, "parcel")
    seen = center_slides.show_parcel(asked.services, asked.session, parcel)
    context = {**_around(asked, None), "seen": seen, "qr": drawn(parcel)}
    return Answer(template="tray.html", title="Tray sheet", context=context)


def _receipt(asked: Visit) -> Answer:
    parcel = asked.id(ParcelId, "parcel")
    seen = center_slides.show_parcel(asked.services, asked.session, parcel)
    context = {**_around(asked, None), "seen": seen, "qr": drawn(parcel), "office": None}
    return Answer(template="parcel_receipt.html", title="Receipt", context=context)


# --- what came --------------------------------------------------------------------------------------------------------


def _loans(asked: Visit) -> Answer:
    found = center_slides.list_pieces(asked.services, asked.session)
    return Answer(
        template="loans.html", title="Slides of your patients", context={"found": found, **_around(asked, None)}
    )


def _pieces(asked: Visit, problems: Problems | None = None) -> Answer:
    case, material = _which(asked)
    one = center_slides.show_pieces(asked.services, asked.session, case, material)
    is_theirs = center_slides.came_here(asked.services, asked.session, material)
    context = {
        "one": one,
        "is_here": one.state in _CAME,
        "is_returnable": one.loan and one.state in _CAME and is_theirs,
        "says": SAYS,
        "may_see_identity": True,
        **_around(asked, problems),
    }
    title = "Slides and blocks of one request"
    return Answer(template="pieces.html", title=title, context=context, status=422 if problems else 200)


def _judge(asked: Visit) -> Answer | Next:
    problems = Problems()
    found = judged(asked.fields, problems)
    if found is None:
        return _pieces(asked, problems)
    center_slides.judge_material(
        asked.services, asked.session, *_which(asked), found.said, count=found.count, words=found.words
    )
    return _again(asked)


def _return(asked: Visit) -> Answer | Next:
    problems = Problems()
    sent = sent_back(asked.fields, problems)
    if sent is None:
        return _pieces(asked, problems)
    center_slides.return_material(asked.services, asked.session, *_which(asked), carrier=sent[0], number=sent[1])
    return _again(asked)


def _keep(asked: Visit) -> Answer | Next:
    problems = Problems()
    until = asked.fields.day("until", problems, needed="Enter the day that the laboratory agreed to")
    if until is None:
        return _pieces(asked, problems)
    center_slides.keep_longer(asked.services, asked.session, *_which(asked), until)
    return _again(asked)


def _label(asked: Visit) -> Answer:
    case, material = _which(asked)
    one = center_slides.show_pieces(asked.services, asked.session, case, material)
    context = {"one": one, "qr": drawn(material), **_around(asked, None)}
    return Answer(template="return_label.html", title="Return sheet", context=context)


def _which(asked: Visit) -> tuple[CaseId, MaterialId]:
    return asked.id(CaseId, "case"), asked.id(MaterialId, "material")


def _again(asked: Visit) -> Next:
    case, material = _which(asked)
    return Next(f"/c/pieces/{case}/{material}")


def _called(asked: Visit, institution: str) -> str:
    known = asked.services.institutions
    return known[institution].name if institution in known else institution


def _around(asked: Visit, problems: Problems | None) -> dict[str, object]:
    return {
        "at": _AT,
        "zone": asked.services.institutions[asked.session.institution].zone,
        "called": lambda one: _called(asked, one),
        "words": lambda code: str(code).replace("-", " ").capitalize(),
        "kinds": KINDS,
        "carriers": CARRIERS,
        "conditions": CONDITIONS,
        "labels": LABELS,
        "papers": PAPERS,
        "fields": asked.fields,
        "problems": problems or Problems(),
    }


_ONE: Final = "/c/pieces/{case}/{material}"
DECLARED: Final[tuple[Reached, ...]] = (
    OutsidePage(path="/c/slides", kind=Outsider.CENTER, show=_list, nav="Outside slides"),
    OutsideAct(path="/c/slides", kind=Outsider.CENTER, do=_scan),
    OutsidePage(path="/c/slides/new", kind=Outsider.CENTER, show=_begin),
    OutsideAct(path="/c/slides/new", kind=Outsider.CENTER, do=_take_in),
    OutsidePage(path="/c/slides/{parcel}", kind=Outsider.CENTER, show=_show),
    OutsideAct(path="/c/slides/{parcel}", kind=Outsider.CENTER, do=_log_in),
    OutsidePage(path="/c/slides/{parcel}/tray", kind=Outsider.CENTER, show=_tray),
    OutsidePage(path="/c/slides/{parcel}/receipt", kind=Outsider.CENTER, show=_receipt),
    OutsidePage(path="/c/loans", kind=Outsider.CENTER, show=_loans),
    OutsidePage(path=_ONE, kind=Outsider.CENTER, show=_pieces),
    OutsidePage(path=f"{_ONE}/label", kind=Outsider.CENTER, show=_label),
    OutsideAct(path=f"{_ONE}/judge", kind=Outsider.CENTER, do=_judge),
    OutsideAct(path=f"{_ONE}/keep", kind=Outsider.CENTER, do=_keep),
    OutsideAct(path=f"{_ONE}/return", kind=Outsider.CENTER, do=_return),
)
