"""`python -m transfer.gateway`: all doors in one process. SIGTERM closes them: what is in flight is answered first."""

import asyncio
import contextlib

from transfer import logs, wiring
from transfer.adapters.vault import SMALL_PART
from transfer.flow.services import Services
from transfer.gateway.egress import Outgoing
from transfer.gateway.http import application
from transfer.gateway.intake import Intake
from transfer.gateway.mllp import MllpServer, certificates, doors
from transfer.gateway.mllp.message_store import LedgerMessageStore
from transfer.gateway.serving import server
from transfer.gateway.tls import doors_context
from transfer.settings import Settings


async def serve(services: Services, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    tls = doors_context(settings, services.institutions)
    intake = Intake(services.ledger)
    outgoing = await asyncio.to_thread(Outgoing, services)
    spool = settings.var / "tmp"
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    message_store = LedgerMessageStore(intake, services.vault, services.institutions, spool)
    host, port = settings.gateway_http
    known = certificates(services.institutions)
    mllp = MllpServer(doors(services.institutions), message_store, host=host, ssl_context=tls, certificates=known)
    http = server(application(services, intake, outgoing, spool), host, port, tls)
    watch = asyncio.create_task(outgoing.watch())
    # Without it nothing may be sent: the process ends, and is started again.
    watch.add_done_callback(lambda _: setattr(http, "should_exit", True))
    await mllp.start()
    try:
        await http.serve()
    finally:
        await mllp.close()
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        await asyncio.to_thread(outgoing.shut)
        await asyncio.to_thread(intake.close)


def main() -> None:
    logs.configure()
    settings = wiring.load_settings()
    with wiring.connect(settings, wiring.origin("gateway"), connections=16, part=SMALL_PART) as services:
        asyncio.run(serve(services, settings))


if __name__ == "__main__":
    main()
