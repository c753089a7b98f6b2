"""A complete Consent with something else in it, and what the rules say of it and of any other form in a file."""

import copy
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from transfer import institutions
from transfer.flow.checking import check
from transfer.identifiers import InstitutionId
from transfer.institutions import Basis
from transfer.permissions.checking import AskedRelease, FormCheck
from transfer.records import RecordKind

FORMS: Final = Path(__file__).parents[1] / "samples" / "consents"
PARTNERS: Final = institutions.load(FORMS / "institutions", {})
COMPLETE: Final[dict[str, Any]] = json.loads((FORMS / "c000.json").read_text())
NOW: Final = datetime(2026, 6, 15, 15, 0, tzinfo=UTC)
CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ROLE: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
LOINC: Final = "http://loinc.org"


def checked(
    form: dict[str, Any] | bytes,
    *,
    policy: str = "authorization",
    labels: str = "",
    kind: RecordKind = RecordKind.NOTE,
    now: datetime = NOW,
    dated: date | None = None,
    purpose: str = "TREAT",
) -> FormCheck:
    """What becomes of a release of Lakeside's to Summit under this form alone."""
    body = form if isinstance(form, bytes) else json.dumps(form).encode()
    asked = AskedRelease(
        discloser=PARTNERS["lakeside"].model_copy(update={"requires": Basis(policy)}),
        recipient=InstitutionId("summit"),
        kind=kind,
        purpose=purpose,
        labels=frozenset(labels.split()),
        dated=dated,
    )
    return check(body, asked, PARTNERS, now)


def a_form(*, provision: dict[str, Any] | None = None, **differing: Any) -> dict[str, Any]:
    """The complete form with something else in it; None takes an element out."""
    form = copy.deepcopy(COMPLETE)
    for tree, said in ((form, differing), (form["provision"], provision or {})):
        tree.update(said)
        for name in [name for name, value in said.items() if value is None]:
            del tree[name]
    return form


def concept(code: str, system: str | None = None, **more: Any) -> dict[str, Any]:
    coding = {"code": code, **({"system": system} if system else {}), **more}
    return {"coding": [coding]}


def actor(role: str, npi: str | None, **reference: Any) -> dict[str, Any]:
    number = {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": npi}} if npi else {}
    return {"role": concept(role, ROLE), "reference": {"type": "Organization", **number, **reference}}


CST: Final = actor("CST", "1")
IRCP: Final = actor("IRCP", "3")
