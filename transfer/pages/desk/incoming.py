"""Incoming: the papers that wait, the pages of one, and what some of them become."""

from collections.abc import Iterable
from typing import Final

from transfer.completeness import is_lacking
from transfer.discs import LARGEST_UPLOAD
from transfer.errors import Unknown
from transfer.flow import desk
from transfer.flow.desk import Dossier, FoundCases, IndexedAs, NeedView, PageSuggestion, PaperView
from transfer.identifiers import CaseId, IncomingId, InstitutionId
from transfer.incoming import LARGEST, PagesBecame
from transfer.page_ranges import in_ranges
from transfer.pages.desk.periods import number_of
from transfer.pages.desk.words import called, words
from transfer.pages.forms import Fields, Problems
from transfer.pages.routes import Act, Answer, Asked, DrawnPicture, File, Next, Page
from transfer.partial_dates import PartialDate
from transfer.records import DOCUMENTS, RecordKind
from transfer.rights import Right

_HERE: Final = "/desk/incoming"
#: digits of a page's number in a path
_DIGITS: Final = 3
KINDS: Final = tuple((one.value, words(one)) for one in RecordKind if one in DOCUMENTS)
_TURNS: Final = (("0", "As it is"), ("90", "Clockwise"), ("180", "Upside down"), ("270", "Counterclockwise"))
_OUT: Final = (
    (PagesBecame.LEFT_OUT.value, "Nothing to keep: a cover sheet, a blank page"),
    (PagesBecame.MISDIRECTED.value, "Misdirected: of nobody here. It goes back to its sender"),
)


def show_list(asked: Asked) -> Answer:
    everything = asked.query.get("all") == "1"
    found = desk.list_incoming(asked.services, actor=asked.actor, everything=everything, number=number_of(asked))
    context = {
        "found": found,
        "papers": found.papers,
        "everything": everything,
        "may_upload": asked.actor.may(Right.WORK_ON_CASES),
        "may_take": asked.actor.may(Right.SEE_CONTENT),
        "may_send_back": asked.actor.may(Right.DECIDE_WHOSE),
        "zone": asked.services.zone,
        "ranges": in_ranges,
        "words": words,
        "problems": Problems(),
        "largest": LARGEST >> 20,
        "largest_disc": LARGEST_UPLOAD >> 20,
    }
    return Answer(template="incoming.html", title="Incoming", context=context)


def upload(asked: Asked) -> Next:
    desk.upload_paper(asked.services, asked.fields.files.get("file", b""), actor=asked.actor)
    return Next(_HERE)


# --- one paper --------------------------------------------------------------------------------------------------------


def _paper(asked: Asked) -> IncomingId:
    return asked.id(IncomingId, "paper")


def listed(asked: Asked, name: IncomingId) -> PaperView:
    """The paper as lists have it: nothing of its pages is shown."""
    return desk.listed_paper(asked.services, name, actor=asked.actor)


def take(asked: Asked) -> Next:
    desk.take_paper(asked.services, _paper(asked), actor=asked.actor)
    return Next(f"{_HERE}/{_paper(asked)}")


def show_paper(asked: Asked) -> Answer:
    return _sheets(asked, Problems(), None)


def find(asked: Asked) -> Answer:
    problems = Problems()
    return _sheets(asked, problems, sought(asked, problems))


def sought(asked: Asked, problems: Problems) -> FoundCases | None:
    """The cases of whom somebody looks for; None where they said nothing to look by."""
    said = {name: asked.fields.line(name, problems) for name in ("name", "born", "number")}
    if not any(said.values()):
        problems.add("name", "Write two letters of a name, a birth date with a year of four digits, or a number")
    return None if problems else desk.find_cases(asked.services, actor=asked.actor, identity=True, **said)


def _sheets(asked: Asked, problems: Problems, found: FoundCases | None) -> Answer:
    name = _paper(asked)
    found_paper = listed(asked, name)
    is_taken = found_paper.taken_by == asked.actor.person
    paper = desk.look_at_paper(asked.services, name, actor=asked.actor) if is_taken else found_paper
    may_index = asked.actor.may(Right.DECIDE_WHOSE)
    return Answer(
        template="paper.html",
        title=f"Paper {name}",
        context={
            **shown(asked, paper),
            "is_taken": is_taken,
            "found": found,
            "outs": _OUT,
            "fields": asked.fields,
            "problems": problems,
            "may_index": may_index,
            "may_file_forms": asked.actor.may(Right.RELEASE),
            "named": _named(desk.suggest(asked.services, name, actor=asked.actor) if is_taken and may_index else ()),
        },
        status=422 if problems else 200,
    )


