"""What left, to whom, on which basis, approved by whom: read from the facts alone, which nobody can change.

A packet that was handed over is a disclosure, and so is each word to a center of how far a case is.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar

from transfer import facts
from transfer.accounting import Exemption, exemptions
from transfer.disclosures import DisclosureOutcome
from transfer.facts import Fact, LedgerLine
from transfer.flow.desk.story import institution_name
from transfer.flow.desk.verbs import at_desk, known_case
from transfer.flow.services import Services
from transfer.identifiers import CaseId, PatientId
from transfer.institutions import Basis
from transfer.ledger import Tx, sessions, written
from transfer.ledger import cases as case_rows
from transfer.periods import Period
from transfer.rights import Actor, Right

F = TypeVar("F", bound=Fact)

#: what begins a disclosure
_BEGUN: Final = (facts.DisclosureBegun, facts.CenterTold)
#: what else is read of a case to tell one
_TOLD_BY: Final[tuple[type[Fact], ...]] = (
    *_BEGUN,
    facts.DisclosureSettled,
    facts.TellingSettled,
    facts.EgressPermitted,
    facts.EgressClosed,
    facts.PacketPlanned,
    facts.PacketAssembled,
    facts.PacketRecalled,
    facts.CaseApproved,
    facts.ReceiptRecorded,
    facts.RecordCollected,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenDisclosures:
    """Which disclosures are asked for. None: whatever it is. `case`: those about its patient, in all of their cases."""

    receiver: str | None = None
    basis: Basis | None = None
    outcome: DisclosureOutcome | None = None
    is_accountable: bool | None = None
    case: CaseId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureView:
    """One disclosure. Times are UTC. `about` is the packet, or the milestone that the center was told of."""

    case: CaseId
    about: str
    is_packet: bool
    receiver: str
    #: as people call it
    receiver_name: str
    #: HL7 v3 PurposeOfUse
    purpose: str
    begun_at: datetime
    #: None: it is not over
    ended_at: datetime | None
    outcome: DisclosureOutcome
    #: all that it or a stream of its bytes rested on
    bases: tuple[str, ...]
    permissions: tuple[str, ...]
    #: why no accounting lists it; none: one does
    exempt: tuple[Exemption, ...]
    #: kinds of what is in it, with how many
    kinds: tuple[tuple[str, int], ...]
    lacking: tuple[str, ...]
    #: bytes that left, in so many streams
    size: int
    streams: int
    #: by their account; None: nobody needed to
    approved_by: str | None
    #: what pages call that account; None: it never signed in here
    approver: str | None
    receipt: str | None
    is_recalled: bool
    #: SHA-256 of the packet's tag manifest, which its signature covers
    tag_manifest: str | None
    #: the run that began it, the number of the fact in the case's chain, and its hash
    run: str | None
    line: int
    hash: str


def list_disclosures(
    services: Services,
    period: Period,
    *,
    actor: Actor,
    chosen: ChosenDisclosures | None = None,
) -> tuple[DisclosureView, ...]:
    """What was disclosed in a period of days here, newest first. Nobody is named.

    Raises:
        Unknown: there is no such case.
    """
    with at_desk(services, actor, Right.AUDIT) as tx:
        return disclosed(tx, services, period, chosen or ChosenDisclosures())


def latest_days(services: Services, days: int, *, actor: Actor) -> Period:
    """So many days here, the last of them today by the ledger's clock.

    Raises:
        ValueError: more than six years.
    """
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        return Period.until(tx.now().astimezone(services.zone).date(), days=days)


def disclosed(tx: Tx, services: Services, period: Period, chosen: ChosenDisclosures) -> tuple[DisclosureView, ...]:
    """The same within a transaction."""
    begun = [line for line in written.between(tx, _BEGUN, *period.bounds(services.zone)) if _is_to(line, chosen)]
    among = _of_patient(tx, chosen.case) if chosen.case else None
    cases = {written.case_of(line) for line in begun}
    if among is not None:
        cases &= among
    chains = written.of_cases(tx, cases, _TOLD_BY)
    first = {_key(line): line for line in reversed(begun) if written.case_of(line) in cases}
    views = [_view(services, line, chains[written.case_of(line)]) for line in first.values()]
    names = sessions.names(tx, {one.approved_by for one in views if one.approved_by})
    told = [replace(one, approver=names.get(one.approved_by or "")) for one in views if _is_chosen(one, chosen)]
    return tuple(sorted(told, key=lambda one: (one.begun_at, one.case, one.line), reverse=True))


def _is_to(line: LedgerLine, chosen: ChosenDisclosures) -> bool:
    fact = line.fact
    assert isinstance(fact, _BEGUN)  # by its kind
    return chosen.receiver in (None, fact.recipient)


def _is_chosen(one: DisclosureView, chosen: ChosenDisclosures) -> bool:
    return (
        (chosen.basis is None or chosen.basis in one.bases)
        and chosen.outcome in (None, one.outcome)
        and chosen.is_accountable in (None, not one.exempt)
    )


def _of_patient(tx: Tx, case: CaseId) -> set[CaseId]:
    opened = known_case(tx, case).opened
    return {case, *(case_rows.of_patient(tx, PatientId(opened.patient)) if opened else ())}


def _key(line: LedgerLine) -> tuple[str, str]:
    """One that was not made is begun again as the same."""
    fact = line.fact
    return line.chain, fact.disclosure if isinstance(fact, facts.DisclosureBegun) else fact.milestone  # type: ignore[attr-defined]


def _view(services: Services, line: LedgerLine, chain: Sequence[LedgerLine]) -> DisclosureView:
    fact = line.fact
    told = {
        "case": written.case_of(line),
        "begun_at": line.at,
        "run": line.by.run,
        "line": line.sequence,
        "hash": line.hash.hex(),
    }
    if isinstance(fact, facts.DisclosureBegun):
        return _of_packet(services, fact, chain, told)
    assert isinstance(fact, facts.CenterTold)  # the only other kind
    return _of_telling(services, fact, chain, told)


def _of_telling(
    services: Services, fact: facts.CenterTold, chain: Sequence[LedgerLine], told: dict[str, object]
) -> DisclosureView:
    ends = [one for one in chain if isinstance(one.fact, facts.TellingSettled) and one.fact.milestone == fact.milestone]
    return DisclosureView(
        about=fact.milestone,
        is_packet=False,
        receiver=fact.recipient,
        receiver_name=institution_name(services.institutions, fact.recipient),
        purpose="TREAT",
        ended_at=ends[-1].at if ends else None,
        outcome=DisclosureOutcome.MADE if ends else DisclosureOutcome.BEGUN,
        bases=fact.bases,
        permissions=fact.permissions,
        exempt=exemptions(fact.bases),
        kinds=(),
        lacking=(),
        size=0,
        streams=0,
        approved_by=None,
        approver=None,
        receipt=None,
        is_recalled=False,
        tag_manifest=None,
        **told,  # type: ignore[arg-type]
    )


def _of_packet(
    services: Services, fact: facts.DisclosureBegun, chain: Sequence[LedgerLine], told: dict[str, object]
) -> DisclosureView:
    mine = _Packet(fact, chain)
    bases, permissions = mine.grounds()
    ended_at, outcome = mine.end()
    return DisclosureView(
        about=fact.packet,
        is_packet=True,
        receiver=fact.recipient,
        receiver_name=institution_name(services.institutions, fact.recipient),
        purpose=fact.purpose,
        ended_at=ended_at,
        outcome=outcome,
        bases=bases,
        permissions=permissions,
        exempt=exemptions(bases),
        kinds=mine.kinds(),
        lacking=mine.assembled.lacking if mine.assembled else (),
        size=sum(one.size for one in mine.closed),
        streams=len(mine.closed),
        approved_by=mine.approved_by(),
        approver=None,
        receipt=mine.receipt(),
        is_recalled=any(isinstance(one.fact, facts.PacketRecalled) and one.fact.packet == fact.packet for one in chain),
        tag_manifest=mine.assembled.tag_manifest if mine.assembled else None,
        **told,  # type: ignore[arg-type]
    )


class _Packet:
    """What a case's chain says of one packet that is handed over."""

    def __init__(self, begun: facts.DisclosureBegun, chain: Sequence[LedgerLine]) -> None:
        self._begun = begun
        self._chain = chain
        self.closed = [fact for fact in self._of(facts.EgressClosed) if fact.disclosure == begun.disclosure]
        self.assembled = next((fact for fact in self._of(facts.PacketAssembled) if fact.packet == begun.packet), None)

    def _of(self, kind: type[F]) -> list[F]:
        return [line.fact for line in self._chain if isinstance(line.fact, kind)]

    def grounds(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Bases and permissions: of the disclosure, each time it was begun, and of each stream."""
        name = self._begun.disclosure
        begun = [fact for fact in self._of(facts.DisclosureBegun) if fact.disclosure == name]
        streams = [fact for fact in self._of(facts.EgressPermitted) if fact.disclosure == name]
        rested: list[facts.DisclosureBegun | facts.EgressPermitted] = [*begun, *streams]
        return _each(fact.bases for fact in rested), _each(fact.permissions for fact in rested)

    def end(self) -> tuple[datetime | None, DisclosureOutcome]:
        """When its outcome was written last, and which."""
        name = self._begun.disclosure
        for line in reversed(self._chain):
            match line.fact:
                case facts.DisclosureSettled(disclosure=of, outcome=outcome) if of == name:
                    return line.at, DisclosureOutcome(outcome)
                case facts.DisclosureBegun(disclosure=of) if of == name:
                    break
        return None, DisclosureOutcome.BEGUN

    def kinds(self) -> tuple[tuple[str, int], ...]:
        if self.assembled is None:
            return ()
        kind = {fact.record: fact.document for fact in self._of(facts.RecordCollected)}
        return tuple(sorted(Counter(kind.get(one, "other") for one in self.assembled.records).items()))

    def receipt(self) -> str | None:
        said = [fact.status for fact in self._of(facts.ReceiptRecorded) if fact.packet == self._begun.packet]
        return said[-1] if said else None

    def approved_by(self) -> str | None:
        """Whoever approved the packet that was planned next."""
        approved: str | None = None
        for line in self._chain:
            match line.fact:
                case facts.CaseApproved():
                    approved = line.by.person
                case facts.PacketPlanned(packet=packet) if packet == self._begun.packet:
                    return approved
                case facts.PacketPlanned():
                    approved = None
        return None


def _each(found: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({one for some in found for one in some}))
