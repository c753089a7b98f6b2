"""What must be true once everything has come to rest, however much was killed on the way."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import psycopg

from tests.campaigns.chaos.campaign_people import Notes
from tests.campaigns.chaos.kills import Kill
from tests.kit.acts import objects
from tests.kit.house import House
from transfer import wiring
from transfer.adapters.packet.signature import jwks
from transfer.arrivals import ArrivalKind
from transfer.embedded.postgres import Postgres
from transfer.facts import Chain
from transfer.identifiers import CaseId, PacketId, PatientId
from transfer.ledger import packets, rounds, trail
from transfer.rounds import Dag
from transfer.sealing import SITE
from transfer.verify import VerificationOutcome, verify

#: longer than an object whose writer died is left alone
ORPHANED = timedelta(hours=7)

Kind = Literal["lost", "twice", "stuck", "wrong", "untried"]

#: how many documents of each kind a case has from each institution
Documents = Counter[tuple[str, str]]

#: what the office sends by itself, and what it is at our door
KINDS = {"send-release-form": ArrivalKind.AUTHORIZATION, "send-referral": ArrivalKind.REFERRAL}


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    what: str


def one(house: House, query: str, *values: object) -> int:
    with house.services.ledger.transaction() as tx:
        return int(tx.value(query, *values))


def at_rest(house: House) -> str:
    """What still moves; nothing: ''."""
    for what, query in {
        "rounds": "SELECT count(*) FROM due_runs WHERE state <> 'done' AND not_before < transfer.now() + '10 min'",
        "arrivals": "SELECT count(*) FROM arrivals WHERE state = 'stored'",
        "streams": "SELECT count(*) FROM egress WHERE closed_at IS NULL",
        "notes": "SELECT count(*) FROM due_runs WHERE sentence IS DISTINCT FROM noted",
    }.items():
        if what == "notes" and not has_airflow(house):
            continue
        if count := one(house, query):
            return f"{count} {what}"
    live = [run for run in runs(house) if run[2] in ("queued", "running")]
    return f"{len(live)} runs of Airflow" if live else ""


def come_to_rest(house: House, seconds: float) -> Iterator[Fault]:
    """Wait until nothing moves any more."""
    if still := _waited(lambda: at_rest(house), seconds):
        yield Fault("stuck", still)


def tidy(house: House, seconds: float) -> Iterator[Fault]:
    """Hours later what dead writers left is removed, by the house's own doing. Afterwards nobody's bytes are kept."""
    with psycopg.connect(house.settings.owner_database_url, autocommit=True) as owner:
        owner.execute("UPDATE transfer.clock SET ahead = ahead + %s", [ORPHANED])
    with house.services.ledger.transaction() as tx:
        rounds.owe(tx, Dag.HOUSEKEEPING, "inbox")
    if left := _waited(lambda: one(house, "SELECT count(*) FROM vault_uploads") or "", seconds):
        yield Fault("wrong", f"{left} objects of dead writers are not removed")
    orphans = objects(house) - _named(house)
    missing = _named(house) - objects(house)
    yield from (Fault("wrong", f"orphan object or upload {key}") for key in sorted(orphans))
    yield from (Fault("lost", f"object {key} is named and gone") for key in sorted(missing))


def _waited(still: Callable[[], Any], seconds: float) -> Any:
    until = time.monotonic() + seconds
    while (left := still()) and time.monotonic() < until:
        time.sleep(0.5)
    return left


def faults(house: House, notes: Notes) -> Iterator[Fault]:
    """Everything that is not as it must be, at rest."""
    yield from (Fault("stuck", what) for what in notes.stuck)
    yield from _messages(house, notes)
    yield from _cases(house, notes)
    yield from _machinery(house)
    yield from _chains(house)


# --- messages ---------------------------------------------------------------------------------------------------------


def _messages(house: House, notes: Notes) -> Iterator[Fault]:
    keys = house.services.ledger.keys
    with house.services.ledger.transaction() as tx:
        rows = tx.rows("SELECT arrival, sha256, institution, kind FROM arrivals")
    there = Counter(bytes(row.sha256) for row in rows if row.institution == "prairie-pathology")
    told = [*notes.messages, *(each["sha256"] for each in _sent(house) if each["ack"] == "AA")]
    for sha256 in told:
        count = there[keys.hmac(SITE, bytes.fromhex(sha256))]
        if count != 1:
            yield Fault("lost" if count == 0 else "twice", f"a message that was acknowledged is there {count} times")
    known = {row.arrival for row in rows}
    for what, named in notes.resources.items():
        if len(set(named)) > 1:
            yield Fault("twice", f"{what} is {len(set(named))} arrivals")
        gone = [name for name in set(named) if not known & {name, name.rpartition("-")[0]}]
        yield from (Fault("lost", f"{what}: {name}") for name in gone)
    for action, kind in KINDS.items():  # stored and never answered, then stored anew, no answer has named the first
        sent = sum(what.startswith(action) for what in notes.resources)
        stored = sum(row.kind == kind for row in rows)
        if stored != sent:
            yield Fault("lost" if stored < sent else "twice", f"{sent} times {action} made {stored} arrivals")


def _sent(house: House) -> list[dict[str, Any]]:
    """What the laboratory itself noted as sent."""
    sent: list[dict[str, Any]] = house.order("pathology", "sent", method="GET")
    return sent


# --- cases ------------------------------------------------------------------------------------------------------------


def _cases(house: House, notes: Notes) -> Iterator[Fault]:
    center = house.order("center", "packets", method="GET")
    keys = json.loads(json.dumps(jwks([wiring.signer(wiring.keys(house.settings))])))
    had: dict[CaseId, Documents] = {}
    for case in notes.delivered:
        yield from _case(house, case, [each for each in center if each["packet"].startswith(case)], keys)
        with house.services.ledger.transaction() as tx:
            had[case] = Counter((r.institution, r.document) for r in tx.case(case).records.values())
    for case, documents in had.items():
        yield from documents_differ(case, documents, had.get(notes.quiet or case, Counter()))
    if notes.quiet is None:
        yield Fault("stuck", "no case reached its end before the first kill, so that none can be held against it")
    lost = set(notes.cases) - set(notes.delivered)
    yield from (Fault("stuck", f"{case} did not reach its end") for case in sorted(lost))


def documents_differ(case: CaseId, had: Documents, usual: Documents) -> Iterator[Fault]:
    """Every patient is drawn with the same documents, so that every case has as many as one nobody disturbed."""
    for (institution, document), count in sorted((usual - had).items()):
        yield Fault("lost", f"{case}: {count} of {document} from {institution}, which an undisturbed case has")
    for (institution, document), count in sorted((had - usual).items()):
        yield Fault("twice", f"{case}: {count} of {document} from {institution} more than an undisturbed case has")


def _case(house: House, case: CaseId, center: Sequence[dict[str, Any]], keys: Any) -> Iterator[Fault]:
    with house.services.ledger.transaction() as tx:
        folded = tx.case(case)
        holds = sorted(hold.code for hold in folded.holds.values())
        disclosed = tx.rows("SELECT outcome FROM disclosures WHERE packet LIKE %s", f"{case}%")
        receipts = tx.value("SELECT count(*) FROM arrivals WHERE kind = 'receipt' AND subject LIKE %s", f"{case}%")
    if not any(record.document == "images" and record.record in folded.whole for record in folded.records.values()):
        yield Fault("lost", f"{case} has no whole study")
    if holds:
        yield Fault("wrong", f"{case} has open questions: {', '.join(holds)}")
    if len(folded.packets) != 1 or [row.outcome for row in disclosed] != ["made"]:
        yield Fault("twice" if len(disclosed) > 1 else "stuck", f"{case}: {len(folded.packets)} packets, {disclosed}")
    if [each["submissions"] for each in center] != [1]:
        yield Fault("twice", f"{case} was submitted {[each['submissions'] for each in center]} times")
    if receipts != 1:
        yield Fault("twice" if receipts else "lost", f"{case} has {receipts} receipts")
    for each in center:
        if each["state"] != "done" or verify(Path(each["folder"]), keys).outcome is not VerificationOutcome.VERIFIED:
            yield Fault("lost", f"{each['packet']} is {each['state']} at the center")


# --- machinery --------------------------------------------------------------------------------------------------------


def has_airflow(house: House) -> bool:
    return any(each.name == "airflow-scheduler" for each in house.system.status())


def runs(house: House) -> list[tuple[str, str, str]]:
    """DAG, id and state of every run, from Airflow's own database."""
    return _airflow(house, "SELECT dag_id, run_id, state FROM dag_run")


