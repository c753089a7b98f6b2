"""A release form as the rules judge it, with nothing wrong with it, and whom it is between."""

from datetime import date
from typing import Any

from transfer.identifiers import InstitutionId
from transfer.patients import Demographics, IssuedIdentifier
from transfer.permissions import Authorization, FormStatus, Provision, ProvisionType, SignerRole, Statement

OFFICE = InstitutionId("lakeside-oncology")
LABORATORY = InstitutionId("prairie-pathology")
CENTER = InstitutionId("summit-cancer-center")

#: elements of a form that stand in the root of its tree, by the names the tests use
IN_ROOT = {
    "disclosers": "disclosers",
    "recipients": "recipients",
    "information": "kinds",
    "special": "labels",
    "purposes": "purposes",
    "effective_from": "starts_on",
    "expires_on": "ends_on",
    "actions": "actions",
    "provisions": "provisions",
    "data_from": "data_from",
    "data_until": "data_until",
}


def a_form(*, denies: bool = False, **differing: Any) -> Authorization:
    """A form with nothing wrong with it."""
    root: dict[str, Any] = {
        "type": ProvisionType.DENY if denies else ProvisionType.PERMIT,
        "disclosers": frozenset({OFFICE, LABORATORY}),
        "recipients": frozenset({CENTER}),
        "purposes": frozenset({"TREAT"}),
        "ends_on": date(2027, 6, 30),
    }
    root |= {IN_ROOT[name]: value for name, value in differing.items() if name in IN_ROOT}
    plain: dict[str, Any] = {
        "patient": Demographics(),
        "reference": IssuedIdentifier("urn:forms", "1"),
        "status": FormStatus.ACTIVE,
        "provision": Provision(**root),
        "described": True,
        "expires_event": None,
        "event_occurred": False,
        "signed_by": SignerRole.PATIENT,
        "signed_on": date(2026, 11, 2),
        "verified_on": frozenset({date(2026, 11, 2)}),
        "representative_authority": None,
        "statements": frozenset(Statement),
        "replaces": None,
    }
    return Authorization(**{**plain, **{name: value for name, value in differing.items() if name not in IN_ROOT}})
