"""May this leave? The legal basis of a release, judged before asking, before collecting and at every egress.

There is no score: one missing element makes a release form invalid (HHS refused "substantial compliance", 65 FR 82516).
Every doubt is a finding with a code. A permission ends in one of five ways (`End`). The rules know forms, not FHIR:
`Authorization` is the release form as filed, in our words.
"""

from transfer.permissions.disputes import Dispute
from transfer.permissions.findings import Finding
from transfer.permissions.forms import (
    Authorization,
    End,
    FormStatus,
    Permission,
    SignerRole,
    Statement,
    UnclearForm,
)
from transfer.permissions.provisions import Action, Provision, ProvisionType
from transfer.permissions.releases import Emergency, Release, Ruling
from transfer.permissions.rules import RENEWAL, changes, doubts_on, evaluate, expires_at, findings_on, renewal_due

__all__ = [
    "RENEWAL",
    "Action",
    "Authorization",
    "Dispute",
    "Emergency",
    "End",
    "Finding",
    "FormStatus",
    "Permission",
    "Provision",
    "ProvisionType",
    "Release",
    "Ruling",
    "SignerRole",
    "Statement",
    "UnclearForm",
    "changes",
    "doubts_on",
    "evaluate",
    "expires_at",
    "findings_on",
    "renewal_due",
]
