"""The HTTP doors, one application: `/fhir` takes messages in, `/packets` gives packets out. Beside them stand the pages
for people of outside.

A caller is mapped to one institution (`transfer.gateway.callers`) before a byte of its message is read. It may do only
what its YAML file grants and its token covers.
"""

import asyncio
import logging
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from transfer.errors import TransferError
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

#: where our public keys are
JWKS: Final = "/.well-known/jwks.json"


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
            Route(JWKS, _Published(services).get, methods=["GET"]),
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


class _Published:
    """Our public keys, for whoever asks: servers that give us tokens look them up here (RFC 7517)."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def get(self, _request: Request) -> Response:
        try:
            found = await asyncio.to_thread(self._services.published_keys)
        except TransferError as error:
            log.warning("http: our keys are not published: %s", error)
            return JSONResponse({"keys": []}, status_code=503)
        return JSONResponse(dict(found), headers={"Cache-Control": "max-age=3600"})


def _address_of(public_url: str) -> Address | None:
    """Where people reach the pages; None: what they type there would cross a network in plain text."""
    parts = urlsplit(public_url)
    try:
        return Address(f"{parts.scheme}://{parts.netloc}")
    except ValueError:
        return None
