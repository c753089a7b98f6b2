"""Outside slides: parcels taken in by the courier's number, and logged in by what their labels say.

A reader of barcodes types and ends with Enter. So a field alone on its form takes a whole number, and of a form with
more fields the first Enter shows whose slides they may be, and logs nothing in.
"""

from collections.abc import Sequence
from typing import Final

from transfer.errors import NotAllowed
from transfer.flow import desk
from transfer.flow.desk import Awaiting, ParcelView
from transfer.identifiers import InstitutionId, MaterialId, ParcelId
from transfer.materials import MaterialKind
from transfer.pages.desk.words import called, words
from transfer.pages.forms import Fields, Problems
from transfer.pages.qr import drawn
from transfer.pages.routes import Act, Answer, Asked, Next, Page
from transfer.pages.slide_forms import (
    CARRIERS,
    CONDITIONS,
    KINDS,
    LABELS,
    PAPERS,
    Whose,
    accession,
    checked_in,
    counted,
    taken_in,
)
from transfer.parcels import MOST_CHARACTERS, Carrier, Condition, as_read, carrier_of
from transfer.refusals import RefusalCode
from transfer.rights import Right

#: where the templates' links lead
AT: Final = {"packages": "/desk/packages", "pieces": "/desk/pieces", "loans": "/desk/loans", "cases": "/desk/cases"}


def _show_list(asked: Asked, problems: Problems | None = None) -> Answer:
    return Answer(
        template="packages.html",
        title="Outside slides",
        context={
            "found": desk.list_parcels(asked.services, actor=asked.actor),
            "loans": desk.list_loans(asked.services, actor=asked.actor),
            **_around(asked, problems),
        },
        status=422 if problems else 200,
    )


def _scan(asked: Asked) -> Answer | Next:
    """A number was read, or typed: the parcel of that number, or the form by which it is taken in."""
    problems = Problems()
    text = as_read(asked.fields.line("scan", problems, needed="Scan or type a number", longest=MOST_CHARACTERS))
    if problems:
        return _show_list(asked, problems)
    if ours := _ours(asked, text.lower()):
        return ours
    known = desk.find_parcel(asked.services, text, actor=asked.actor)
    if known:
        return Next(f"/desk/packages/{known.id}")
    carrier = carrier_of(text)
    begun = Fields({"number": [text], "carrier": [carrier or Carrier.OTHER], "condition": [Condition.GOOD]})
    return _take_in_page(asked, begun, Problems(), awaiting=_awaiting(asked, number=text))


def _ours(asked: Asked, text: str) -> Next | None:
    """What a code on a sheet of ours leads to: a parcel, or pieces that went back."""
    if ParcelId.pattern.fullmatch(text):
        return Next(f"/desk/packages/{text}")
    if not MaterialId.pattern.fullmatch(text):
        return None
    case = desk.find_pieces(asked.services, MaterialId(text), actor=asked.actor)
    return Next(f"/desk/pieces/{case}/{text}") if case else None


def _take_in_page(
    asked: Asked, fields: Fields, problems: Problems, awaiting: Sequence[Awaiting] = (), *, status: int = 200
) -> Answer:
    return Answer(
        template="parcel_new.html",
        title="A parcel is here",
        context={**_around(asked, problems), "fields": fields, "awaiting": awaiting},
        status=status,
    )


def _begin(asked: Asked) -> Answer:
    begun = Fields({"carrier": [Carrier.BY_HAND], "condition": [Condition.GOOD]})
    return _take_in_page(asked, asked.fields if asked.fields.sent else begun, Problems())


def _take_in(asked: Asked) -> Answer | Next:
    problems = Problems()
    taken = taken_in(asked.fields, problems)
    if taken is None:
        return _take_in_page(asked, asked.fields, problems, status=422)
    did = desk.receive_parcel(
        asked.services,
        actor=asked.actor,
        carrier=taken.carrier,
        condition=taken.condition,
        number=taken.number,
        shelf=taken.shelf,
    )
    return Next(f"/desk/packages/{did.fields['parcel']}")


# --- one parcel -------------------------------------------------------------------------------------------------------


def _show(asked: Asked) -> Answer:
    return _parcel_page(asked, Problems())


def _log_in(asked: Asked) -> Answer | Next:
    """Log in what was counted. Before it is known whose it is, whose it may be is shown, and nothing is logged in."""
    fields, problems, parcel = asked.fields, Problems(), asked.id(ParcelId, "parcel")
    number = accession(fields, problems)
    name, born = fields.line("name", problems), fields.line("born", problems)
    if not (number or name or born):
        problems.add("accession", "Scan or type what stands on the labels")
    chosen = Whose.of(fields.raw("whose"))
    counts = counted(fields, problems)
    if problems:
        return _parcel_page(asked, problems, status=422)
    if chosen is None or not counts:
        return _whose(asked, number, name, born, is_counted=bool(counts))
    seen = checked_in(fields, problems, parcel, counts, chosen.source)
    if seen is None:
        return _whose(asked, number, name, born, is_counted=True, problems=problems)
    try:
        desk.log_in(asked.services, chosen.case, seen, actor=asked.actor)
    except NotAllowed as error:
        if error.refusal is None or error.refusal.code is not RefusalCode.ANOTHER_ACCESSION:
            raise
        problems.add("another", "Pieces came before under another accession number: say whether the patient has both")
        return _whose(asked, number, name, born, is_counted=True, problems=problems)
    return Next(f"/desk/packages/{parcel}")