def _named(suggested: Iterable[PageSuggestion]) -> list[tuple[str, PageSuggestion]]:
    """The patients whom pages name: the pages that name the same ones together, with what the first of them says."""
    together: dict[tuple[CaseId, ...], list[PageSuggestion]] = {}
    for one in suggested:
        if one.cases:
            together.setdefault(tuple(case.case for case in one.cases), []).append(one)
    return [(in_ranges(tuple(one.page for one in pages)), pages[0]) for pages in together.values()]


def shown(asked: Asked, paper: PaperView) -> dict[str, object]:
    """What each page beside a paper's pictures is given."""
    became = {page: part for part in paper.parts for page in _numbers(part.pages)}
    return {
        "paper": paper,
        "became": became,
        "ranges": in_ranges,
        "words": words,
        "zone": asked.services.zone,
        "root": f"{_HERE}/{paper.incoming}",
    }


def _numbers(pages: str) -> list[int]:
    found: list[int] = []
    for part in pages.split(", "):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def show_picture(asked: Asked) -> DrawnPicture:
    page = asked.path["page"]
    if not (page.isascii() and page.isdigit() and len(page) <= _DIGITS):
        raise Unknown("there is no such page")
    return DrawnPicture(desk.show_picture(asked.services, _paper(asked), int(page), actor=asked.actor))


def show_original(asked: Asked) -> File:
    found = desk.open_paper(asked.services, _paper(asked), actor=asked.actor)
    return File(name=found.name, size=found.size, pieces=found.pieces)


def leave_out(asked: Asked) -> Answer | Next:
    problems = Problems()
    pages = _pages(asked.fields, problems)
    became = asked.fields.one_of("became", [one for one, _ in _OUT], problems, needed="Choose what they are")
    if problems:
        return _sheets(asked, problems, None)
    desk.leave_out(asked.services, _paper(asked), pages, PagesBecame(became), actor=asked.actor)
    return Next(f"{_HERE}/{_paper(asked)}")


# --- pages become a record --------------------------------------------------------------------------------------------


def show_index(asked: Asked) -> Answer:
    return _index_form(asked, Problems())


def _index_form(asked: Asked, problems: Problems) -> Answer:
    name, case = _paper(asked), asked.id(CaseId, "case")
    paper = desk.look_at_paper(asked.services, name, actor=asked.actor)
    found = desk.dossier(asked.services, case, actor=asked.actor, identity=True)
    suggested = next(iter(desk.suggest(asked.services, name, actor=asked.actor, only_first=True)), None)
    # what the page of somebody else is, is nothing to say here
    names_another = bool(suggested and suggested.cases and case not in {one.case for one in suggested.cases})
    who = found.identity
    return Answer(
        template="paper_index.html",
        title=f"Index paper {name}",
        context={
            **shown(asked, paper),
            "case": case,
            "patient": str(who.names[0]) if who and who.names else case,
            "born": who.birth_date if who else None,
            "kinds": _kinds(found),
            "may_file_forms": asked.actor.may(Right.RELEASE),
            "turns": _TURNS,
            "facilities": facilities_for(asked, found),
            "fields": asked.fields if asked.fields.sent else _begun(asked, paper, None if names_another else suggested),
            "suggested": suggested,
            "names_another": names_another,
            "facility": _facility_before(asked),
            "problems": problems,
        },
        status=422 if problems else 200,
    )


def _kinds(case: Dossier) -> list[tuple[str, list[tuple[str, str]]]]:
    """What pages may be, in groups, first what is awaited: a line of the list by its kind and key, or a kind alone."""
    lines = [(one, f"{kind}:{one.line}", _line_said(one, kind)) for one in case.needs for kind in one.documents]
    awaited = [(value, said) for one, value, said in lines if is_lacking(one)]
    others = [(value, said) for one, value, said in lines if not is_lacking(one)]
    groups = [("Outstanding here", awaited), ("Kinds", [*KINDS]), ("Other lines of the list", others)]
    return [(name, choices) for name, choices in groups if choices]


def _line_said(need: NeedView, kind: RecordKind) -> str:
    return need.label if len(need.documents) == 1 else f"{need.label} ({words(kind).lower()})"


