"""A form judged by itself, before or without an installation: would it permit this release?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import chain

from transfer.identifiers import InstitutionId, PermissionId
from transfer.institutions import Basis, Institution
from transfer.partial_dates import PartialDate
from transfer.permissions.findings import Finding
from transfer.permissions.forms import Authorization, Permission
from transfer.permissions.provisions import Provision, ProvisionType, inherited, misfit
from transfer.permissions.releases import Release
from transfer.permissions.rules import evaluate
from transfer.records import RecordKind


class Decision(StrEnum):
    """What becomes of the release under this form alone."""

    PERMIT = "permit"
    REFUSE = "refuse"
    PERSON = "person"


class Applies(StrEnum):
    """Whether a provision is about the release."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedProvision:
    """One node of the form's tree. `because`: the elements that do not fit the release, or may not."""

    path: str
    type: ProvisionType
    applies: Applies
    because: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormCheck:
    """The answer. What permits has no findings, anything else at least one."""

    decision: Decision
    findings: tuple[Finding, ...]
    provisions: tuple[JudgedProvision, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRelease:
    """The release that a form is held against. `purpose` is of v3-ActReason; `dated` is the day the record is from."""

    discloser: Institution
    recipient: InstitutionId
    kind: RecordKind
    purpose: str
    labels: frozenset[str] = frozenset()
    dated: date | None = None


def check_forms(
    forms: Sequence[Authorization], asked: AskedRelease, now: datetime, *, disputed: frozenset[Finding] = frozenset()
) -> FormCheck:
    """Rule on a release as if these forms were all that is on file, by what the discloser requires.

    `now` is UTC. `disputed` is what a person found wrong with each of them. The same again gives the same.
    """
    release = Release(
        discloser=InstitutionId(asked.discloser.id),
        recipient=asked.recipient,
        kinds=frozenset({asked.kind}),
        purpose=asked.purpose,
        labels=asked.labels,
        dated=PartialDate.of(asked.dated) if asked.dated else None,
    )
    known = [Permission(id=PermissionId.draw(), form=form, ended=None) for form in forms]
    zone = asked.discloser.zone
    disputes = {one.id: disputed for one in known}
    policy = asked.discloser.basis_for(asked.labels)
    ruling = evaluate(
        release,
        policy=policy,
        zone=zone,
        permissions=known,
        now=now,
        disputes=disputes,
        beyond_treatment=asked.discloser.beyond_treatment,
        own_forms=asked.discloser.own_forms,
    )
    decision = Decision.PERMIT if ruling.is_permitted else Decision.PERSON if ruling.needs_person else Decision.REFUSE
    today = now.astimezone(zone).date()
    paths = ["provision"] if len(forms) == 1 else [f"form[{number}].provision" for number in range(len(forms))]
    any_purpose = policy is Basis.ACCESS_DIRECTIVE
    judged = (
        _judged(form.provision, release, today, path, any_purpose=any_purpose)
        for path, form in zip(paths, forms, strict=True)
    )
    return FormCheck(decision=decision, findings=ruling.findings, provisions=tuple(chain.from_iterable(judged)))


def for_person(findings: Iterable[Finding]) -> FormCheck:
    """The answer where a form cannot be read by rules at all."""
    return FormCheck(decision=Decision.PERSON, findings=tuple(findings) or (Finding.FORM_UNREADABLE,))


def _judged(
    node: Provision, release: Release, today: date, path: str, *, any_purpose: bool
) -> Iterator[JudgedProvision]:
    misfits = tuple(misfit(node, release, today, any_purpose=any_purpose))
    certain = any(is_certain for _, is_certain in misfits)
    yield JudgedProvision(
        path=path,
        type=node.type,
        applies=Applies.NO if certain else Applies.UNCLEAR if misfits else Applies.YES,
        because=tuple(dict.fromkeys(finding for finding, _ in misfits)),
    )
    for number, inner in enumerate(node.provisions):
        yield from _judged(
            inherited(inner, node), release, today, f"{path}.provision[{number}]", any_purpose=any_purpose
        )
