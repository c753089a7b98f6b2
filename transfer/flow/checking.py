"""A release form in a file, held against one release, without an installation."""

from datetime import datetime
from pathlib import Path
from typing import Final

from transfer import institutions
from transfer.adapters import hl7v2, paper, sent_forms
from transfer.errors import NeedsReview, Refused, Unexpected
from transfer.institutions import Institution, Institutions
from transfer.permissions import Authorization, Finding, UnclearForm
from transfer.permissions.checking import AskedRelease, FormCheck, check_forms, for_person

#: fields of a partner's file that say how it is reached: settings of an installation stand in them
_REACHED_BY: Final = frozenset({"http_door", "mllp_door", "certificates", "departments", "asking", "receives"})
_BLANK: Final = b"\xef\xbb\xbf \t\r\n\x0b"


def partners(folder: Path) -> Institutions:
    """Who the partners are and what each requires, from their files; how they are reached is left out.

    Raises:
        ValueError: names the file, the place in it and what is wrong.
    """
    return institutions.load(folder, {}, but=_REACHED_BY)


def check(body: bytes, asked: AskedRelease, known: Institutions, now: datetime) -> FormCheck:
    """Would the form in `body` permit this release, if its discloser had sent it? `now` is UTC.

    The body is a FHIR Consent, alone or in a bundle, an HL7 v2 message with CON, or the fields of a paper form.
    Nothing is kept.
    """
    try:
        if _is_fields(body):
            return _check_paper(body, asked, known, now)
        return check_forms(_forms(body, asked.discloser, known), asked, now)
    except UnclearForm as error:
        return for_person(error.findings)
    except (NeedsReview, Refused):
        return for_person([Finding.FORM_UNREADABLE])


def _is_fields(body: bytes) -> bool:
    """Whether it begins as neither JSON nor HL7 v2 does: YAML of ours begins with a field or a remark."""
    begin = body.lstrip(_BLANK)
    return begin[:3] != b"MSH" and begin[:1] not in (b"{", b"[", b"<")


def _check_paper(body: bytes, asked: AskedRelease, known: Institutions, now: datetime) -> FormCheck:
    found = paper.read(body, asked.discloser, known)
    if found.doubts:
        raise UnclearForm(found.doubts)
    _named(found.form)
    return check_forms((found.form,), asked, now, disputed=frozenset(one.finding for one in found.disputes))


def _forms(body: bytes, sender: Institution, known: Institutions) -> tuple[Authorization, ...]:
    if body.lstrip(_BLANK)[:3] == b"MSH":
        found = hl7v2.consents(body, sender)
        if not found:
            raise Unexpected("a message without a consent to a release")
        return tuple(map(_named, found))
    return (_named(sent_forms.authorization(body, sender, known)),)


def _named(form: Authorization) -> Authorization:
    if not (form.patient.names or form.patient.identifiers):
        raise Unexpected("a form that names no patient")
    return form
