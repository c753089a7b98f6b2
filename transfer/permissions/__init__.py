"""May this leave? The legal basis of a release, judged before asking, before collecting and at every egress.

Not a score: one missing element makes a release form invalid (HHS refused "substantial compliance", 65 FR 82516), and
every doubt is a finding with a code. What ends a permission is one of five things and they are not the same (`End`).
The rules know forms, not FHIR: `Authorization` is the release form as filed, in our words.
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
    Signer,
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
    "Signer",
    "Statement",
    "evaluate",
    "expires_at",
    "findings_on",
    "renewal_due",
]
