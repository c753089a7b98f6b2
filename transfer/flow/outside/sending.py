"""What people outside send by our pages, as arrivals: stored and sealed by the one writer of all doors."""

import hashlib
from collections.abc import Callable
from typing import Final

from transfer.arrivals import ArrivalKind, Door
from transfer.flow.services import Services
from transfer.identifiers import ArrivalId, CaseId, InstitutionId
from transfer.ledger import Tx, arrivals
from transfer.ledger.arrivals import NewArrival, Stored
from transfer.staging import CHUNK

#: returns once it is durable; the second argument is done in the same transaction.
#: Raises: Unavailable: nothing was stored
StoreSent = Callable[[NewArrival, Callable[[Tx, Stored], None] | None], Stored]

FHIR_JSON: Final = "application/fhir+json"
#: the files that are taken, by what their bytes are
TAKEN: Final = frozenset({"application/pdf", "image/tiff", "image/jpeg", "image/png"})


def send(
    services: Services,
    store: StoreSent,
    institution: InstitutionId,
    kind: ArrivalKind,
    body: bytes,
    content_type: str,
    *,
    key: str,
    case: CaseId | None = None,
    on_stored: Callable[[Tx, Stored], None] | None = None,
) -> ArrivalId:
    """Store what was sent, sealed. The same `key` again is the same message, and is stored once.

    Raises:
        Unavailable: nothing was stored.
    """
    in_row = len(body) <= arrivals.IN_ROW
    place = None if in_row else services.vault.keep(body[at : at + CHUNK] for at in range(0, len(body), CHUNK))
    incoming = NewArrival(
        institution=institution,
        door=Door.PAGE,
        kind=kind,
        business=key,
        control=None,
        content_type=content_type,
        payload=body if in_row else None,
        location=place,
        content_sha256=hashlib.sha256(body).digest(),
        subject=case,
    )
    stored = store(incoming, on_stored)
    if stored.is_duplicate and place is not None:
        services.vault.remove(place.key)
    return stored.arrival


def send_file(
    services: Services,
    store: StoreSent,
    institution: InstitutionId,
    case: CaseId,
    body: bytes,
    content_type: str,
    key: str,
) -> ArrivalId:
    """Store a file about a case, for people to look at. As `send`; another file by the same `key` is another one."""
    name = named_by(key, body)
    return send(services, store, institution, ArrivalKind.NOTICE, body, content_type, key=name, case=case)


def named_by(key: str, said: bytes) -> str:
    """The key of what was sent by a form. A form that a browser brought back, with the same key, may say another thing
    than before: that is not the same message.
    """
    return f"{key}|{hashlib.sha256(said).hexdigest()}"
