"""The release form that the patient signs at our page: the six elements of 45 CFR 164.508(c)(1) and the statements of
(c)(2), with an electronic signature (15 U.S.C. 7001(a)). It takes effect as one on paper does that somebody entered.

It names those alone who take such a form. Whoever wants a form of its own gets that one, on paper.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from transfer.actions import ActionResult
from transfer.adapters.paper.signed import ShownForm, SignedForm, TypedSignature, signed_fields, signed_pdf
from transfer.arrivals import Door, Grant
from transfer.case import Case, OpenedCase
from transfer.errors import Unknown
from transfer.flow.desk.paper_forms import file_form
from transfer.flow.outside.own import patients_own
from transfer.flow.outside.sessions import by_outsider
from transfer.flow.services import Services
from transfer.identifiers import InstitutionId
from transfer.ledger import Tx, patients, permissions, requests
from transfer.outside_sessions import OutsideSession
from transfer.patients import Demographics

#: how long such a form holds
HOLDS_FOR: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormToSign:
    """What the patient is asked to sign. Names of institutions are as people call them."""

    patient: str
    born: date
    disclosers: tuple[str, ...]
    recipient: str
    #: the day of the signature, where the office that referred the patient is
    today: date
    ends_on: date


def get_form(services: Services, session: OutsideSession) -> FormToSign:
    """The form.

    Raises:
        Unknown: nobody who was asked takes such a form, or it is not the patient, or the PIN was not typed.
    """
    with by_outsider(services, session.account) as tx:
        case, opened, who = _who_signs(tx, session)
        form = _form(tx, services, session, case, opened, who)
    known = services.institutions
    return FormToSign(
        patient=" ".join((*form.given, form.family)),
        born=form.born,
        disclosers=tuple(known[one].name for one in form.disclosers),
        recipient=known[form.recipient].name,
        today=form.signed_on,
        ends_on=form.ends_on,
    )


def is_offered(services: Services, session: OutsideSession) -> bool:
    """Whether there is a form to sign, whether or not the PIN was typed."""
    with by_outsider(services, session.account) as tx:
        _, case, opened = patients_own(tx, session)
        return case.is_open and bool(_disclosers(tx, services, case, opened))


def sign_form(
    services: Services, session: OutsideSession, typed: str, shown: ShownForm, *, network: str
) -> ActionResult:
    """Sign it by typing the name: filed with what was shown, when and from where, and what is wrong with it is said at
    once. The same again in one sign-in is the same form, as it was signed first, unless a form was ended since: whoever
    takes one back and signs again means it.

    Raises:
        Unknown: as `get_form`, or nobody may file forms for the office that referred.
        ChangedMeanwhile: the case became another patient's meanwhile; the same again decides anew.
    """
    with by_outsider(services, session.account) as tx:
        case, opened, who = _who_signs(tx, session)
        form = _form(tx, services, session, case, opened, who)
        at = tx.now().astimezone(services.institutions[session.institution].zone)
        ended = sum(one.ended is not None for one in permissions.filed(tx, opened.patient))
    fields = signed_fields(form)
    return file_form(
        services,
        case.id,
        services.institutions[session.institution],
        fields,
        signed_pdf(form, shown, TypedSignature(typed=typed, at=at, network=network)),
        door=Door.PAGE,
        begin=lambda: by_outsider(services, session.account),
        once=f"{session.account}|{hashlib.sha256(fields).hexdigest()}|{ended}",
    )


def _who_signs(tx: Tx, session: OutsideSession) -> tuple[Case, OpenedCase, Demographics]:
    letter, case, opened = patients_own(tx, session)
    who = patients.identity(tx, opened.patient)
    if not letter.is_proven or not case.is_open or who is None:
        raise Unknown("there is no such page")
    return case, opened, who.current


def _form(
    tx: Tx, services: Services, session: OutsideSession, case: Case, opened: OpenedCase, who: Demographics
) -> SignedForm:
    disclosers = _disclosers(tx, services, case, opened)
    if not disclosers or not who.names or not who.names[0].family or who.birth_date is None:
        raise Unknown("there is no such page")
    today = tx.now().astimezone(services.institutions[session.institution].zone).date()
    return SignedForm(
        family=who.names[0].family,
        given=who.names[0].given,
        born=who.birth_date,
        disclosers=disclosers,
        recipient=opened.receiver,
        signed_on=today,
        ends_on=today + HOLDS_FOR,
        account=session.account,
    )


def _disclosers(tx: Tx, services: Services, case: Case, opened: OpenedCase) -> tuple[InstitutionId, ...]:
    """Those who were asked and take such a form. None where the referring office may file none."""
    known = services.institutions
    if Grant.AUTHORIZATIONS not in known[opened.referring].grants:
        return ()
    asked = sorted({one.institution for one in requests.of_case(tx, case.id)})
    takes = (one for one in asked if one in known and known[one].takes_electronic_signatures)
    return tuple(InstitutionId(one) for one in takes if not known[one].own_forms)
