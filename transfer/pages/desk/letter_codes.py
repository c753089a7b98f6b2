"""Codes for people outside: the patient's, the referring office's, a facility's. Shown when asked for, and ended."""

from collections.abc import Mapping, Sequence
from typing import Final

from transfer.flow import desk
from transfer.flow.desk import Dossier
from transfer.flow.desk.shown import RequestView
from transfer.identifiers import CaseId, RequestId
from transfer.letter_codes import CodeHolder
from transfer.pages.forms import Fields, Problems
from transfer.pages.routes import Act, Answer, Asked, Declared, Page
from transfer.requests import OPEN
from transfer.rights import Right

_HOLDERS: Final[Mapping[CodeHolder, str]] = {
    CodeHolder.PATIENT: "The patient",
    CodeHolder.REFERRING_OFFICE: "The office that referred them",
    CodeHolder.SOURCE: "Facilities that were requested",
}


def _show(asked: Asked, problems: Problems | None = None, given: Mapping[str, object] | None = None) -> Answer:
    case = asked.id(CaseId, "case")
    identity = desk.may_see_identity(asked.services, case, actor=asked.actor)
    found = desk.dossier(asked.services, case, actor=asked.actor, identity=identity)
    context = {
        "found": found,
        "whom": _whom(asked, found),
        "holders": [(one.value, label) for one, label in _HOLDERS.items()],
        "given": given,
        "fields": asked.fields if problems else Fields(),
        "problems": problems or Problems(),
        "zone": asked.services.zone,
    }
    return Answer(
        template="case_code.html", title="Code for a letter", context=context, status=422 if problems else 200
    )


def _whom(asked: Asked, found: Dossier) -> Sequence[tuple[str, str]]:
    """Who may have a code: two of the case, and each department from which something is awaited."""
    own = [(one.value, label) for one, label in _HOLDERS.items() if one is not CodeHolder.SOURCE]
    awaited = [one for one in found.requests if one.state in OPEN]
    return [*own, *((one.request, _department(asked, one)) for one in awaited)]


def _department(asked: Asked, one: RequestView) -> str:
    institutions = asked.services.institutions
    if one.institution not in institutions:
        return one.institution
    source = institutions[one.institution]
    return f"{source.name}, {source.department(one.department).name}"


def _give(asked: Asked) -> Answer:
    case, problems = asked.id(CaseId, "case"), Problems()
    found = desk.dossier(asked.services, case, actor=asked.actor)
    labels = dict(_whom(asked, found))
    whom = asked.fields.one_of("whom", labels, problems, needed="Say who is to have the code")
    if problems:
        return _show(asked, problems)
    if RequestId.pattern.fullmatch(whom):
        did, path = desk.give_reply_code(asked.services, whom, actor=asked.actor), "/r/"
    else:
        did, path = desk.give_own_code(asked.services, case, CodeHolder(whom), actor=asked.actor), "/own/"
    given = {**did.fields, "label": labels[whom], "address": f"{asked.services.public_url}{path}"}
    return _show(asked, given=given)


def _pin(asked: Asked) -> Answer:
    case, problems = asked.id(CaseId, "case"), Problems()
    holders = [one for one in _HOLDERS if one is not CodeHolder.SOURCE]
    holder = asked.fields.one_of("told", holders, problems, needed="Say whom you have on the telephone")
    if problems:
        return _show(asked, problems)
    did = desk.give_own_pin(asked.services, case, CodeHolder(holder), actor=asked.actor)
    return _show(asked, given={**did.fields, "label": _HOLDERS[CodeHolder(holder)]})


def _end(asked: Asked) -> Answer:
    case, problems = asked.id(CaseId, "case"), Problems()
    holder = asked.fields.one_of("holder", [*_HOLDERS], problems, needed="Say whose codes end")
    if problems:
        return _show(asked, problems)
    did = desk.end_codes(asked.services, case, CodeHolder(holder), actor=asked.actor)
    return _show(asked, given=dict(did.fields))


DECLARED: Final[tuple[Declared, ...]] = (
    Page(path="/desk/cases/{case}/code", right=Right.WORK_ON_CASES, show=_show),
    Act(path="/desk/cases/{case}/code", right=Right.WORK_ON_CASES, do=_give),
    Act(path="/desk/cases/{case}/code/pin", right=Right.WORK_ON_CASES, do=_pin),
    Act(path="/desk/cases/{case}/code/end", right=Right.STOP, do=_end),
)
