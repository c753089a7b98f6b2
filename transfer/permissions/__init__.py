"""May this leave? The legal basis of a release, judged before asking, before collecting and at every egress.

There is no score: one missing element makes a release form invalid (HHS refused "substantial compliance", 65 FR 82516).
Every doubt is a finding with a code. A permission ends in one of five ways (`End`). The rules know forms, not FHIR:
`Authorization` is the release form as filed, in our words.
"""

from transfer.permissions.forms import (
    DISPUTABLE,
    Authorization,
    Emergency,
    End,
    Finding,
    FormStatus,
    Permission,
    Release,
    Ruling,
    SignerRole,
    Statement,
)
from transfer.permissions.labels import BEYOND_TREATMENT
from transfer.permissions.rules import RENEWAL, evaluate, expires_at, findings_on, renewal_due

__all__ = [
    "BEYOND_TREATMENT",
    "DISPUTABLE",
    "RENEWAL",
    "Authorization",
    "Emergency",
    "End",
    "Finding",
    "FormStatus",
    "Permission",
    "Release",
    "Ruling",
    "SignerRole",
    "Statement",
    "evaluate",
    "expires_at",
    "findings_on",
    "renewal_due",
]
