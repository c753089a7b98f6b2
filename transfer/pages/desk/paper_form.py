"""A release form among the pages of a paper: its elements beside the scan, what is wrong with it at once, and filed."""

import json
from datetime import datetime
from typing import Final

from transfer.arrivals import Grant
from transfer.errors import NotAllowed
from transfer.flow import desk
from transfer.flow.desk import PagesOf
from transfer.identifiers import CaseId, IncomingId, InstitutionId
from transfer.pages.desk.incoming import KINDS, shown
from transfer.pages.desk.words import Choices, by_name, words
from transfer.pages.forms import Fields, Problems
from transfer.pages.routes import Act, Answer, Asked, Next, Page
from transfer.records import RecordKind
from transfer.refusals import RefusalCode
from transfer.rights import Right
from transfer.security_labels import SENSITIVITY
from transfer.sentences import SENTENCES

_HERE: Final = "/desk/incoming/{paper}/cases/{case}/form"
_MISSING: Final = "missing"
_OTHER: Final = "other"
#: the days of a form, and what each is called
_DAYS: Final = (
    ("dated_from", "Only records from this day on"),
    ("dated_until", "Only records until this day"),
    ("starts", "The form holds from"),
    ("expires", "The form ends on"),
    ("signed", "Signed on"),
)
_STATEMENTS: Final = (
    ("revoke", "that it may be revoked, and how"),
    ("condition", "whether treatment or payment depends on it"),
    ("redisclose", "that the recipient may disclose again"),
)
#: what such a form is signed for mostly; the rest is `other`, which a person decides about
_PURPOSES: Final = (
    ("TREAT", "Treatment, a second opinion"),
    ("PATRQT", "At the patient's request"),
    ("COC", "Coordination of care"),
    (_OTHER, "Something else"),
)
_SIGNATURES: Final = (
    ("handwritten", "By hand"),
    ("electronic", "Electronically"),
    ("witnessed-mark", "A mark, and a witness beside it"),
    ("stamp", "A stamp"),
    ("typed", "A typed name"),
    (_MISSING, "Nobody signed"),
)
_SIGNERS: Final = (("patient", "The patient"), ("representative", "A representative"))
_RECORDS: Final = (
    ("all", "All records"),
    ("listed", "The kinds ticked below"),
    ("single-records", "One report of one day"),
    (_MISSING, "It does not say"),
)
_FORMS: Final = (("release", "Releases records"), ("refusal", "Forbids a release"))
_TERMS: Final = (("none", "Nothing"), ("present", "Something else: exceptions, conditions"))


def show(asked: Asked) -> Answer:
    return _form(asked, Problems())


def _form(asked: Asked, problems: Problems, findings: list[str] | None = None) -> Answer:
    name, case = asked.id(IncomingId, "paper"), asked.id(CaseId, "case")
    paper = desk.look_at_paper(asked.services, name, actor=asked.actor)
    begun = {"form": ["release"], "records": ["all"], "ordinary": ["yes"], "by": ["patient"], "terms": ["none"]}
    # Mostly the office that refers sends it along; what the form itself says is never filled in beforehand.
    begun["institution"] = [desk.dossier(asked.services, case, actor=asked.actor).referring or ""]
    return Answer(
        template="paper_form.html",
        title=f"Release form on paper {name}",
        context={
            **shown(asked, paper),
            **_choices(asked),
            "case": case,
            "findings": findings,
            "fields": asked.fields if asked.fields.sent else Fields(begun),
            "problems": problems,
        },
        status=422 if problems else 200,
    )


def _choices(asked: Asked) -> dict[str, object]:
    known = asked.services.institutions
    others: Choices = [(_OTHER, "Somebody else")]
    return {
        "senders": by_name(asked.services, [key for key in known if Grant.AUTHORIZATIONS in known[key].grants]),
        "disclosers": by_name(asked.services, [key for key in known if known[key].departments]) + others,
        "recipients": by_name(asked.services, [key for key in known if known[key].receives]) + others,
        "does": _FORMS,
        "extents": _RECORDS,
        "kinds": [*KINDS, (RecordKind.IMAGES.value, words(RecordKind.IMAGES))],
        "specials": [(code, code) for code in sorted(SENSITIVITY)],
        "purposes": _PURPOSES,
        "signatures": _SIGNATURES,
        "signers": _SIGNERS,
        "statements": _STATEMENTS,
        "terms": _TERMS,
        "illegibles": _DAYS,
    }


