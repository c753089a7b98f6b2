"""`python -m transfer.gateway`: all doors in one process.

SIGTERM ends it: it is not ready from that moment and takes nothing new. What is under way is finished first, for
TRANSFER_GRACE_SECONDS at the most; what takes longer is cut.
"""

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from functools import partial

from transfer import health, logs, metrics, spans, versions, wiring
from transfer.adapters.vault import SMALL_PART
from transfer.errors import OtherKeys, OtherVersion
from transfer.flow.reading_anew import read_forms_anew
from transfer.flow.services import Services
from transfer.gateway.door_tries import DoorTries
from transfer.gateway.egress import Outgoing
from transfer.gateway.http import application
from transfer.gateway.intake import Intake
from transfer.gateway.mllp import MllpLimits, MllpServer, certificates, doors
from transfer.gateway.mllp.message_store import LedgerMessageStore
from transfer.gateway.tls import doors_context
from transfer.health import HealthCheck, Readiness, Scrape
from transfer.pages import access_events
from transfer.serving.budget import ConnectionLimits
from transfer.serving.http import asked_to_stop, serve_until, server, turning
from transfer.serving.listening import allow_many_files
from transfer.serving.proxies import TrustedProxies
from transfer.settings import ProxyHeader, Settings


async def serve(services: Services, settings: Settings, checks: Mapping[str, HealthCheck], scraped: Scrape) -> None:
    """Serve until SIGTERM or SIGINT. `checks` are what this process needs, `scraped` what it
    says to whoever scrapes it.
    """
    stop = asked_to_stop()
    tls = doors_context(settings, services.institutions)
    intake = Intake(services.ledger)
    outgoing = await asyncio.to_thread(Outgoing, services)
    spool = settings.var / "tmp"
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    message_store = LedgerMessageStore(intake, services.vault, services.institutions, spool)
    host, port = settings.gateway_http
    known = certificates(services.institutions)
    proxies = TrustedProxies(settings.trusted_proxies)
    limits = ConnectionLimits(
        unknown=settings.connections_unknown,
        unknown_per_address=settings.connections_per_address,
        known_per_owner=settings.connections_per_institution,
    )
    mllp = MllpServer(
        doors(services.institutions),
        message_store,
        host=host,
        limits=MllpLimits(connections=limits),
        ssl_context=tls,
        certificates=known,
        proxies=proxies,
        has_proxy_header=ProxyHeader.MLLP in settings.proxy_headers,
    )
    http = server(
        application(services, intake, outgoing, spool),
        host,
        port,
        tls,
        grace=settings.grace_seconds,
        limits=limits,
        proxies=proxies,
        has_proxy_header=ProxyHeader.HTTP in settings.proxy_headers,
    )
    readiness = Readiness(checks)
    show = partial(wiring.shown_at, keys=wiring.smart_keys(settings))
    tries = DoorTries(services.institutions, show, wiring.fault_limits(settings))
    watch = asyncio.create_task(outgoing.watch())
    # Without it nothing may be sent: the process ends, and is started again.
    watch.add_done_callback(lambda _: stop.set())
    resolving = asyncio.create_task(proxies.resolve())
    await mllp.start()
    try:
        moves = turning(asyncio.get_running_loop())
        with health.served(settings.health, readiness, is_live=moves, metrics=scraped, posted=tries.answer):
            await serve_until(stop, http, readiness, partial(mllp.close, settings.grace_seconds))
    finally:
        await mllp.close(grace=0)
        resolving.cancel()
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        await asyncio.to_thread(outgoing.shut)
        await intake.close()


def main() -> None:
    logs.configure()
    spans.configure("gateway", versions.ours())
    access_events.configure()
    allow_many_files()
    settings = wiring.load_settings()
    try:
        if not settings.keys_url:  # a key service is begun by a person, or by what prepares the installation
            wiring.begin_keys(settings)
        _serve(settings)
    except (OtherVersion, OtherKeys) as error:
        sys.exit(f"the gateway does not start: {error}")


def _serve(settings: Settings) -> None:
    with (
        wiring.connect(settings, wiring.origin("gateway"), connections=16, part=SMALL_PART) as services,
        wiring.checks(settings, services.ledger, services.vault) as checks,
    ):
        read_forms_anew(services)
        with wiring.alerting(services, settings, "gateway") as measured:
            asyncio.run(serve(services, settings, checks, partial(metrics.exposed, measured)))


if __name__ == "__main__":
    main()
