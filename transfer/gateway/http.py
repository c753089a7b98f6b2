"""The HTTP doors, one application: `/fhir` takes messages in, `/packets` gives packets out.

A caller is mapped to one institution (`transfer.gateway.callers`) before a byte of its message is read. It may do only
what its YAML file grants and its token covers.
"""

import tempfile
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Route

from transfer.flow.services import Services
from transfer.gateway.callers import Callers
from transfer.gateway.downloads import DownloadDoor
from transfer.gateway.egress import Outgoing
from transfer.gateway.fhir_door import FhirDoor
from transfer.gateway.intake import Intake


def application(services: Services, intake: Intake, outgoing: Outgoing, spool: Path | None = None) -> Starlette:
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
    return served
