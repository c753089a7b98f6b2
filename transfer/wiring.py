"""The one place that connects: from settings to everything outside."""

import os
import re
import secrets
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from threading import Event, Thread

from transfer import center_needs, checklist, institutions, paper_lines, versions
from transfer.adapters.airflow_api import AirflowApi
from transfer.adapters.dicomweb import DicomwebClient
from transfer.adapters.dimse import DimseClient, DimsePeer
from transfer.adapters.fhir.receiver import ReceiverClient
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.adapters.held_keys import HeldKeys
from transfer.adapters.http import HttpClient, HttpLimits, ShownAuthorization
from transfer.adapters.key_places import keys as keys  # for whoever connects by hand
from transfer.adapters.letters.mail_to_fax import MailToFax
from transfer.adapters.letters.post import OfficePost
from transfer.adapters.letters.print_folder import PrintFolder
from transfer.adapters.mail import CountedMailer, FolderMailer, SmtpMailer
from transfer.adapters.opening import OpeningProcess
from transfer.adapters.packet.signature import KeySigner, new_key
from transfer.adapters.paper.folder import WatchedFolder
from transfer.adapters.paper.mailbox import WatchedMailbox
from transfer.adapters.smart import SmartKeys, SmartTokens
from transfer.adapters.tls import context, required
from transfer.adapters.vault import PART, S3Vault
from transfer.adapters.webhook import Webhook
from transfer.alerts import AlertWay
from transfer.checklist import Checklists
from transfer.contacts import Contact
from transfer.credentials import SmartClient
from transfer.errors import OtherKeys
from transfer.exchanges import ExchangeKind
from transfer.facts import Origin
from transfer.fax_reports import FaxRule
from transfer.flow.alerting import AlertsByMail, AlertsByWebhook, AlertSender, AlertWatch, watch
from transfer.flow.installation_metrics import InstallationMetrics
from transfer.flow.measuring import Site, measure
from transfer.flow.services import LetterPost, Services
from transfer.health import HealthCheck
from transfer.institutions import (
    AskedForDocuments,
    AskedForImages,
    DicomwebSource,
    DimseSource,
    FhirSource,
    Institution,
    Institutions,
    Receiving,
)
from transfer.ledger import Ledger, exchanges, facilities, vault_objects
from transfer.ledger.connections import WAIT_SECONDS
from transfer.letters import LetterOffice, LetterSender, SendingWay
from transfer.mail import Mailer
from transfer.operation import LIMITS, Fault, FaultLimits, faults
from transfer.paper_lines import LineFile, Mailbox, PaperLine, PaperLines, ReportLine
from transfer.reviewed import validated
from transfer.sealing import SIGNER, SITE, KeyGone
from transfer.setting_values import is_private, listed
from transfer.settings import BadSetting, Settings
from transfer.sources import DocumentSource, ImageArchive
from transfer.staging import Vault

#: how long a check of health waits for the ledger
CHECK_SECONDS = 2


def origin(process: str, **more: object) -> Origin:
    """Who writes, and with which version of the code."""
    return Origin(process=process, code=versions.ours(), **more)  # type: ignore[arg-type]


def ledger(settings: Settings, by: Origin, *, connections: int = 4, wait_seconds: int = WAIT_SECONDS) -> Ledger:
    """The ledger alone, for callers that need nothing else. `wait_seconds`: see `Ledger`."""
    return Ledger(settings.database_url, keys(settings), by, connections=connections, wait_seconds=wait_seconds)


def begin_keys(settings: Settings) -> bool:
    """Draw the site's key where TRANSFER_KEYS says, if the ledger is new. False: there was one.

    Raises:
        OtherKeys: there are no keys, and the ledger was begun with some. Their disk may not be mounted.
        OutOfOrder: the ledger, or the key service, does not answer.
    """
    with closing(ledger(settings, origin("keys"), connections=1)) as book:
        return book.begin_keys()


