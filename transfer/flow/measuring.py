"""Measuring an installation: one look at all of its parts, which changes nothing and is over within seconds.

Whoever tells of it reads this: `transfer doctor`, the page of operation, and what is exported to whoever watches.
"""

import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg

from transfer.adapters import certificates, paper, trying
from transfer.adapters.airflow_api import AirflowApi
from transfer.adapters.held_keys import HeldKeys
from transfer.adapters.tls import required
from transfer.credentials import Tls
from transfer.errors import TransferError, Unreachable
from transfer.flow import asking_parts
from transfer.flow.asking_parts import stands
from transfer.flow.trying_doors import Show
from transfer.health import PROCESSES
from transfer.institutions import Institution
from transfer.ledger import Ledger, operation
from transfer.operation import (
    READER,
    CertificateEnd,
    DagStanding,
    FaultLimits,
    LedgerStanding,
    Measured,
    PartStanding,
    PartState,
    Volume,
    Waiting,
)
from transfer.settings import Settings
from transfer.staging import Vault

#: our own certificates, each a chain, and files of authorities, of which one may follow another
_CHAINS: Final = ("TRANSFER_TLS_CERTIFICATE", "TRANSFER_KEYS_CERTIFICATE")
_AUTHORITIES: Final = (
    "TRANSFER_TLS_CLIENT_AUTHORITIES",
    "TRANSFER_KEYS_AUTHORITY",
    "TRANSFER_S3_AUTHORITY",
    "TRANSFER_OIDC_AUTHORITY",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is looked at. None: the settings of this place do not say where it is, and it is not asked."""

    settings: Settings
    limits: FaultLimits
    version: str
    keys: HeldKeys
    ledger: Ledger | None
    vault: Vault | None
    airflow: AirflowApi | None
    institutions: Iterable[Institution]
    show: Show
    #: what is wrong with reviewed files, each with the file and the place
    mistakes: tuple[str, ...] = ()
    #: our own doors that can be reached from here: kind, host and port
    own_doors: tuple[tuple[str, str, int], ...] = ()


def measure(site: Site) -> Measured:
    """Look at everything once. Each part has seconds to answer; what does not is away, and nothing is raised."""
    with ThreadPoolExecutor(3 + len(PROCESSES), thread_name_prefix="measure") as pool:
        ledger = pool.submit(_ledger, site)
        store = pool.submit(_store, site)
        airflow = pool.submit(_airflow, site)
        processes = list(pool.map(lambda name: asking_parts.process(site.settings, name), PROCESSES))
        parts_of_ledger, standing = ledger.result()
        part_of_store, store_ahead = store.result()
        parts_of_airflow, dags = airflow.result()
        return Measured(
            at=datetime.now(UTC),
            version=site.version,
            parts=(*parts_of_ledger, part_of_store, *parts_of_airflow, *processes, _reader(site.settings)),
            volumes=tuple(_volumes(site.settings)),
            certificates=tuple(_certificates(site)),
            ledger=standing,
            dags=dags,
            mail=_mail(site.settings.var / "outbox"),
            mistakes=site.mistakes,
            store_ahead=store_ahead,
        )


def _not_asked(name: str, setting: str) -> PartStanding:
    return PartStanding(name=name, state=PartState.NOT_ASKED, note=f"{setting} is not set here")


def _ledger(site: Site) -> tuple[list[PartStanding], LedgerStanding | None]:
    """The ledger and its keys; whether the keys fit is asked only of a ledger of this version."""
    ledger = site.ledger
    if ledger is None:
        keys = stands("keys", lambda: asking_parts.ask_keys(site.keys, None))
        return [_not_asked("ledger", "TRANSFER_DATABASE_URL"), keys], None
    found: list[LedgerStanding] = []

    def ask() -> None:
        try:
            found.append(operation.standing(ledger.url))
        except psycopg.OperationalError:
            raise Unreachable("it does not answer") from None

    part = stands("ledger", ask)
    standing = found[0] if found else None
    fits = standing is not None and not standing.pending and not standing.is_newer
    keys = stands("keys", lambda: asking_parts.ask_keys(site.keys, ledger if fits else None))
    if standing is None:
        return [part, keys], None
    part = replace(part, version=standing.server)
    if not fits or keys.state is not PartState.UP:
        return [part, keys], standing
    try:
        with ledger.transaction() as tx:
            standing = replace(standing, backlog=operation.backlog(tx), backed_up=operation.backup_times(tx))
    except TransferError as error:
        return [replace(part, state=PartState.AWAY, note=str(error)), keys], standing
    return [part, keys], standing


def _store(site: Site) -> tuple[PartStanding, timedelta | None]:
    """The object store, and how far its clock is ahead of ours: it refuses what is signed a quarter of an hour off."""
    vault, settings = site.vault, site.settings
    if vault is None:
        return _not_asked("store", "TRANSFER_S3_ENDPOINT"), None
    ahead: list[timedelta | None] = [None]

    def ask() -> None:
        asking_parts.ask_store(vault)
        shown = required(Tls(authority=settings.s3_authority)) if settings.s3_endpoint.startswith("https:") else None
        ahead.append(trying.question(settings.s3_endpoint, "/", None, "*/*", shown).ahead)

    return stands("store", ask), ahead[-1]


def _airflow(site: Site) -> tuple[list[PartStanding], tuple[DagStanding, ...]]:
    airflow = site.airflow
    if airflow is None:
        return [_not_asked("airflow", "TRANSFER_AIRFLOW_URL")], ()
    beats: dict[str, datetime | None] = {}
    said: list[str] = []
    dags: list[DagStanding] = []

    def ask() -> None:
        beats.update(airflow.components())
        said.append(airflow.version())
        dags.extend(airflow.dags())

    part = replace(stands("airflow", ask), version=said[0] if said else None)
    components = [asking_parts.beating(f"airflow-{name.replace('_', '-')}", beat) for name, beat in beats.items()]
    return [part, *components], tuple(dags)


def _reader(settings: Settings) -> PartStanding:
    """The program that reads the words on scans; where it runs is where the desk does."""
    program = settings.names.get("TRANSFER_TESSERACT")
    if not program:
        return _not_asked(READER, "TRANSFER_TESSERACT")
    return stands(READER, lambda: paper.ask_reader(Path(program)))


def _volumes(settings: Settings) -> Iterator[Volume]:
    """Each disk once, by the first of our folders on it."""
    folders = {"var": settings.var}
    if settings.keys_url is None:
        folders["keys"] = settings.keys
    if settings.keys_copy:
        folders["copy of the keys"] = settings.keys_copy
    seen: set[int] = set()
    for name, folder in folders.items():
        with suppress(OSError):
            device = folder.stat().st_dev
            if device not in seen:
                seen.add(device)
                usage = shutil.disk_usage(folder)
                yield Volume(name=name, free=usage.free, size=usage.total)


def _certificates(site: Site) -> Iterator[CertificateEnd]:
    names = site.settings.names
    for setting in _CHAINS:
        if path := names.get(setting):
            yield CertificateEnd(name=setting, ends=certificates.chain_ends(Path(path)))
    for setting in _AUTHORITIES:
        if path := names.get(setting):
            yield CertificateEnd(name=setting, ends=certificates.authorities_end(Path(path)))
    for institution in site.institutions:
        for where, tls in _tls_of(institution):
            if tls.certificate:
                yield CertificateEnd(name=f"{where}: certificate", ends=certificates.chain_ends(tls.certificate))
            if tls.authority:
                yield CertificateEnd(name=f"{where}: authority", ends=certificates.authorities_end(tls.authority))


def _tls_of(institution: Institution) -> Iterator[tuple[str, Tls]]:
    for department in institution.departments:
        if tls := getattr(department.asked, "tls", None):
            yield f"{institution.id}, {department.id}", tls
    if institution.receives and institution.receives.tls:
        yield f"{institution.id}, receives", institution.receives.tls


def _mail(folder: Path) -> Waiting:
    """Mail that was put into a folder, because no server of mail is set."""
    try:
        times = [one.stat().st_mtime for one in folder.iterdir() if not one.name.startswith(".")]
    except OSError:
        times = []
    oldest = datetime.fromtimestamp(min(times), UTC) if times else None
    return Waiting(count=len(times), oldest=oldest)
