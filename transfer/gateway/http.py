"""The HTTP doors, one application: `/fhir` takes messages in, `/packets` gives packets out, `/health` checks both.

A caller is mapped to one institution (`transfer.gateway.callers`) before a byte of its message is read. It may do only
what its YAML file grants and its token covers.
"""

import asyncio
import tempfile
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from transfer.errors import Unavailable
from transfer.flow.services import Services
from transfer.gateway.callers import Callers
from transfer.gateway.downloads import DownloadDoor
from transfer.gateway.egress import Outgoing
from transfer.gateway.fhir_door import FhirDoor
from transfer.gateway.intake import Intake
from transfer.ledger import Ledger


def application(services: Services, intake: Intake, outgoing: Outgoing, spool: Path | None = None) -> Starlette:
    """The application, one per process. `services`, `intake` and `outgoing` are the process's own.

    Args:
        spool: the folder of long messages that are still arriving; by default the system's for temporary files.
    """
    callers = Callers(services.institutions)
    fhir = FhirDoor(services, intake, callers, spool or Path(tempfile.gettempdir()))
    downloads = DownloadDoor(services, outgoing, callers)
    packet = "/packets/{packet}"
    return Starlette(
        routes=[
            Route("/health", Health(services.ledger, intake).get, methods=["GET"]),
            Route("/fhir", fhir.post, methods=["POST"]),
            Route("/fhir/{kind:str}", fhir.post, methods=["POST"]),
            Route(f"{packet}/packet.tar", downloads.packet, methods=["GET"]),
            Route(f"{packet}/documents/{{number:int}}", downloads.document, methods=["GET"]),
        ]
    )


class Health:
    """Whether the doors can do their work."""

    def __init__(self, ledger: Ledger, intake: Intake) -> None:
        self._ledger = ledger
        self._intake = intake

    async def get(self, _request: Request) -> Response:
        """200 while the ledger answers and what comes in is written, else 503."""
        if self._intake.is_alive and await asyncio.to_thread(self._does_ledger_answer):
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "unavailable"}, status_code=503)

    def _does_ledger_answer(self) -> bool:
        try:
            with self._ledger.transaction() as tx:
                tx.now()
        except Unavailable:
            return False
        return True