def enter(asked: Asked) -> Answer | Next:
    """First what is wrong with it, then it is filed as it stands, for what it lacks is a fact as well."""
    problems = Problems()
    said = _read(asked, problems)
    if problems or said is None:
        return _form(asked, problems)
    sender, fields, pages = said
    try:
        found = desk.findings_on_paper(asked.services, sender, fields, actor=asked.actor)
        if not asked.fields.chosen("file"):
            return _form(asked, problems, [SENTENCES[one].staff for one in found])
        came_on = PagesOf(asked.id(IncomingId, "paper"), pages)
        case = asked.id(CaseId, "case")
        desk.file_paper_form(asked.services, case, sender, fields, came_on, actor=asked.actor)
    except NotAllowed as error:
        if error.refusal is None or error.refusal.code is not RefusalCode.FIELDS_NOT_UNDERSTOOD:
            raise
        problems.add("form", str(error))
        return _form(asked, problems)
    paper = asked.id(IncomingId, "paper")
    is_left = bool(desk.listed_paper(asked.services, paper, actor=asked.actor).left)
    return Next(f"/desk/incoming/{paper}/cases/{case}" if is_left else f"/desk/cases/{case}")


def _read(asked: Asked, problems: Problems) -> tuple[InstitutionId, bytes, str] | None:
    """Who brought it, its fields, and the pages. None: something is wrong, and stands in `problems`."""
    fields, choices = asked.fields, _choices(asked)
    pages = fields.line("pages", problems, needed="Write which pages are the form")
    senders = dict(_pairs(choices["senders"]))
    sender = fields.one_of("institution", senders, problems, needed="Choose who brought the form")
    form = {
        "form": fields.one_of("form", dict(_FORMS), problems, needed="Choose what it does"),
        "number": fields.line("number", problems) or _MISSING,
        "replaces": fields.line("replaces", problems) or _MISSING,
        "printed_number": fields.line("printed", problems) or _MISSING,
        "patient": _patient(asked, problems),
        "information": _information(fields, problems),
        "released_by": list(fields.chosen("released_by")) or _MISSING,
        "released_to": list(fields.chosen("released_to")) or _MISSING,
        "purposes": list(fields.chosen("purposes")) or _MISSING,
        "starts_on": _day(fields, "starts", problems),
        "expires": _expires(fields, problems),
        "signature": _signature(asked, problems),
        "statements": {name: "found" if name in fields.chosen("statements") else _MISSING for name, _ in _STATEMENTS},
        "refuses": "none",
        "other_terms": fields.one_of("terms", dict(_TERMS), problems, needed="Choose whether it says more"),
        "disputes": "none",
    }
    return None if problems else (InstitutionId(sender), json.dumps(form).encode(), pages)


def _pairs(choices: object) -> Choices:
    assert isinstance(choices, list)  # they are ours
    return choices


def _patient(asked: Asked, problems: Problems) -> dict[str, object]:
    fields = asked.fields
    born = fields.day("born", problems, latest=asked.today)
    return {
        "family": fields.line("family", problems) or _MISSING,
        "given": fields.line("given", problems).split() or _MISSING,
        "birth_date": born.isoformat() if born else _MISSING,
    }


def _information(fields: Fields, problems: Problems) -> object:
    extent = fields.one_of("records", dict(_RECORDS), problems, needed="Choose what it releases")
    if extent == _MISSING:
        return _MISSING
    kinds = list(fields.chosen("kinds"))
    if extent == "listed" and not kinds:
        problems.add("kinds", "Choose the kinds that it names")
    return {
        "records": kinds if extent == "listed" else extent,
        "ordinary": "yes" in fields.chosen("ordinary"),
        "special": list(fields.chosen("special")) or "none",
        "dated_from": _day(fields, "dated_from", problems),
        "dated_until": _day(fields, "dated_until", problems),
    }


def _expires(fields: Fields, problems: Problems) -> object:
    ends = {"dated": _day(fields, "expires", problems), "event": fields.line("event", problems) or _MISSING}
    return _MISSING if set(ends.values()) == {_MISSING} else ends


def _signature(asked: Asked, problems: Problems) -> object:
    fields = asked.fields
    kind = fields.one_of("signature", dict(_SIGNATURES), problems, needed="Choose what stands there")
    dated = _day(fields, "signed", problems)
    if kind == _MISSING:
        return _MISSING
    return {
        "kind": kind,
        "by": fields.one_of("by", dict(_SIGNERS), problems, needed="Choose whose it is"),
        "authority": fields.line("authority", problems) or _MISSING,
        "dated": dated,
        "looked_at_by": asked.actor.person,
        "looked_at_on": datetime.now(asked.services.zone).date().isoformat(),
    }


def _day(fields: Fields, name: str, problems: Problems) -> str:
    if name in fields.chosen("illegible"):
        return "illegible"
    day = fields.day(name, problems)
    return day.isoformat() if day else _MISSING


DECLARED = (
    Page(path=_HERE, right=Right.RELEASE, show=show),
    Act(path=_HERE, right=Right.RELEASE, do=enter),
)
