"""Everything that was written about one case, or by one run: fact by fact, in a sentence, with who wrote it, by which
run, and the hash that covers it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from transfer import facts
from transfer.facts import Chain, LedgerLine
from transfer.flow.desk.auditing import walked
from transfer.flow.desk.reports import kept_bytes
from transfer.flow.desk.story import words_of
from transfer.flow.desk.verbs import at_desk, known_case, unknown
from transfer.flow.services import Services
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx, looks, sessions, written
from transfer.ledger.trail import Walked
from transfer.periods import Period
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.reports import ReportFile, ReportKind
from transfer.rights import Actor, Right
from transfer.sentences.story import happened


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedFact:
    """One line of a chain. `at` is UTC. `by` is a person's account; None: a process wrote it by itself."""

    chain: str
    number: int
    at: datetime
    kind: str
    says: str
    by: str | None
    #: as they were called when they signed in last; None: on the command line
    name: str | None
    is_claimed: bool
    process: str
    dag: str | None
    run: str | None
    task: str | None
    attempt: int | None
    #: the version of the program
    code: str
    #: SHA-256 over the line and the hash before it
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTrace:
    """The chains of a case and of its patient, oldest line first; `chains`: whether each is what was written."""

    case: CaseId
    lines: tuple[TracedFact, ...]
    chains: tuple[Walked, ...]

    @property
    def is_whole(self) -> bool:
        return all(one.broken is None for one in self.chains)


def trace_case(services: Services, case: CaseId, *, actor: Actor) -> CaseTrace:
    """All that was written about a case and its patient's authorizations, and whether it is whole. Nobody is named but
    those who acted.

    Raises:
        Unknown: there is no such case.
    """
    with at_desk(services, actor, Right.AUDIT) as tx:
        chains = _chains(tx, case)
        lines = [line for chain in chains for line in tx.lines(chain)]
        opened = tx.case(case).opened
        told = _traced(tx, services, lines, opened.checklist if opened else None)
        found = CaseTrace(case=case, lines=told, chains=tuple(walked(tx, chain) for chain in chains))
        looks.write(tx, facts.TrailViewed(about=case))
        return found


def trace_run(services: Services, run: str, *, actor: Actor) -> tuple[TracedFact, ...]:
    """All that one run wrote, in whatever chain, oldest line first; nothing, where it wrote nothing.

    Raises:
        Unknown: there is no such run.
    """
    with at_desk(services, actor, Right.AUDIT) as tx:
        lines = written.by_run(tx, run)
        if lines is None:
            raise unknown(Reason(RefusalCode.NO_RUN), Remedy(RemedyCode.LIST_CASES))
        told = _traced(tx, services, lines, None)
        looks.write(tx, facts.TrailViewed(about=run))
        return told


def chain_file(services: Services, case: CaseId, *, actor: Actor) -> ReportFile:
    """The chains of a case and of its patient as they are stored, for `transfer trail check` on any machine: JSON, one
    line each, with the text that the hash covers.

    Raises:
        Unknown: there is no such case.
    """
    with at_desk(services, actor, Right.AUDIT) as tx:
        lines = [line for chain in _chains(tx, case) for line in tx.lines(chain)]
        content = b"".join(_stored(line) for line in lines)
        days = sorted(line.at.astimezone(services.zone).date() for line in lines)
        period = Period(days[0], days[-1])
        return kept_bytes(tx, content, ReportKind.CHAIN, period, "jsonl", rows=len(lines), case=case)


def _stored(line: LedgerLine) -> bytes:
    told = {"text": line.text.decode(), "previous": line.previous.hex(), "hash": line.hash.hex()}
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"


def _chains(tx: Tx, case: CaseId) -> list[Chain]:
    opened = known_case(tx, case).opened
    return [Chain.case(case), *([Chain.patient(PatientId(opened.patient))] if opened else ())]


def _traced(tx: Tx, services: Services, lines: Sequence[LedgerLine], checklist: str | None) -> tuple[TracedFact, ...]:
    words = words_of(services, lines, checklist)
    names = sessions.names(tx, {line.by.person for line in lines if line.by.person})
    return tuple(
        TracedFact(
            chain=line.chain,
            number=line.sequence,
            at=line.at,
            kind=line.fact.kind,
            says=happened(line.fact, words),
            by=line.by.person,
            name=names.get(line.by.person or ""),
            is_claimed=line.by.is_claimed,
            process=line.by.process,
            dag=line.by.dag,
            run=line.by.run,
            task=line.by.task,
            attempt=line.by.attempt,
            code=line.by.code,
            hash=line.hash.hex(),
        )
        for line in sorted(lines, key=lambda one: (one.at, one.chain, one.sequence))
    )