@contextmanager
def connect(
    settings: Settings, by: Origin, *, connections: int = 4, part: int = PART, is_brief: bool = False
) -> Iterator[Services]:
    """Connect to everything a verb may touch; connections are made, and keys are asked for, when first used.

    `part`: see `S3Vault`. `is_brief`: see `Ledger`.

    Raises:
        BadSetting: a setting, or a file of an institution or a checklist, is missing or not what it must be.
    """
    held = keys(settings)
    try:
        known, lists = partners(settings)
    except ValueError as error:
        raise BadSetting("a reviewed file", "has a mistake", str(error)) from None
    book = Ledger(settings.database_url, held, by, connections=connections, is_brief=is_brief)
    book.follow(facilities.Followed(known))
    shown = smart_keys(settings)
    opening = OpeningProcess()
    store = vault(settings, announce=lambda key: vault_objects.register_upload(book, key), part=part)
    try:
        yield Services(
            ledger=book,
            vault=store,
            opener=opening,
            institutions=known,
            checklists=lists,
            signer=cache(lambda: signer(held)),
            takes_corroborated=settings.takes_corroborated,
            zone=settings.zone,
            public_url=settings.public_url,
            # The site's own number as a source of documents, from its random key: stable and unique.
            source_id=lambda: uuid.UUID(bytes=held.hmac(SITE, b"source")[:16]).urn,
            ask_documents=partial(documents, keys=shown),
            ask_archive=archive,
            hand_to=receiver,
            mailer=CountedMailer(mailer(settings), partial(exchanges.count, book, ExchangeKind.MAIL, "")),
            letter_post=letter_post(settings),
            published_keys=shown.jwks,
            site=lambda: site(settings, by.process),
        )
    finally:
        opening.close()
        book.close()


def partners(settings: Settings) -> tuple[Institutions, Checklists]:
    """Every partner's file and every checklist.

    Raises:
        ValueError: names the file, the place in it and what is wrong, also where a center speaks of no line there is;
            or the setting whose folder is not there, for its disk may not be mounted.
    """
    for name, folder in (("INSTITUTIONS", settings.institutions), ("CHECKLISTS", settings.checklists)):
        if not folder.is_dir():
            raise ValueError(f"TRANSFER_{name} names no folder")
    known, lists = institutions.load(settings.institutions, settings.names), checklist.load(settings.checklists)
    for each in known.values():
        if each.receives:
            center_needs.check(each.receives.needs, each.id, lists)
    return known, lists


def receiver(receiving: Receiving) -> ReceiverClient:
    """Who hands packets to this endpoint."""
    assert receiving.endpoint  # asked before
    return ReceiverClient(*receiving.endpoint, tls=context(receiving.tls))


def mailer(settings: Settings) -> Mailer:
    """What carries our mail: the server that is set, else a folder."""
    if url := settings.smtp_url:
        return SmtpMailer(url, settings.mail_from)
    return FolderMailer(settings.var / "outbox", settings.mail_from)


def letter_post(settings: Settings) -> LetterPost | None:
    """Who writes letters from here: the office that is set. Faxes go by a service that takes them as mail, if one is
    set; all else into `letters` of the folder `var`, to be printed.
    """
    office = letter_office(settings.names)
    if office is None:
        return None
    senders: dict[SendingWay, LetterSender] = {SendingWay.PRINT: PrintFolder(settings.var / "letters")}
    if (domain := settings.names.get("TRANSFER_FAX_DOMAIN")) and (url := settings.smtp_url):
        senders[SendingWay.FAX] = MailToFax(url, settings.mail_from, domain)
    return OfficePost(office, senders)


#: how facilities answer a letter
_ANSWERED_BY = {
    "telephone": "TRANSFER_LETTERS_TELEPHONE",
    "fax": "TRANSFER_LETTERS_FAX",
    "address": "TRANSFER_LETTERS_ADDRESS",
}


def letter_office(names: Mapping[str, str]) -> LetterOffice | None:
    """Who signs letters, as the settings have it; None: nobody.

    Raises:
        BadSetting: a number is none, or there is neither a fax number nor an address for answers.
    """
    name = names.get("TRANSFER_LETTERS_NAME")
    said = {part: names.get(setting) or None for part, setting in _ANSWERED_BY.items()}
    if not name:
        return None
    said["address"] = said["address"] and said["address"].replace(";", "\n")
    try:
        return LetterOffice(name=name, contact=validated(Contact, said, "letters"))
    except ValueError as error:
        right = "TRANSFER_LETTERS_TELEPHONE, and _FAX or _ADDRESS (its lines set apart by ;)."
        raise BadSetting("TRANSFER_LETTERS_NAME", f"signs letters that nobody could answer: {error}", right) from None


def documents(source: AskedForDocuments, keys: SmartKeys) -> DocumentSource:
    """Who asks this source of documents, in the language it speaks. `keys`: by which it gives us tokens, if by any."""
    assert isinstance(source, FhirSource)
    return FhirSourceClient(source.base_url, shown_at(source, keys), tls=context(source.tls))


def shown_at(source: FhirSource, keys: SmartKeys) -> str | ShownAuthorization | None:
    """What we show at a FHIR source: a bearer token, or who gets one by `keys`."""
    return _tokens(source, source.smart, keys) if source.smart else source.token


def smart_keys(settings: Settings) -> SmartKeys:
    """By which sources give us tokens; none are there unless somebody made some."""
    return SmartKeys(Path(settings.names.get("TRANSFER_SMART_KEYS") or settings.var / "smart"))


