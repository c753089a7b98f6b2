"""CDs with images in Incoming: what is on one, whose each study is by its files, and whose a person says it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from transfer.discs import LARGEST_UPLOAD, DiscPatient
from transfer.errors import NotAllowed
from transfer.flow import desk
from transfer.flow.desk import DiscView, FoundCases, IndexedStudies, StudyView
from transfer.identifiers import CaseId, IncomingId, InstitutionId
from transfer.incoming import PagesBecame
from transfer.page_ranges import in_ranges
from transfer.pages.desk.incoming import facilities_for, listed, sought
from transfer.pages.desk.words import words
from transfer.pages.forms import Problems
from transfer.pages.routes import Act, Answer, Asked, Next, Page
from transfer.partial_dates import day_said
from transfer.patients import Demographics, fold
from transfer.refusals import RefusalCode
from transfer.rights import Right
from transfer.sentences.trade import day_words

_HERE: Final = "/desk/discs"
_OUT: Final = (
    (PagesBecame.LEFT_OUT.value, "Not needed for this request"),
    (PagesBecame.MISDIRECTED.value, "Misdirected: of nobody here. The CD goes back to its sender"),
)
_COMPARED: Final = (("yes", "I compared both: they are this patient's"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfPatient:
    """The studies that name one patient."""

    patient: DiscPatient
    born: str
    studies: Sequence[StudyView]


def upload(asked: Asked) -> Next:
    if (file := asked.fields.on_disk.get("file")) is not None:
        desk.bring_in_disc(asked.services, file, actor=asked.actor)
    return Next("/desk/incoming")


def _disc(asked: Asked) -> IncomingId:
    return asked.id(IncomingId, "disc")


def take(asked: Asked) -> Next:
    desk.take_paper(asked.services, _disc(asked), actor=asked.actor)
    return Next(f"{_HERE}/{_disc(asked)}")


def show_disc(asked: Asked) -> Answer:
    return _page(asked, Problems(), None)


def find(asked: Asked) -> Answer:
    problems = Problems()
    return _page(asked, problems, sought(asked, problems))


def _page(asked: Asked, problems: Problems, found: FoundCases | None) -> Answer:
    name = _disc(asked)
    paper = listed(asked, name)
    is_taken = paper.taken_by == asked.actor.person
    view = desk.look_at_disc(asked.services, name, actor=asked.actor) if is_taken else None
    return Answer(
        template="disc.html",
        title=f"CD {name}",
        context={
            **_shown(asked, name),
            "disc": view,
            "patients": _by_patient(view) if view else (),
            "choices": _choices(view) if view else (),
            "paper": paper,
            "found": found,
            "outs": _OUT,
            "fields": asked.fields,
            "problems": problems,
            "may_index": asked.actor.may(Right.DECIDE_WHOSE),
        },
        status=422 if problems else 200,
    )


def _shown(asked: Asked, name: IncomingId) -> dict[str, object]:
    return {
        "root": f"{_HERE}/{name}",
        "words": words,
        "zone": asked.services.zone,
        "ranges": in_ranges,
        "day_of": _day,
        "named": _named,
    }


def _by_patient(view: DiscView) -> list[_OfPatient]:
    whose = dict[DiscPatient, list[StudyView]]()
    for one in view.studies:
        whose.setdefault(one.study.patient, []).append(one)
    return [_OfPatient(patient=who, born=_day(who.born), studies=of) for who, of in whose.items()]


def _differs(one: _OfPatient, who: Demographics | None) -> bool:
    """Whether the files name somebody of another family name or birth date than the patient's."""
    if who is None:
        return False
    said = {fold(group.partition("^")[0]) for group in one.patient.name.split("=")} - {""}
    families = {fold(name.family) for name in who.names}
    is_other_day = bool(one.born and who.birth_date and one.born != day_words(who.birth_date))
    return is_other_day or bool(said and families and said.isdisjoint(families))


def _day(said: str) -> str:
    """A day as DICOM has it, YYYYMMDD, as people read it; what is none stays as it is."""
    day = day_said(f"{said[:4]}-{said[4:6]}-{said[6:]}")
    return day_words(day.first) if day and day.day else said


def _choices(view: DiscView) -> list[tuple[str, str]]:
    """The studies that are left, each by what tells it from the others."""
    return [(str(one.number), _called(one)) for one in view.studies if one.became is None]


