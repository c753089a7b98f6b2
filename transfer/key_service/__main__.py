"""`python -m transfer.key_service` serves the folder that TRANSFER_KEYS names.

SIGTERM ends it: it is not ready from that moment. What it was asked is answered first, for TRANSFER_GRACE_SECONDS at
the most. Several may serve one folder: making a key waits for the others.
"""

import asyncio
import os

from transfer import health, logs
from transfer.adapters.key_places import folder_keys
from transfer.adapters.keys import FolderKeys
from transfer.adapters.mutual_tls import context
from transfer.health import Readiness
from transfer.key_service.application import application
from transfer.sealing import SITE
from transfer.serving.http import asked_to_stop, serve_until, server, turning
from transfer.settings import Settings


async def serve(settings: Settings, keys: FolderKeys) -> None:
    """Serve until SIGTERM or SIGINT. It is ready while there are keys: an empty folder may be a disk that is not
    mounted.
    """
    host, port = settings.keys_listen
    tls = context(settings.keys_tls, is_server=True)
    http = server(application(keys), host, port, tls, grace=settings.grace_seconds)
    readiness = Readiness({"keys": lambda: bool(keys.fetch(SITE))})
    stop = asked_to_stop()
    with health.served(settings.health, readiness, is_live=turning(asyncio.get_running_loop())):
        await serve_until(stop, http, readiness)


def main() -> None:
    logs.configure()
    settings = Settings.load(os.environ)
    asyncio.run(serve(settings, folder_keys(settings)))


if __name__ == "__main__":
    main()