def facilities_for(asked: Asked, case: Dossier) -> list[tuple[str, str]]:
    """Who may have made what came: those that the case asks first."""
    asked_first = dict.fromkeys(one.institution for one in case.requests)
    others = sorted(asked.services.institutions, key=lambda one: called(asked.services, one))
    return [(one, called(asked.services, one)) for one in dict.fromkeys([*asked_first, *others])]


def _begun(asked: Asked, paper: PaperView, suggested: PageSuggestion | None) -> Fields:
    """The first page that is left, and what was chosen for the pages before; what its words suggest, once somebody asks
    for it.
    """
    first = str(paper.left[0]) if paper.left else ""
    begun = {"first": [first], "institution": [_facility_before(asked)], "turn": ["0"]}
    if suggested and asked.query.get("suggested") == "1":
        if suggested.kind:
            begun["kind"] = [suggested.kind.kind.value]
        if suggested.day:
            day = suggested.day.day
            begun["day"] = [f"{day.month}/{day.day}/{day.year}"]
    return Fields(begun)


def _facility_before(asked: Asked) -> str:
    facility = asked.query.get("from", "")
    return facility if facility in {*asked.services.institutions} else ""


def index(asked: Asked) -> Answer | Next:
    fields, problems = asked.fields, Problems()
    pages = _pages(fields, problems)
    kind, _, line = fields.line("kind", problems).partition(":")
    if kind not in dict(KINDS):
        problems.add("kind", "Choose what it is")
    facility = fields.one_of("institution", [*asked.services.institutions], problems, needed="Choose who wrote it")
    day = _day(fields.line("day", problems), problems)
    turn = fields.one_of("turn", dict(_TURNS), problems, needed="Choose how the pages lie")
    if problems:
        return _index_form(asked, problems)
    said = IndexedAs(
        kind=RecordKind(kind), institution=InstitutionId(facility), day=day, turn=int(turn), line=line or None
    )
    name, case = _paper(asked), asked.id(CaseId, "case")
    desk.index_pages(asked.services, name, pages, case, said, actor=asked.actor)
    is_left = bool(listed(asked, name).left)
    return Next(f"{_HERE}/{name}/cases/{case}?from={facility}" if is_left else _HERE)


def _pages(fields: Fields, problems: Problems) -> str:
    """`first` alone may be ranges; with `last` it is the first page of one."""
    first, last = fields.line("first", problems, needed="Write which pages"), fields.line("last", problems)
    return f"{first}-{last}" if last else first


def _day(text: str, problems: Problems) -> PartialDate | None:
    """A day, a month or a year, as people of this trade write them: 5/12/2026, 5/2026, 2026."""
    if not text:
        return None
    parts = text.replace("-", "/").replace(".", "/").replace(" ", "/").split("/")
    try:
        if not all(one.isascii() and one.isdigit() for one in parts) or not 1 <= len(parts) <= 3:
            raise ValueError
        if len(parts[-1]) != 4:
            raise ValueError
        *before, year = map(int, parts)
        return PartialDate(year, *before)
    except ValueError:
        problems.add("day", "A day as 5/12/2026, a month as 5/2026 or a year as 2026")
        return None


DECLARED = (
    Page(path=_HERE, right=Right.SEE_CASES, show=show_list, nav="Incoming"),
    Act(path=f"{_HERE}/upload", right=Right.WORK_ON_CASES, do=upload, largest_file=LARGEST),
    Page(path=f"{_HERE}/{{paper}}", right=Right.SEE_CONTENT, show=show_paper),
    Act(path=f"{_HERE}/{{paper}}/take", right=Right.SEE_CONTENT, do=take),
    Act(path=f"{_HERE}/{{paper}}/find", right=Right.SEE_CONTENT, do=find),
    Page(path=f"{_HERE}/{{paper}}/pages/{{page}}", right=Right.SEE_CONTENT, show=show_picture),
    Page(path=f"{_HERE}/{{paper}}/original", right=Right.SEE_CONTENT, show=show_original),
    Act(path=f"{_HERE}/{{paper}}/leave-out", right=Right.DECIDE_WHOSE, do=leave_out),
    Page(path=f"{_HERE}/{{paper}}/cases/{{case}}", right=Right.DECIDE_WHOSE, show=show_index),
    Act(path=f"{_HERE}/{{paper}}/cases/{{case}}", right=Right.DECIDE_WHOSE, do=index),
)
