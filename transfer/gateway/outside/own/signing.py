"""Signing the release form at the patient's page."""

import re
from typing import Final

from transfer.adapters.paper.signed import ShownForm
from transfer.flow.outside.own import get_own_case
from transfer.flow.outside.signing import FormToSign, get_form, sign_form
from transfer.gateway.outside.own.case import pin_form
from transfer.gateway.outside.routes import OutsideAct, OutsidePage, Reached, Visit
from transfer.outside_sessions import Outsider
from transfer.pages.forms import Problems
from transfer.pages.routes import Answer
from transfer.patients import fold
from transfer.sentences import SENTENCES
from transfer.sentences.own_pages import OWN
from transfer.sentences.trade import day_words

#: between the words of a name
_BETWEEN: Final = re.compile(r"[\s\u002d\u2010-\u2015]+")
#: what the form says besides its facts (45 CFR 164.508(c)(2)), and what a signature here is (15 U.S.C. 7001(c))
_STATEMENTS: Final = (
    *("form_revoke", "form_condition", "form_redisclose", "form_special", "form_paper"),
    *("form_kind", "form_kept", "form_more"),
)


def _show(visit: Visit) -> Answer:
    if not get_own_case(visit.services, visit.session).is_proven:
        return pin_form("sign", Problems())
    return _form(visit, get_form(visit.services, visit.session), Problems())


def _rows(form: FormToSign) -> tuple[tuple[str, str], ...]:
    return (
        (OWN["form_patient"], f"{form.patient}, {day_words(form.born)}"),
        (OWN["form_what"], OWN["form_records"]),
        (OWN["form_by"], ", ".join(form.disclosers)),
        (OWN["form_to"], form.recipient),
        (OWN["form_for"], OWN["form_purpose"]),
        (OWN["form_until"], day_words(form.ends_on)),
    )


def _shown(form: FormToSign) -> ShownForm:
    return ShownForm(
        title=OWN["form_title"],
        rows=_rows(form),
        statements=tuple(OWN[one] for one in _STATEMENTS),
        meaning=OWN["form_tick"],
        kind=OWN["form_kind"],
    )


def _form(visit: Visit, form: FormToSign, problems: Problems) -> Answer:
    shown = _shown(form)
    context = {
        "words": OWN,
        "rows": shown.rows,
        "statements": shown.statements,
        "fields": visit.fields,
        "problems": problems,
    }
    return Answer(template="own_sign.html", title=OWN["form_title"], context=context, status=422 if problems else 200)


def _sign(visit: Visit) -> Answer:
    form, problems = get_form(visit.services, visit.session), Problems()
    signature = visit.fields.line("signed", problems, needed=OWN["needs_sign"], longest=100)
    if not _words(form.patient) <= _words(signature):
        problems.add("signed", OWN["other_name"])
    if "yes" not in visit.fields.chosen("sure"):
        problems.add("sure", OWN["needs_sure"])
    if problems:
        return _form(visit, form, problems)
    shown = _shown(form)
    did = sign_form(visit.services, visit.session, signature, shown, network=visit.network)
    is_stopped = get_own_case(visit.services, visit.session).end is not None
    found = did.fields.get("findings", ())
    said = [SENTENCES[str(one)].patient for one in found] if isinstance(found, tuple) else []
    context = {
        "words": OWN,
        "found": list(dict.fromkeys(said)),
        "is_stopped": is_stopped,
        "rows": [*shown.rows, (OWN["form_by_you"], signature), (OWN["form_on"], day_words(form.today))],
        "statements": shown.statements,
    }
    return Answer(template="own_signed.html", title=OWN["thanks"], context=context)


def _words(name: str) -> frozenset[str]:
    """What a name and a signature have in common, however they are typed: a telephone makes ’ of ', and few type é."""
    return frozenset(filter(None, map(fold, _BETWEEN.split(name))))


_K = Outsider.OWN
DECLARED: Final[tuple[Reached, ...]] = (
    OutsidePage(path="/own/sign", kind=_K, show=_show),
    OutsideAct(path="/own/sign", kind=_K, do=_sign),
)
