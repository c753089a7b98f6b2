"""`python -m transfer.pages`: the desk, for staff on the inside network.

SIGTERM ends it: it is not ready from that moment, and answers what was asked before, for TRANSFER_GRACE_SECONDS at the
most. It works while Airflow and the doors are away; while the identity provider is, by the emergency account alone.
"""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from transfer import health, logs, metrics, staff_groups, wiring
from transfer.addresses import is_loopback
from transfer.errors import OtherKeys, OtherVersion
from transfer.flow import fax_reports, lines_in, page_texts
from transfer.flow.services import Services
from transfer.health import HealthCheck, Readiness, Scrape
from transfer.pages import access_events
from transfer.pages.address import Address
from transfer.pages.app import application
from transfer.pages.desk import downtime
from transfer.pages.oidc import OidcClient, Provider
from transfer.pages.routes import WayIn
from transfer.pages.sign_in_by_provider import by_provider
from transfer.sealing import SITE
from transfer.serving.budget import ConnectionLimits
from transfer.serving.http import asked_to_stop, serve_until, server, turning
from transfer.serving.proxies import TrustedProxies
from transfer.settings import BadSetting, Settings


async def serve(
    services: Services, settings: Settings, address: Address, checks: Mapping[str, HealthCheck], scraped: Scrape
) -> None:
    """Serve until SIGTERM or SIGINT. `checks` are what this process needs."""
    stop = asked_to_stop()
    host, port = settings.desk_http
    proxies = TrustedProxies(settings.trusted_proxies)
    http = server(
        application(services, address, ways=ways(services, settings, address)),
        host,
        port,
        grace=settings.grace_seconds,
        limits=ConnectionLimits(
            unknown=settings.connections_unknown, unknown_per_address=settings.connections_per_address
        ),
        proxies=proxies,
        door=lambda _path: "desk",
    )
    readiness = Readiness(checks)
    resolving = asyncio.create_task(proxies.resolve())
    try:
        with health.served(settings.health, readiness, is_live=turning(asyncio.get_running_loop()), metrics=scraped):
            await serve_until(stop, http, readiness)
    finally:
        resolving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await resolving


def ways(services: Services, settings: Settings, address: Address) -> Sequence[WayIn]:
    """The ways to sign in here, the usual one first.

    Raises:
        BadSetting: half a client of the provider, or a mistake in the file of groups.
    """
    if settings.oidc_issuer is None:
        return ()
    try:
        groups = staff_groups.load(settings.desk_groups)
    except ValueError as error:
        raise BadSetting("TRANSFER_DESK_GROUPS", "names a file with a mistake", str(error)) from None
    provider = Provider(OidcClient.of_desk(settings), lambda: services.ledger.keys.hmac(SITE, b"desk sign-in"))
    return (by_provider(services, address, provider, groups),)


def address_of(settings: Settings) -> Address:
    """Where people reach the desk.

    Raises:
        BadSetting: it is no address by itself, or passwords would cross a network in plain text.
    """
    host, _ = settings.desk_http
    if not is_loopback(host) and not settings.tls_terminated:
        raise BadSetting(
            "TRANSFER_DESK_HTTP",
            "is an address that other machines reach, and the desk would speak plain text there",
            "Set TRANSFER_TLS_TERMINATED=1 where a proxy ends TLS in front of it and nothing else reaches it.",
        )
    try:
        return Address(settings.desk_url)
    except ValueError as error:
        raise BadSetting("TRANSFER_DESK_URL", "has more than a host and a port", f"{error}.") from None


def main() -> None:
    logs.configure()
    access_events.configure()
    settings = wiring.load_settings()
    try:
        if not settings.keys_url:  # a key service is begun by a person, or by what prepares the installation
            wiring.begin_keys(settings)
        _serve(settings)
    except (OtherVersion, OtherKeys, BadSetting) as error:
        sys.exit(f"the desk does not start: {error}")


def downtime_folder(settings: Settings) -> Path | None:
    """Where downtime sheets are written, made for this account alone where it is not there; None: nowhere.

    Raises:
        BadSetting: it cannot be made, or everybody on this machine may look into it.
    """
    named = settings.names.get("TRANSFER_DOWNTIME")
    if not named:
        return None
    folder = Path(named)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = folder.stat().st_mode
    except OSError:
        raise BadSetting("TRANSFER_DOWNTIME", "is no folder that can be made", "Make it, for this account.") from None
    if mode & 0o007:
        says = f"The sheets name patients. Run `chmod o= {folder}`."
        raise BadSetting("TRANSFER_DOWNTIME", "is a folder that everybody may look into", says)
    return folder


def _serve(settings: Settings) -> None:
    address, lines, sheets = address_of(settings), wiring.lines(settings), downtime_folder(settings)
    reports = wiring.fax_reports(settings)
    with (
        wiring.connect(settings, wiring.origin("desk"), connections=16) as services,
        wiring.checks(settings, services.ledger, services.vault) as checks,
    ):
        stop = threading.Event()
        beside = [threading.Thread(target=lines_in.watch, args=(services, lines, stop), daemon=True)]
        if reports:
            beside.append(threading.Thread(target=fax_reports.watch, args=(services, *reports, stop), daemon=True))
        if program := settings.names.get("TRANSFER_TESSERACT"):
            reads = page_texts.reader(Path(program))
            beside.append(threading.Thread(target=page_texts.watch, args=(services, reads, stop), daemon=True))
        if sheets:
            beside.append(threading.Thread(target=downtime.watch, args=(services, sheets, stop), daemon=True))
        for one in beside:
            one.start()
        try:
            with wiring.alerting(services, settings, "desk") as measured:
                scraped = partial(metrics.exposed, measured)
                asyncio.run(serve(services, settings, address, checks, scraped))
        finally:
            stop.set()
            for one in beside:
                one.join(settings.grace_seconds)


if __name__ == "__main__":
    main()
