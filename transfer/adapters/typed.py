"""What somebody of outside typed at our pages, as it is stored: as an arrival of their institution, like a message.

Pages offer nothing but what is read here. So what cannot be read was not typed there.
"""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, ValidationError

from transfer.arrivals import Receipt, ReceiptStatus
from transfer.errors import Unexpected

#: of the row in which it is stored
TYPED_RECEIPT: Final = "application/x-typed-receipt+json"


class _Receipt(BaseModel, extra="forbid", strict=True):
    """One answer."""

    packet: Annotated[str, Field(max_length=64)]
    status: Literal["accepted", "declined"]
    reasons: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=200)] = []
    account: Annotated[str, Field(max_length=64)]


def written(said: Receipt, account: str) -> bytes:
    """A receipt as it is stored. The same one by the same account is the same bytes."""
    typed = _Receipt(packet=said.packet, status=said.status.value, reasons=sorted(set(said.reasons)), account=account)
    return typed.model_dump_json().encode()


def receipt(body: bytes) -> Receipt:
    """The receipt.

    Raises:
        Unexpected: it is none.
    """
    try:
        typed = _Receipt.model_validate_json(body)
    except ValidationError:
        raise Unexpected("no receipt that our pages write") from None
    return Receipt(
        packet=typed.packet,
        status=ReceiptStatus(typed.status),
        reasons=tuple(typed.reasons),
        said_by=typed.account,
    )
