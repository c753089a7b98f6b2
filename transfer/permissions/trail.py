"""What a patient's chain of facts says of permissions. Rulings are made only where the tables say the same.

A table can be changed beside the ledger by whoever has the application's role; a fact cannot.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from transfer import facts
from transfer.facts import LedgerLine
from transfer.identifiers import InstitutionId, PermissionId
from transfer.permissions.forms import End
from transfer.permissions.releases import Emergency


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionTrail:
    """The patient's permissions by the facts alone."""

    #: HMAC of each form as it was filed last, in hexadecimal
    forms: Mapping[PermissionId, str]
    #: how those ended that are not in force
    ends: Mapping[PermissionId, End]
    #: oldest first; `declared_at` is the time of the fact
    emergencies: tuple[Emergency, ...]

    def emergency(self, discloser: InstitutionId, recipient: InstitutionId) -> Emergency | None:
        """The last declaration about a release between these two, in force or not."""
        between = [one for one in self.emergencies if (one.discloser, one.recipient) == (discloser, recipient)]
        return between[-1] if between else None


def fold(lines: Iterable[LedgerLine]) -> PermissionTrail:
    """The permissions after all lines of the patient's chain, in their order."""
    forms: dict[PermissionId, str] = {}
    ends: dict[PermissionId, End] = {}
    emergencies: list[Emergency] = []
    for line in lines:
        match line.fact:
            case facts.PermissionFiled() as filed:
                forms[PermissionId(filed.permission)] = filed.form
            case facts.PermissionEnded() as ended:
                ends[PermissionId(ended.permission)] = End(ended.end)
            case facts.PermissionResumed() as resumed:
                ends.pop(PermissionId(resumed.permission), None)
            case facts.EmergencyDeclared() as declared:
                emergencies.append(
                    Emergency(
                        discloser=InstitutionId(declared.discloser),
                        recipient=InstitutionId(declared.recipient),
                        declared_by=declared.clinician,
                        declared_at=line.at,
                    )
                )
    return PermissionTrail(forms=forms, ends=ends, emergencies=tuple(emergencies))