def _called(one: StudyView) -> str:
    study = one.study
    said = [f"{one.number}.", *study.modalities, study.description, _day(study.day)]
    images = f"({study.count} image{'' if study.count == 1 else 's'})"
    return " ".join([*filter(None, said), images, "of", _named(study.patient)])


def _named(patient: DiscPatient) -> str:
    """A name as a file has it, `family^given` in up to three scripts (PS3.5 6.2.1.2), as people write it."""
    groups = (group.partition("^") for group in patient.name.split("="))
    written = (
        ", ".join(filter(None, [family.strip(), given.replace("^", " ").strip()])) for family, _, given in groups
    )
    return " / ".join(filter(None, written)) or "nobody named"


def leave_out(asked: Asked) -> Answer | Next:
    problems = Problems()
    studies = _chosen(asked, problems)
    became = asked.fields.one_of("became", [one for one, _ in _OUT], problems, needed="Choose what they are")
    if problems:
        return _page(asked, problems, None)
    desk.leave_out(asked.services, _disc(asked), studies, PagesBecame(became), actor=asked.actor)
    return Next(f"{_HERE}/{_disc(asked)}")


def _chosen(asked: Asked, problems: Problems) -> str:
    numbers = [one for one in asked.fields.chosen("studies") if one.isascii() and one.isdigit()]
    if not numbers:
        problems.add("studies", "Choose studies")
    return ", ".join(numbers)


# --- studies become images of a case ----------------------------------------------------------------------------------


def show_index(asked: Asked) -> Answer:
    return _index_form(asked, Problems())


def _index_form(asked: Asked, problems: Problems) -> Answer:
    name, case = _disc(asked), asked.id(CaseId, "case")
    view = desk.look_at_disc(asked.services, name, actor=asked.actor)
    found = desk.dossier(asked.services, case, actor=asked.actor, identity=True)
    who = found.identity
    left = [one for one in _by_patient(view) if any(study.became is None for study in one.studies)]
    differs = partial(_differs, who=who)
    return Answer(
        template="disc_index.html",
        title=f"Index CD {name}",
        context={
            **_shown(asked, name),
            "case": case,
            "patient": str(who.names[0]) if who and who.names else case,
            "born": who.birth_date if who else None,
            "sex": (who.sex if who else None) or "",
            "patients": sorted(left, key=lambda one: not differs(one)),  # what contradicts stands first
            "differs": differs,
            "choices": _choices(view),
            "compared": _COMPARED,
            "facilities": facilities_for(asked, found),
            "fields": asked.fields,
            "problems": problems,
        },
        status=422 if problems else 200,
    )


def index(asked: Asked) -> Answer | Next:
    fields, problems = asked.fields, Problems()
    studies = _chosen(asked, problems)
    known = [*asked.services.institutions]
    facility = fields.one_of("institution", known, problems, needed="Choose who made the images")
    if problems:
        return _index_form(asked, problems)
    name, case = _disc(asked), asked.id(CaseId, "case")
    said = IndexedStudies(institution=InstitutionId(facility), is_compared="yes" in fields.chosen("compared"))
    try:
        desk.index_studies(asked.services, name, studies, case, said, actor=asked.actor)
    except NotAllowed as error:
        if error.refusal is None or error.refusal.code is not RefusalCode.DISC_NAMES_ANOTHER:
            raise
        which = error.refusal.fields["studies"]
        problems.add("compared", f"The CD names somebody else, or nobody, in: {which}. Compare both, or leave it out")
        return _index_form(asked, problems)
    return Next(f"{_HERE}/{name}")


DECLARED = (
    Act(path=f"{_HERE}/upload", right=Right.WORK_ON_CASES, do=upload, largest_file=LARGEST_UPLOAD, is_on_disk=True),
    Page(path=f"{_HERE}/{{disc}}", right=Right.SEE_CONTENT, show=show_disc),
    Act(path=f"{_HERE}/{{disc}}/take", right=Right.SEE_CONTENT, do=take),
    Act(path=f"{_HERE}/{{disc}}/find", right=Right.SEE_CONTENT, do=find),
    Act(path=f"{_HERE}/{{disc}}/leave-out", right=Right.DECIDE_WHOSE, do=leave_out),
    Page(path=f"{_HERE}/{{disc}}/cases/{{case}}", right=Right.DECIDE_WHOSE, show=show_index),
    Act(path=f"{_HERE}/{{disc}}/cases/{{case}}", right=Right.DECIDE_WHOSE, do=index),
)
