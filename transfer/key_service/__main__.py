"""`python -m transfer.key_service` serves the folder that TRANSFER_KEYS names. SIGTERM ends it once all is answered.

Several may serve one folder: making a key waits for the others.
"""

import asyncio
import os

from transfer import logs
from transfer.adapters.key_places import folder_keys
from transfer.adapters.mutual_tls import context
from transfer.gateway.serving import server
from transfer.key_service.application import application
from transfer.settings import Settings


def main() -> None:
    logs.configure()
    settings = Settings.load(os.environ)
    host, port = settings.keys_listen
    tls = context(settings.keys_tls, is_server=True)
    asyncio.run(server(application(folder_keys(settings)), host, port, tls).serve())


if __name__ == "__main__":
    main()
