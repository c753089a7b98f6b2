"""A release form that the patient signed at our page: the fields that a person fills in from paper, and a PDF of it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import yaml

from transfer.adapters.paper.pages import written
from transfer.errors import Unavailable
from transfer.identifiers import InstitutionId
from transfer.incoming import PaperRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedForm:
    """What was signed. Days are of the office that referred the patient. `account`: of the sign-in by code, birth date
    and PIN, which shows who signed.
    """

    family: str
    given: tuple[str, ...]
    born: date
    disclosers: tuple[InstitutionId, ...]
    recipient: InstitutionId
    signed_on: date
    ends_on: date
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownForm:
    """The form as it was shown, in the words of the page. `meaning`: what was ticked. `kind`: which kind of signature
    the page said that this is.
    """

    title: str
    rows: tuple[tuple[str, str], ...]
    statements: tuple[str, ...]
    meaning: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedSignature:
    """An electronic signature (15 U.S.C. 7006(5)): a name that was typed with the intent to sign. `at`: in the zone of
    the office that referred the patient. `network`: the address it came from (IPv6: its /64).
    """

    typed: str
    at: datetime
    network: str


def signed_fields(form: SignedForm) -> bytes:
    """The fields of the form (45 CFR 164.508(c)): ordinary records alone, for treatment, until a day."""
    missing = "missing"
    said: dict[str, Any] = {
        "form": "release",
        "number": missing,
        "replaces": missing,
        "printed_number": missing,
        "patient": {"family": form.family, "given": list(form.given) or missing, "birth_date": form.born.isoformat()},
        "information": {
            "records": "all",
            "ordinary": True,
            "special": "none",
            "dated_from": missing,
            "dated_until": missing,
        },
        "released_by": [str(one) for one in form.disclosers],
        "released_to": [str(form.recipient)],
        "purposes": ["TREAT"],
        "starts_on": missing,
        "expires": {"dated": form.ends_on.isoformat(), "event": missing},
        "signature": {
            "kind": "electronic",
            "by": "patient",
            "authority": missing,
            "dated": form.signed_on.isoformat(),
            "looked_at_by": form.account,
            "looked_at_on": form.signed_on.isoformat(),
        },
        "statements": {"revoke": "found", "condition": "found", "redisclose": "found"},
        "refuses": "none",
        "other_terms": "none",
        "disputes": "none",
    }
    return yaml.safe_dump(said, sort_keys=False, allow_unicode=True).encode()


def signed_pdf(form: SignedForm, shown: ShownForm, signature: TypedSignature) -> bytes:
    """The form as it was shown, with who signed it, what that means, when and how (21 CFR 11.50(a)), as a PDF, drawn in
    the bounded process. The same again is the same bytes.

    Raises:
        Unavailable: the process does not run, or ended.
    """
    sheet = {
        "title": shown.title,
        "day": form.signed_on.isoformat(),
        "rows": list(map(list, shown.rows)),
        "statements": list(shown.statements),
        "signature": [
            ["Signed", signature.typed],
            ["Meaning", shown.meaning],
            ["Date and time", f"{signature.at:%Y-%m-%d %H:%M:%S %Z (UTC%z)}"],
            ["Kind", shown.kind],
            ["Signed in by", f"the code of a letter, the birth date, and a PIN told by telephone ({form.account})"],
            ["From", signature.network or "an address that was not told"],
        ],
    }
    try:
        return written(sheet)
    except PaperRefused:
        raise Unavailable("the form could not be drawn") from None
