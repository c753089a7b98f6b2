"""The HTTP doors, one application: `/fhir` takes messages in, `/packets` gives packets out. Beside them stand the pages
for people of outside.

A caller is mapped to one institution (`transfer.gateway.callers`) before a byte of its message is read. It may do only
what its YAML file grants and its token covers.
"""

import logging
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from transfer.flow.services import Services
from transfer.gateway.callers import Callers
from transfer.gateway.downloads import DownloadDoor
from transfer.gateway.egress import Outgoing
from transfer.gateway.fhir_door import FhirDoor
from transfer.gateway.intake import Intake
from transfer.gateway.outside.app import Outside
from transfer.gateway.outside.routes import Shell
from transfer.pages.address import Address

log = logging.getLogger("transfer.gateway")


def application(services: Services, intake: Intake, outgoing: Outgoing, spool: Path | None = None) -> ASGIApp:
    """The application, one per process. `services`, `intake` and `outgoing` are the process's own.

    Args:
        spool: the folder of long messages that are still arriving; by default the system's for temporary files.
    """
    callers = Callers(services.institutions)
    fhir = FhirDoor(services, intake, callers, spool or Path(tempfile.gettempdir()))
    downloads = DownloadDoor(services, outgoing, callers)
    packet = "/packets/{packet}"
    served = Starlette(
        routes=[
            Route("/fhir", fhir.post, methods=["POST"]),
            Route("/fhir/{kind:str}", fhir.post, methods=["POST"]),
            Route(f"{packet}/packet.tar", downloads.packet, methods=["GET"]),
            Route(f"{packet}/documents/{{number}}", downloads.document, methods=["GET"]),
        ]
    )
    # A redirect to the path without its last slash would lead to whatever host the caller named.
    served.router.redirect_slashes = False
    if (address := _address_of(services.public_url)) is None:
        log.warning("http: no pages for people of outside: TRANSFER_PUBLIC_URL is neither https nor of this machine")
        return served
    return Outside(served, Shell(services=services, outgoing=outgoing, intake=intake, address=address))


def _address_of(public_url: str) -> Address | None:
    """Where people reach the pages; None: what they type there would cross a network in plain text."""
    parts = urlsplit(public_url)
    try:
        return Address(f"{parts.scheme}://{parts.netloc}")
    except ValueError:
        return None