def _whose(
    asked: Asked, written: str, name: str, born: str, *, is_counted: bool, problems: Problems | None = None
) -> Answer:
    """The same form with those whose pieces they may be; the only one of them is chosen."""
    told = problems or Problems()
    try:
        meant = desk.find_awaiting(
            asked.services, actor=asked.actor, number="" if name or born else written, name=name, born=born
        )
    except NotAllowed as error:
        if error.refusal is None or error.refusal.code is not RefusalCode.NOTHING_SOUGHT:
            raise
        told.add("born" if born else "accession", "Nobody could be found by this")
        meant = ()
    if is_counted and not told:
        told.add("whose", "Compare the name on the labels, and say whose they are")
    status = 422 if told else 200
    return _parcel_page(asked, told, awaiting=meant, is_sought=True, status=status)


def _parcel_page(
    asked: Asked,
    problems: Problems,
    *,
    awaiting: Sequence[Awaiting] = (),
    is_sought: bool = False,
    status: int = 200,
) -> Answer:
    choices = [
        (f"{one.found.case} {source}", _in_words(asked, one, source)) for one in awaiting for source in one.sources
    ]
    fields = asked.fields
    if len(choices) == 1 and not fields.raw("whose"):
        fields = Fields({**fields.sent, "whose": [choices[0][0]]})
    return Answer(
        template="parcel.html",
        title="A parcel",
        context={
            **_around(asked, problems),
            "seen": _seen_parcel(asked),
            "choices": choices,
            "is_sought": is_sought,
            "fields": fields,
            "focus": "accession" if not choices else f"count-{MaterialKind.SLIDE}",
        },
        status=status,
    )


def _in_words(asked: Asked, one: Awaiting, source: InstitutionId) -> str:
    found = one.found
    born = f", born in {found.born_in}" if found.born_in else ""
    return f"{found.patient or found.case}{born}, for {found.receiver}: slides of {called(asked.services, source)}"


def _awaiting(asked: Asked, *, number: str) -> Sequence[Awaiting]:
    if not asked.actor.may(Right.SEE_IDENTITY):
        return ()
    try:
        return desk.find_awaiting(asked.services, actor=asked.actor, number=number)
    except NotAllowed:
        return ()


def _seen_parcel(asked: Asked) -> ParcelView:
    return desk.show_parcel(
        asked.services,
        asked.id(ParcelId, "parcel"),
        actor=asked.actor,
        identity=asked.actor.may(Right.SEE_IDENTITY),
    )


def _sheet(asked: Asked) -> Answer:
    """What lies in the tray, to be printed."""
    seen = _seen_parcel(asked)
    context = {**_around(asked, None), "seen": seen, "qr": drawn(seen.parcel.id)}
    return Answer(template="tray.html", title="Tray sheet", context=context)


def _receipt(asked: Asked) -> Answer:
    """For whoever brought it by hand: what was left here, without a name."""
    seen = desk.show_parcel(asked.services, asked.id(ParcelId, "parcel"), actor=asked.actor)
    post = asked.services.letter_post
    context = {
        **_around(asked, None),
        "seen": seen,
        "qr": drawn(seen.parcel.id),
        "office": post.office if post else None,
    }
    return Answer(template="parcel_receipt.html", title="Receipt", context=context)


def _around(asked: Asked, problems: Problems | None) -> dict[str, object]:
    return {
        "zone": asked.services.zone,
        "at": AT,
        "called": lambda one: called(asked.services, one),
        "words": words,
        "kinds": KINDS,
        "carriers": CARRIERS,
        "conditions": CONDITIONS,
        "labels": LABELS,
        "papers": PAPERS,
        "fields": asked.fields,
        "problems": problems or Problems(),
    }


DECLARED: Final = (
    Page(path="/desk/packages", right=Right.WORK_ON_CASES, show=_show_list, nav="Outside slides"),
    Act(path="/desk/packages", right=Right.WORK_ON_CASES, do=_scan),
    Page(path="/desk/packages/new", right=Right.WORK_ON_CASES, show=_begin),
    Act(path="/desk/packages/new", right=Right.WORK_ON_CASES, do=_take_in),
    Page(path="/desk/packages/{parcel}", right=Right.WORK_ON_CASES, show=_show),
    Act(path="/desk/packages/{parcel}", right=Right.WORK_ON_CASES, do=_log_in),
    Page(path="/desk/packages/{parcel}/tray", right=Right.SEE_IDENTITY, show=_sheet),
    Page(path="/desk/packages/{parcel}/receipt", right=Right.WORK_ON_CASES, show=_receipt),
)