def _airflow(house: House, query: str) -> list[Any]:
    if not has_airflow(house):
        return []
    with psycopg.connect(Postgres(house.var / "postgres").url("airflow")) as airflow:
        return airflow.execute(query).fetchall()


def _machinery(house: House) -> Iterator[Fault]:
    with house.services.ledger.transaction() as tx:
        last = tx.rows(
            """SELECT DISTINCT ON (dag_id, subject) dag_id, subject, state, outcome FROM due_runs
               ORDER BY dag_id, subject, round DESC"""
        )
        holds = tx.rows("SELECT subject, code FROM holds WHERE resolved_at IS NULL")
        intents = tx.value("SELECT count(*) FROM vault_uploads WHERE at = '-infinity'")
    for row in last:
        if row.state == "done" and row.outcome != "worked":
            yield Fault("stuck", f"{row.dag_id} of {row.subject} ended {row.outcome}, and nothing came after it")
    yield from (Fault("wrong", f"an open question: {row.code} about {row.subject}") for row in holds)
    if intents:
        yield Fault("wrong", f"{intents} marked objects are still there")
    unended = """SELECT count(*) FROM task_instance
                 WHERE state NOT IN ('success', 'failed', 'skipped', 'upstream_failed', 'removed')"""
    for (count,) in _airflow(house, unended):
        if count:
            yield Fault("stuck", f"{count} task instances of Airflow have not ended")


