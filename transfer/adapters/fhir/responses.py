"""What our own FHIR door answers. Nothing of what was sent is repeated: answers end in logs of others."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from transfer.adapters.fhir.codes import REASON
from transfer.errors import (
    NeedsReview,
    NotAllowed,
    NotPermitted,
    OutOfScope,
    TooLarge,
    TransferError,
    TurnedAway,
    Unavailable,
    Unknown,
    Unreadable,
)
from transfer.media_types import FHIR_JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirResponse:
    """An HTTP answer, whole."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


#: our errors as HTTP status, R4 issue code and one sentence for the other side, the nearest class first
_REFUSALS: Final[Sequence[tuple[type[TransferError], int, str, str]]] = (
    (TurnedAway, 401, "login", "The credential is not one that is accepted here."),
    (TooLarge, 413, "too-long", "This is more than is taken in one message."),
    (Unknown, 404, "not-found", "There is no such thing here."),
    (NotAllowed, 403, "forbidden", "This institution may not send this here, or it is nothing that is taken here."),
    (NotPermitted, 403, "forbidden", "No permission is in force for this."),
    (Unavailable, 503, "transient", "This cannot be taken at the moment. Send it again later."),
    (Unreadable, 400, "structure", "This is not JSON in the form of FHIR R4."),
    (NeedsReview, 422, "processing", "This does not follow what was agreed for this interface."),
)


def outcome(severity: str, code: str, sentence: str, reason: str | None = None) -> bytes:
    """An OperationOutcome with one issue, all of it our own words."""
    details: dict[str, Any] = {"text": sentence}
    if reason:
        details["coding"] = [{"system": REASON, "code": reason}]
    issue = {"severity": severity, "code": code, "details": details}
    return _json({"resourceType": "OperationOutcome", "issue": [issue]})


def refused(error: TransferError) -> FhirResponse:
    """What we answer where an error of ours kept us from taking something. The error's own text stays here."""
    if isinstance(error, OutOfScope):
        return _out_of_scope(error.scope)
    for kind, status, code, sentence in _REFUSALS:
        if isinstance(error, kind):
            wait = error.retry_after if isinstance(error, Unavailable) else None
            return _refusal(status, code, sentence, {} if wait is None else {"Retry-After": str(round(wait))})
    return _refusal(500, "exception", "This failed on our side. Send it again later.")


def unauthorized() -> FhirResponse:
    """No credential, or none we know."""
    return _refusal(401, "login", "The credential is not one that is accepted here.", {"WWW-Authenticate": "Bearer"})


def _out_of_scope(scope: str) -> FhirResponse:
    """403, coded for machines in the body and, as RFC 6750 section 3.1 wants it, in the header."""
    body = outcome("error", "forbidden", f"The token shown has no scope '{scope}'.", "insufficient-scope")
    challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
    return FhirResponse(status=403, body=body, headers=_headers({"WWW-Authenticate": challenge}))


def too_many(seconds: int) -> FhirResponse:
    return _refusal(429, "throttled", "Too much at once. Send it again later.", {"Retry-After": str(seconds)})


def too_slow() -> FhirResponse:
    """408, which says that the same may be sent again (RFC 9110, section 15.5.9)."""
    return _refusal(408, "timeout", "The message did not come to its end in time. It may be sent again.")


def wrong_media_type() -> FhirResponse:
    return _refusal(415, "not-supported", f"Only {FHIR_JSON} is taken here.")


def stored(kind: str, arrival: str, base: str) -> FhirResponse:
    """201: it is durably stored under our id, whether for the first time or already before.

    `kind` is one of `Incoming.types`, `base` our own base URL.
    """
    body = outcome("information", "informational", "Stored.")
    return FhirResponse(status=201, body=body, headers=_headers({"Location": f"{base}/{kind}/{arrival}"}))


def stored_bundle(types: Sequence[str], arrival: str) -> FhirResponse:
    """200: a transaction-response with an entry for each one sent, in order (R4 http, transaction)."""
    entries = [
        {"response": {"status": "201 Created", "location": f"{kind}/{arrival}-{number}"}}
        for number, kind in enumerate(types, 1)
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}
    return FhirResponse(status=200, body=_json(bundle), headers=_headers())


def _refusal(status: int, code: str, sentence: str, headers: Mapping[str, str] | None = None) -> FhirResponse:
    return FhirResponse(status=status, body=outcome("error", code, sentence), headers=_headers(headers))


def _headers(more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {"Content-Type": FHIR_JSON, **(more or {})}


def _json(tree: Mapping[str, Any]) -> bytes:
    return json.dumps(tree, separators=(",", ":")).encode()