@cache
def _tokens(source: FhirSource, client: SmartClient, keys: SmartKeys) -> SmartTokens:
    """One for each source in a process, so that a token serves until it ends."""

    def connect(url: str, limits: HttpLimits) -> HttpClient:
        return HttpClient(url, None, limits, context(source.tls))

    return SmartTokens(source.base_url, client, keys, connect)


def archive(source: AskedForImages) -> ImageArchive:
    """Who asks this archive, in the language it speaks."""
    if isinstance(source, DicomwebSource):
        return DicomwebClient(
            source.base_url,
            source.token,
            user=source.user,
            password=source.password,
            tls=context(source.tls),
        )
    assert isinstance(source, DimseSource)
    return DimseClient(
        DimsePeer(
            host=source.host,
            port=source.port,
            called_ae_title=source.called_ae_title,
            calling_ae_title=source.calling_ae_title,
            tls=None if source.is_plain else required(source.tls),
        )
    )


def lines(settings: Settings) -> list[PaperLine]:
    """The lines on which papers come in by themselves.

    Raises:
        BadSetting: the file has a mistake, or names a password that is not set.
    """
    said = _incoming(settings)
    return [_line(settings, name, one) for name, one in said.lines.items()]


def _incoming(settings: Settings) -> PaperLines:
    file = settings.names.get("TRANSFER_INCOMING")
    if not file:
        return PaperLines()
    try:
        return paper_lines.load(Path(file))
    except ValueError as error:
        raise BadSetting("TRANSFER_INCOMING", "names a file with a mistake", str(error)) from None


def _line(settings: Settings, name: str, said: LineFile) -> PaperLine:
    if said.folder is not None:
        return WatchedFolder(name, said.folder)
    assert said.mailbox is not None  # a line has one of both
    return _mailbox(settings, name, said.mailbox)


def _mailbox(settings: Settings, name: str, said: Mailbox) -> WatchedMailbox:
    password = settings.names.get(said.password_setting)
    if not password:
        raise BadSetting(said.password_setting, "is not set", "The file of TRANSFER_INCOMING names it.")
    return WatchedMailbox(name, said, password)


def fax_reports(settings: Settings) -> tuple[ReportLine, Sequence[FaxRule]] | None:
    """Where the service that faxes our letters says what became of each, and how that is read. None: it does not.

    Raises as `lines`.
    """
    said = _incoming(settings).fax_reports
    return (_mailbox(settings, "fax-reports", said.mailbox), said.meanings) if said else None


def vault(settings: Settings, *, announce: Callable[[str], None] = lambda _key: None, part: int = PART) -> S3Vault:
    """The object store. `announce` is told the name of each new object before its first byte."""
    access_key, secret_key = settings.s3_keys or (None, None)
    return S3Vault(
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        access_key=access_key,
        secret_key=secret_key,
        authority=settings.s3_authority,
        addressing="virtual" if settings.s3_is_virtual else "path",
        bucket=settings.s3_bucket,
        checksums=settings.s3_checksums.value,
        announce=announce,
        part=part,
    )


def signer(held: HeldKeys) -> KeySigner:
    """Who packets are signed by: its key is among the keys, made at first use."""
    try:
        return KeySigner.from_pem(held.fetch(SIGNER))
    except KeyGone:
        return KeySigner.from_pem(held.offer(SIGNER, new_key()))


@contextmanager
def site(settings: Settings, process: str) -> Iterator[Site]:
    """What of this installation can be looked at from here, by its settings: see `transfer.flow.measuring`."""
    names, (known, mistakes) = settings.names, _reviewed(settings)
    has_ledger = "TRANSFER_DATABASE_URL" in names
    book = ledger(settings, origin(process), connections=1, wait_seconds=CHECK_SECONDS) if has_ledger else None
    has_airflow = {"TRANSFER_AIRFLOW_URL", "TRANSFER_AIRFLOW_PASSWORD"} <= names.keys()
    try:
        yield Site(
            settings=settings,
            limits=fault_limits(settings),
            version=versions.with_commit(),
            keys=keys(settings),
            ledger=book,
            vault=vault(settings) if "TRANSFER_S3_ENDPOINT" in names else None,
            airflow=airflow(settings) if has_airflow else None,
            institutions=known,
            show=partial(shown_at, keys=smart_keys(settings)),
            mistakes=mistakes,
            own_doors=tuple(_own_doors(settings, known)),
        )
    finally:
        if book:
            book.close()


def _reviewed(settings: Settings) -> tuple[tuple[Institution, ...], tuple[str, ...]]:
    """The institutions of the reviewed files; or what is wrong with these files."""
    try:
        known, _ = partners(settings)
    except ValueError as error:
        return (), (str(error),)
    return tuple(known.values()), ()


