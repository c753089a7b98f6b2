"""What facts say of a patient's permissions. Rulings are made only where the tables say the same.

A table can be changed beside the ledger by whoever has the application's role; a fact cannot.

Forms are filed in the chain of the patient they were filed for. Where two patients were merged, the kept one has the
forms of both until they are taken apart, and how one ended stands in the chain of who had it then.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from transfer import facts
from transfer.facts import LedgerLine
from transfer.identifiers import ArrivalId, InstitutionId, PatientId, PermissionId
from transfer.permissions.disputes import Dispute
from transfer.permissions.forms import End
from transfer.permissions.releases import Emergency


@dataclass(frozen=True, slots=True)
class FormFiled:
    """What the fact says of a form: its HMAC in hexadecimal, and under whose key that was made."""

    hmac: str
    patient: PatientId


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionTrail:
    """The patient's permissions by the facts alone."""

    forms: Mapping[PermissionId, FormFiled]
    #: how those ended that are not in force
    ends: Mapping[PermissionId, End]
    #: what stands against a form, by the arrival that it came in
    disputes: Mapping[ArrivalId, frozenset[Dispute]]
    #: oldest first; `declared_at` is the time of the fact
    emergencies: tuple[Emergency, ...]

    def emergency(self, discloser: InstitutionId, recipient: InstitutionId) -> Emergency | None:
        """The last declaration about a release between these two, in force or not."""
        between = [one for one in self.emergencies if (one.discloser, one.recipient) == (discloser, recipient)]
        return between[-1] if between else None


def partners(lines: Sequence[LedgerLine]) -> set[PatientId]:
    """With whom the patient of this chain was ever merged: the chains that `fold` needs, too."""
    merged = [line.fact for line in lines if isinstance(line.fact, facts.PatientsMerged)]
    return {PatientId(one) for fact in merged for one in (fact.absorbed, fact.kept)}


def fold(patient: PatientId, chains: Mapping[PatientId, Sequence[LedgerLine]]) -> PermissionTrail:
    """The permissions after all lines. `chains` are the patient's, and those of all with whom it was ever merged."""
    filed: dict[PermissionId, FormFiled] = {}
    ends: dict[PermissionId, End] = {}
    disputes: defaultdict[ArrivalId, set[Dispute]] = defaultdict(set)
    kept_as: dict[PatientId, PatientId] = {}
    emergencies: list[Emergency] = []
    for of, line in _in_order(chains):
        match line.fact:
            case facts.PatientsMerged() as merged:
                kept_as[PatientId(merged.absorbed)] = PatientId(merged.kept)
            case facts.PatientsSplit() as split:
                kept_as.pop(PatientId(split.absorbed), None)
            case facts.PermissionFiled() as form:
                filed[PermissionId(form.permission)] = FormFiled(form.form, of)
            case facts.PermissionEnded() as ended:
                ends[PermissionId(ended.permission)] = End(ended.end)
            case facts.PermissionResumed() as resumed:
                ends.pop(PermissionId(resumed.permission), None)
            case facts.DisputeEntered() as entered:
                disputes[ArrivalId(entered.arrival)].add(Dispute(entered.dispute))
            case facts.DisputeWithdrawn() as withdrawn:
                disputes[ArrivalId(withdrawn.arrival)].discard(Dispute(withdrawn.dispute))
            case facts.EmergencyDeclared() as declared if of == patient:
                emergencies.append(_emergency(declared, line.at))
    forms = {name: form for name, form in filed.items() if _owner(form.patient, kept_as) == patient}
    return PermissionTrail(
        forms=forms,
        ends={name: end for name, end in ends.items() if name in forms},
        disputes={arrival: frozenset(found) for arrival, found in disputes.items() if found},
        emergencies=tuple(emergencies),
    )


def _in_order(chains: Mapping[PatientId, Sequence[LedgerLine]]) -> Iterator[tuple[PatientId, LedgerLine]]:
    """All lines by their time; those of one chain in its own order, also where a clock went back."""
    timed: list[tuple[datetime, PatientId, LedgerLine]] = []
    for of, lines in chains.items():
        latest: datetime | None = None
        for line in lines:
            latest = max(latest, line.at) if latest else line.at
            timed.append((latest, of, line))
    timed.sort(key=lambda one: one[0])
    return ((of, line) for _, of, line in timed)


def _owner(patient: PatientId, kept_as: Mapping[PatientId, PatientId]) -> PatientId:
    """Who has what was this patient's."""
    seen = {patient}
    while patient in kept_as and kept_as[patient] not in seen:
        patient = kept_as[patient]
        seen.add(patient)
    return patient


def _emergency(declared: facts.EmergencyDeclared, at: datetime) -> Emergency:
    return Emergency(
        discloser=InstitutionId(declared.discloser),
        recipient=InstitutionId(declared.recipient),
        declared_by=declared.clinician,
        declared_at=at,
    )
