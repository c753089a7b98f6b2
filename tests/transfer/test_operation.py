"""What is measured of an installation, and what of it is a fault: each measure beyond its limit, and none below."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from transfer.cli import main
from transfer.cli.fault_commands import COMMANDS, remedy_line
from transfer.operation import (
    Backlog,
    BackupTimes,
    CertificateEnd,
    DagStanding,
    DoorStep,
    DoorTried,
    Fault,
    FaultCode,
    FaultLimits,
    LedgerStanding,
    Measured,
    PartStanding,
    PartState,
    Volume,
    Waiting,
    faults,
    faults_of_doors,
)
from transfer.sentences.operation import FAULTS, REMEDIES, fault_sentence

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
NOTHING = Waiting(count=0, oldest=None)
FRESH = Backlog(at=NOW, arrivals=NOTHING, rounds=NOTHING, runs=NOTHING, letters=NOTHING)
LEDGER = LedgerStanding(
    server="18.1",
    migration="0048",
    pending=(),
    is_newer=False,
    ahead=timedelta(0),
    backlog=FRESH,
    backed_up=BackupTimes(
        made=NOW - timedelta(hours=7), begun=NOW - timedelta(hours=8), tested=NOW - timedelta(days=30)
    ),
)
WELL = Measured(
    at=NOW,
    version="0.1.0",
    parts=(
        PartStanding(name="ledger", state=PartState.UP),
        PartStanding(name="desk", state=PartState.NOT_ASKED, note="no address"),
    ),
    volumes=(Volume(name="var", free=40, size=100),),
    certificates=(CertificateEnd(name="TRANSFER_TLS_CERTIFICATE", ends=NOW + timedelta(days=31)),),
    ledger=LEDGER,
    dags=(DagStanding(name="open_case", is_known=True),),
    mail=NOTHING,
    store_ahead=timedelta(seconds=4),
)


def waiting(minutes: float, count: int = 3) -> Waiting:
    return Waiting(count=count, oldest=NOW - timedelta(minutes=minutes))


def ledger(**changed: object) -> Measured:
    return replace(WELL, ledger=replace(LEDGER, **changed))  # type: ignore[arg-type]


def backlog(**changed: Waiting) -> Measured:
    return ledger(backlog=replace(FRESH, **changed))


def backed_up(**times: datetime | None) -> Measured:
    return ledger(backed_up=BackupTimes(**times))


def away(name: str) -> Measured:
    return replace(WELL, parts=(PartStanding(name=name, state=PartState.AWAY, note="it does not answer"),))


def ends_in(days: int | None) -> Measured:
    end = None if days is None else NOW + timedelta(days=days)
    return replace(WELL, certificates=(CertificateEnd(name="TRANSFER_TLS_CERTIFICATE", ends=end),))


def a_dag(**how: bool) -> Measured:
    return replace(WELL, dags=(DagStanding(name="open_case", **{"is_known": True, **how}),))


WRONG: dict[str, tuple[Measured, list[FaultCode]]] = {
    "a part is away": (away("store"), [FaultCode.PART_AWAY]),
    "the keys are away": (away("keys"), [FaultCode.KEYS_AWAY]),
    "a disk fills": (replace(WELL, volumes=(Volume(name="var", free=9, size=100),)), [FaultCode.DISK_FILLS]),
    "a migration is pending": (ledger(pending=("0048_x.sql",)), [FaultCode.MIGRATIONS_PENDING]),
    "the ledger is newer": (ledger(is_newer=True), [FaultCode.LEDGER_IS_NEWER]),
    "the ledger's clock": (ledger(ahead=timedelta(seconds=-6)), [FaultCode.CLOCK_DIFFERS]),
    "the store's clock": (replace(WELL, store_ahead=timedelta(seconds=6)), [FaultCode.CLOCK_DIFFERS]),
    "arrivals wait": (backlog(arrivals=waiting(16)), [FaultCode.ARRIVALS_WAIT]),
    "rounds wait": (backlog(rounds=waiting(6)), [FaultCode.ROUNDS_WAIT]),
    "runs wait": (backlog(runs=waiting(6)), [FaultCode.RUNS_WAIT]),
    "letters wait": (backlog(letters=waiting(61)), [FaultCode.LETTERS_WAIT]),
    "mail waits": (replace(WELL, mail=waiting(16)), [FaultCode.MAIL_WAITS]),
    "a DAG is paused": (a_dag(is_paused=True), [FaultCode.DAG_PAUSED]),
    "a DAG cannot be imported": (a_dag(has_import_errors=True), [FaultCode.DAG_UNREADABLE]),
    "a DAG is unknown": (a_dag(is_known=False), [FaultCode.DAG_UNKNOWN]),
    "a certificate ends": (ends_in(5), [FaultCode.CERTIFICATE_ENDS]),
    "a certificate has ended": (ends_in(-2), [FaultCode.CERTIFICATE_ENDS]),
    "a certificate is unreadable": (ends_in(None), [FaultCode.CERTIFICATE_UNREADABLE]),
    "no backup": (backed_up(), [FaultCode.NO_BACKUP]),
    "an old backup": (
        backed_up(made=NOW - timedelta(hours=37), begun=NOW - timedelta(hours=38), tested=NOW),
        [FaultCode.BACKUP_OLD],
    ),
    "an unfinished backup": (
        backed_up(made=NOW - timedelta(days=9), begun=NOW - timedelta(days=2), tested=NOW),
        [FaultCode.BACKUP_OLD, FaultCode.BACKUP_UNFINISHED],
    ),
    "no test of a restore": (backed_up(made=NOW, begun=NOW), [FaultCode.NO_RESTORE_TEST]),
    "an old test of a restore": (
        backed_up(made=NOW, begun=NOW, tested=NOW - timedelta(days=101)),
        [FaultCode.RESTORE_TEST_OLD],
    ),
    "a reviewed file": (replace(WELL, mistakes=("a.yaml: id is missing",)), [FaultCode.FILE_MISTAKEN]),
}
#: just within each limit
RIGHT: dict[str, Measured] = {
    "all is well": WELL,
    "a disk at its limit": replace(WELL, volumes=(Volume(name="var", free=10, size=100),)),
    "the clocks within theirs": replace(ledger(ahead=timedelta(seconds=5)), store_ahead=timedelta(seconds=-5)),
    "what has just come": backlog(arrivals=waiting(14), rounds=waiting(4), runs=waiting(4), letters=waiting(59)),
    "mail that has just been put there": replace(WELL, mail=waiting(14)),
    "a certificate that is renewed in time": ends_in(30),
    "a backup under way": backed_up(made=NOW - timedelta(hours=25), begun=NOW - timedelta(hours=1), tested=NOW),
    "a ledger that is away says so as a part alone": replace(WELL, ledger=None),
}


@pytest.mark.parametrize("case", WRONG)
def test_beyond_its_limit_each_measure_is_a_fault(case: str):
    measured, expected = WRONG[case]

    assert [one.code for one in faults(measured)] == expected


@pytest.mark.parametrize("case", RIGHT)
def test_within_its_limit_none_is(case: str):
    assert faults(RIGHT[case]) == ()


def test_limits_of_an_installation_are_its_own():
    measured = backed_up(made=NOW - timedelta(hours=37), begun=NOW - timedelta(hours=38), tested=NOW)

    assert faults(measured, FaultLimits(free_percent=0, backup=timedelta(hours=40))) == ()
    assert [one.code for one in faults(WELL, FaultLimits(free_percent=41))] == [FaultCode.DISK_FILLS]


@pytest.mark.parametrize("step", DoorStep)
def test_each_step_of_a_try_that_fails_is_a_fault(step: DoorStep):
    tried = DoorTried(name="mercy-imaging, film-room", how="dicomweb", failed=step, why="it says so")

    (found,) = faults_of_doors([tried], NOW)

    assert (found.code, found.about) == (FaultCode(f"door-{step}"), "mercy-imaging, film-room")


def test_a_door_that_answers_may_still_have_a_certificate_that_ends_and_a_wrong_clock():
    late = timedelta(minutes=-3)
    tried = DoorTried(name="a, b", how="fhir", certificate_ends=NOW + timedelta(days=5), ahead=late)

    found = faults_of_doors([tried], NOW)

    assert [(one.code, one.amount) for one in found] == [
        (FaultCode.DOOR_CERTIFICATE_ENDS, 5),
        (FaultCode.DOOR_CLOCK_DIFFERS, -180),
    ]
    assert faults_of_doors([replace(tried, certificate_ends=NOW + timedelta(days=30), ahead=None)], NOW) == ()


@pytest.mark.parametrize("code", FaultCode)
def test_each_fault_is_said_and_leads_to_a_remedy_that_is_there(code: FaultCode):
    fault = Fault(code=code, about="ABOUT", since=NOW, amount=7, why="WHY")
    pattern, (file, _, section) = FAULTS[code], REMEDIES[code].page.partition("#")

    assert all(word in fault_sentence(fault) for name, word in SAID.items() if f"{{{name}}}" in pattern)
    assert (ROOT / file).is_file()
    assert not section or section in headings(ROOT / file), REMEDIES[code].page
    assert remedy_line(fault).startswith(REMEDIES[code].says)
    assert takes((COMMANDS.get(code) or "transfer status").split()[1:]), code


SAID = {"about": "ABOUT", "amount": "7", "why": "WHY"}


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in found}


def takes(words: list[str]) -> bool:
    command: click.Command = main
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0]) if words else None
        if found is None:
            return False
        command, words = found, words[1:]
    options = {option for one in command.params for option in one.opts}
    return all(word in options for word in words if word.startswith("-"))