def _own_doors(settings: Settings, known: Iterable[Institution]) -> list[tuple[str, str, int]]:
    """Kind, host and port of each door of ours that can be reached from here: none of a gateway that listens on every
    address of another host.
    """
    if "TRANSFER_GATEWAY_HTTP" not in settings.names:
        return []
    host, port = settings.gateway_http
    if host in ("0.0.0.0", "::"):  # noqa: S104  it is compared, not listened on
        return []
    ports = {one.mllp_door.port for one in known if one.mllp_door}
    return [("http", host, port), *(("mllp", host, mllp) for mllp in sorted(ports - {0}))]


@contextmanager
def alerting(services: Services, settings: Settings, process: str) -> Iterator[InstallationMetrics]:
    """Look for what is wrong for the length of the block, in a thread; gives what was measured, for whoever scrapes.

    Raises:
        BadSetting: who is to be told cannot be.
    """
    senders, limits, found = alert_senders(settings, services.mailer), fault_limits(settings), InstallationMetrics()
    with site(settings, process) as looked_at:

        def look() -> Sequence[Fault]:
            found.measured = measure(looked_at)
            return faults(found.measured, limits)

        mark = settings.var / "tmp" / f"ledger-away-{process}.json"
        watcher, stop = AlertWatch(services, secrets.token_hex(8), senders, look, mark), Event()
        thread = Thread(target=watch, args=(watcher, stop), name="alerts", daemon=True)
        thread.start()
        try:
            yield found
        finally:
            stop.set()
            thread.join(settings.grace_seconds)


def alert_senders(settings: Settings, by: Mailer) -> dict[AlertWay, AlertSender]:
    """By which ways whoever runs the installation is told what is wrong; none: it is listed alone.

    Raises:
        BadSetting: no mail address, no address of a web server, or no secret.
    """
    names = settings.names
    senders: dict[AlertWay, AlertSender] = {}
    if to := listed(names, "TRANSFER_ALERTS_MAIL"):
        if not all(re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", one) for one in to):
            raise BadSetting("TRANSFER_ALERTS_MAIL", "names what is no mail address", "It is name@host, with commas.")
        senders[AlertWay.MAIL] = AlertsByMail(by, to)
    if url := names.get("TRANSFER_ALERTS_WEBHOOK"):
        if not re.fullmatch(r"https?://[^\s#@]+", url) or not is_private(url.partition("?")[0]):
            says = "It is https://…, or http:// of this machine."
            raise BadSetting("TRANSFER_ALERTS_WEBHOOK", "is no address of a web server", says)
        try:
            senders[AlertWay.WEBHOOK] = AlertsByWebhook(Webhook(url, names.get("TRANSFER_ALERTS_WEBHOOK_SECRET", "")))
        except ValueError:
            says = "It is whsec_ and 24 to 64 bytes in base64."
            raise BadSetting("TRANSFER_ALERTS_WEBHOOK_SECRET", "is no secret", says) from None
    return senders


def fault_limits(settings: Settings) -> FaultLimits:
    """From which measure on something is a fault of this installation."""
    free, hours = (settings.names.get(name) for name in ("TRANSFER_DISK_FREE_PERCENT", "TRANSFER_BACKUP_HOURS"))
    return FaultLimits(
        free_percent=int(free) if free else LIMITS.free_percent,
        backup=timedelta(hours=int(hours)) if hours else LIMITS.backup,
    )


def airflow(settings: Settings) -> AirflowApi:
    """Airflow's API, as the dispatcher's user."""
    return AirflowApi(settings.airflow_url, settings.airflow_user, settings.airflow_password)


@contextmanager
def checks(settings: Settings, book: Ledger, store: Vault | None = None) -> Iterator[dict[str, HealthCheck]]:
    """What a process asks before it calls itself ready: ledger, keys, and the store where it uses one.

    The ledger is asked over a connection of its own, so that a busy process is not taken for one that cannot work.
    """
    asking = Ledger(settings.database_url, book.keys, book.origin, connections=1, wait_seconds=CHECK_SECONDS)

    def has_ledger() -> bool:
        try:
            with asking.transaction() as tx:
                return bool(tx.now())
        except OtherKeys:
            return True  # it answers; the keys are what is wrong

    def has_keys() -> bool:
        return bool(book.keys.hmac(SITE, b"ready")) and not asking.has_other_keys()

    found = {"ledger": has_ledger, "keys": has_keys}
    try:
        yield {**found, "store": store.answers} if store else found
    finally:
        asking.close()


def load_settings() -> Settings:
    """The settings of this process's environment."""
    return Settings.load(os.environ)