def _chains(house: House) -> Iterator[Fault]:
    with house.services.ledger.transaction() as tx:
        for chain in trail.chains(tx):
            if broken := trail.walk(tx, chain).broken:
                yield Fault("wrong", broken)


def _named(house: House) -> set[str]:
    """Every object the ledger names."""
    with house.services.ledger.transaction() as tx:
        rows = tx.rows(
            """SELECT vault_key FROM record_parts
               UNION SELECT vault_key FROM arrivals WHERE vault_key IS NOT NULL"""
        )
        made = tx.rows("SELECT packet, patient FROM packets JOIN cases USING (case_id) WHERE plan IS NOT NULL")
        plans = [packets.plan_of(tx, PacketId(row.packet), PatientId(row.patient)) for row in made]
    return {row.vault_key for row in rows}.union(*(plan.generated_keys for plan in plans))


# --- how long it took -------------------------------------------------------------------------------------------------


def measure(house: House, kills: Sequence[Kill], cases: Sequence[CaseId]) -> None:
    """For each kill, when a case moved again: the first of all, and each of those in flight."""
    times = {}
    with house.services.ledger.transaction() as tx:
        for case in cases:
            times[case] = [line.at for line in tx.lines(Chain.case(case))]
    for kill in kills:
        after = {
            case: min(at for at in said if at > kill.at) - kill.at
            for case, said in times.items()
            if said and said[0] < kill.at < said[-1]
        }
        if after:
            slowest = max(after, key=lambda case: after[case])
            kill.first_moved = min(after.values()).total_seconds()
            kill.last_moved, kill.slowest = after[slowest].total_seconds(), slowest
