"""What the FHIR adapter answers, as a response of the HTTP doors."""

from starlette.responses import Response

from transfer.adapters.fhir.responses import FhirResponse


def http_response(answer: FhirResponse) -> Response:
    """The same answer, as Starlette sends it."""
    return Response(answer.body, status_code=answer.status, headers=answer.headers)
