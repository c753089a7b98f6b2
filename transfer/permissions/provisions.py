"""What a form permits and refuses: one tree, each node by its own type.

Within a node all elements must fit, of each element one repetition (IHE PCF, appendix P:
https://profiles.ihe.net/ITI/PCF/ch-P.html). An absent element does not constrain. Nested nodes are exceptions. Among
siblings a refusal wins. A nested permit that leaves an element out has that of its parent: it widens no more than it
says. A nested refusal that leaves one out is about everything.

Where it cannot be told whether a node is about a release, all that may be so is the answer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from transfer.identifiers import InstitutionId
from transfer.partial_dates import PartialDate
from transfer.permissions import labels as labelled
from transfer.permissions.findings import Finding
from transfer.permissions.purposes import includes, serves
from transfer.permissions.releases import Release
from transfer.records import RecordKind


class ProvisionType(StrEnum):
    """https://hl7.org/fhir/R4/valueset-consent-provision-type.html"""

    PERMIT = "permit"
    DENY = "deny"


class Action(StrEnum):
    """https://hl7.org/fhir/R4/valueset-consent-action.html"""

    COLLECT = "collect"
    ACCESS = "access"
    USE = "use"
    DISCLOSE = "disclose"
    CORRECT = "correct"


# Who refuses that something is read or used refuses that it is sent for that.
_MEAN_DISCLOSING = frozenset({Action.COLLECT, Action.ACCESS, Action.USE, Action.DISCLOSE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Provision:
    """A node. An empty set does not constrain. Days are days in the discloser's time zone, both ends included."""

    type: ProvisionType
    #: when the rule is in force
    starts_on: date | None = None
    ends_on: date | None = None
    disclosers: frozenset[InstitutionId] = frozenset()
    recipients: frozenset[InstitutionId] = frozenset()
    #: it names others, too: a practitioner, a group, a class of persons
    other_disclosers: bool = False
    other_recipients: bool = False
    actions: frozenset[Action] = frozenset()
    #: v3-ActReason
    purposes: frozenset[str] = frozenset()
    #: None = all records; a permit of no kind at all cannot be told from one of all, so there is none
    kinds: frozenset[RecordKind] | None = None
    #: codes of documents name them: some records of these kinds are meant, and no rule tells which
    is_by_code: bool = False
    #: v3-Confidentiality and v3-ActCode: what is labelled so, and nothing else
    labels: frozenset[str] = frozenset()
    #: when the data is from
    data_from: date | None = None
    data_until: date | None = None
    provisions: tuple["Provision", ...] = ()

    def nodes(self) -> Iterator["Provision"]:
        """This node and all beneath, as they are written."""
        yield self
        for inner in self.provisions:
            yield from inner.nodes()

    def permits(self) -> Iterator["Provision"]:
        """The permits among them, each with what it has from its parent."""
        if self.type is ProvisionType.PERMIT:
            yield self
        for inner in self.provisions:
            yield from inherited(inner, self).permits()


def inherited(inner: Provision, parent: Provision) -> Provision:
    """A nested permit with the elements of its parent where it has none; a nested refusal as it is."""
    if inner.type is ProvisionType.DENY:
        return inner
    names_disclosers = inner.disclosers or inner.other_disclosers
    names_recipients = inner.recipients or inner.other_recipients
    return replace(
        inner,
        starts_on=inner.starts_on or parent.starts_on,
        ends_on=inner.ends_on or parent.ends_on,
        disclosers=inner.disclosers if names_disclosers else parent.disclosers,
        other_disclosers=inner.other_disclosers if names_disclosers else parent.other_disclosers,
        recipients=inner.recipients if names_recipients else parent.recipients,
        other_recipients=inner.other_recipients if names_recipients else parent.other_recipients,
        actions=inner.actions or parent.actions,
        purposes=inner.purposes or parent.purposes,
        kinds=parent.kinds if inner.kinds is None else inner.kinds,
        labels=inner.labels or parent.labels,
        data_from=inner.data_from or (None if inner.data_until else parent.data_from),
        data_until=inner.data_until or (None if inner.data_from else parent.data_until),
    )


#: what a tree may say of a release: permitted, refused, nothing
Outcome = ProvisionType | None

_CERTAIN, _NEVER, _PERHAPS = frozenset({True}), frozenset({False}), frozenset({True, False})


def outcomes(root: Provision, release: Release, today: date, *, any_purpose: bool = False) -> frozenset[Outcome]:
    """What the tree says of a release: one outcome, or all that are possible where it cannot be told.

    `any_purpose`: the basis asks for none (164.524(c)(3)(ii)), and a permit's purposes do not count.

    The root's nested nodes count also where the root itself is about something else: PCF widens a root by them.
    """
    fits = _fit(root, release, today, any_purpose=any_purpose)
    inner = _inner(root, release, today, any_purpose=any_purpose)
    return frozenset(found if found is not None else (root.type if fit else None) for fit in fits for found in inner)


def _nested(node: Provision, release: Release, today: date, *, any_purpose: bool) -> frozenset[Outcome]:
    fits = _fit(node, release, today, any_purpose=any_purpose)
    if fits == _NEVER:
        return frozenset({None})
    inner = _inner(node, release, today, any_purpose=any_purpose)
    found: frozenset[Outcome] = frozenset(one if one is not None else node.type for one in inner)
    return found | ({None} if False in fits else frozenset())


def _inner(node: Provision, release: Release, today: date, *, any_purpose: bool) -> frozenset[Outcome]:
    """What the exceptions of a node come to together."""
    possible: frozenset[Outcome] = frozenset({None})
    for child in node.provisions:
        said = _nested(inherited(child, node), release, today, any_purpose=any_purpose)
        possible = frozenset(_stronger(one, other) for one in possible for other in said)
    return possible


def _stronger(one: Outcome, other: Outcome) -> Outcome:
    if ProvisionType.DENY in (one, other):
        return ProvisionType.DENY
    return one if other is None else other


def _fit(node: Provision, release: Release, today: date, *, any_purpose: bool) -> frozenset[bool]:
    """Whether a node is about a release, or both where it cannot be told."""
    certain = [is_certain for _, is_certain in misfit(node, release, today, any_purpose=any_purpose)]
    return _NEVER if any(certain) else _PERHAPS if certain else _CERTAIN


def misfit(node: Provision, release: Release, today: date, *, any_purpose: bool) -> Iterator[tuple[Finding, bool]]:
    """The elements of a node that do not fit a release, each with whether that is certain."""
    if node.starts_on and today < node.starts_on:
        yield Finding.NOT_YET_IN_FORCE, True
    if node.ends_on and node.ends_on < today:
        yield Finding.EXPIRED_DATE, True
    yield from _party(Finding.NOT_THIS_DISCLOSER, node.disclosers, release.discloser, others=node.other_disclosers)
    yield from _party(Finding.NOT_THIS_RECIPIENT, node.recipients, release.recipient, others=node.other_recipients)
    if node.data_from or node.data_until:
        yield from _data_period(node, release.dated)
    if node.type is ProvisionType.DENY and node.is_by_code:
        yield Finding.NOT_THIS_INFORMATION, False
    elements = _of_refusal if node.type is ProvisionType.DENY else _of_permit
    yield from ((finding, True) for finding in elements(node, release, any_purpose=any_purpose))


def _of_permit(node: Provision, release: Release, *, any_purpose: bool) -> Iterator[Finding]:
    """All of the release must be covered."""
    if node.actions and Action.DISCLOSE not in node.actions:
        yield Finding.ACTION_MISMATCH
    if node.purposes and not any_purpose and not serves(node.purposes, release.purpose):
        yield Finding.PURPOSE_MISMATCH
    is_covered = node.kinds is None or (bool(release.kinds) and release.kinds <= node.kinds)
    if not is_covered or not labelled.is_let_through(node.labels, release.labels):
        yield Finding.NOT_THIS_INFORMATION
    if labelled.unreleased(node.labels, release.labels):
        yield Finding.SPECIAL_CATEGORY_NOT_AUTHORIZED
    names_all = node.kinds is None and bool(release.labels & labelled.PSYCHOTHERAPY)
    if names_all or labelled.is_mixed_with_psychotherapy(node.labels, release.labels):
        yield Finding.COMPOUND


def _of_refusal(node: Provision, release: Release, *, any_purpose: bool) -> Iterator[Finding]:  # noqa: ARG001
    """Some of the release is enough."""
    if node.actions.isdisjoint(_MEAN_DISCLOSING) and node.actions:
        yield Finding.ACTION_MISMATCH
    if node.purposes and not includes(node.purposes, release.purpose):
        yield Finding.PURPOSE_MISMATCH
    reaches = node.kinds is None or not release.kinds or not release.kinds.isdisjoint(node.kinds)
    if not reaches or not labelled.is_hit(node.labels, release.labels):
        yield Finding.NOT_THIS_INFORMATION


def _party(
    finding: Finding, named: frozenset[InstitutionId], party: InstitutionId, *, others: bool
) -> Iterator[tuple[Finding, bool]]:
    """Somebody of ours may be among others who are named: a center's own doctor, a class of persons."""
    if (named or others) and party not in named:
        yield finding, not others


def _data_period(node: Provision, dated: PartialDate | None) -> Iterator[tuple[Finding, bool]]:
    """A day of which its source says the month or the year alone is in the period, out of it, or may be either."""
    begins, ends = node.data_from or date.min, node.data_until or date.max
    if dated is None:
        yield Finding.NOT_THIS_INFORMATION, False
    elif dated.first < begins or ends < dated.last:
        yield Finding.NOT_THIS_INFORMATION, dated.last < begins or ends < dated.first


def nearest_misfit(
    permits: Iterable[Provision], release: Release, today: date, *, any_purpose: bool
) -> tuple[Finding, ...]:
    """Why no permit is about a release: what is wrong with the one that comes nearest."""
    found = [
        tuple(one for one, is_certain in misfit(node, release, today, any_purpose=any_purpose) if is_certain)
        for node in permits
    ]
    return min((one for one in found if one), key=len, default=())
