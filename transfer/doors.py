"""What an institution's file says of our doors: by which tokens it calls, and how its HL7 v2 messages are known."""

import re
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from transfer.arrivals import Grant
from transfer.designators import Designator
from transfer.reviewed import ReviewedPart


def _as_digest(text: str) -> str:
    digest = re.sub(r"^sha256 fingerprint=|\s+-$|:", "", text.strip().lower())
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError("not a SHA-256 in hexadecimal")
    return digest


#: SHA-256, lower-case hex; written also as `openssl x509 -fingerprint -sha256` or `sha256sum` prints it
Digest = Annotated[str, AfterValidator(_as_digest)]


class DoorToken(ReviewedPart):
    """A bearer token of theirs. We keep its SHA-256 alone, so that nobody can learn the token here."""

    sha256: Digest
    #: what may be done with it, of what the institution is granted
    scopes: Annotated[frozenset[Grant], Field(min_length=1)]


class HttpDoor(ReviewedPart):
    #: several are valid while one replaces another; none where the certificate alone says who calls
    tokens: tuple[DoorToken, ...] = ()


class FrameEnding(StrEnum):
    """How a frame ended that is none by the standard, which ends by FS CR (HL7 v2.9, appendix C.2)."""

    FS_ALONE = "FS alone"
    FS_LF = "FS LF"


class MllpDoor(ReviewedPart):
    """A port of ours, and how its messages are told from those of others who send to the same port.

    An engine that sends for several institutions is one sender. Their files name the same port, and each its own MSH-3
    and MSH-4.
    """

    port: Annotated[int, Field(ge=0, le=65535)]
    sending_application: str
    sending_facility: str
    #: SHA-256 of the certificates of whoever sends for it, beside its own
    certificates: frozenset[Digest] = frozenset()
    #: networks its sender is in, as `192.0.2.17` or `192.0.2.0/28`; empty: any
    addresses: tuple[IPv4Network | IPv6Network, ...] = ()

    @field_validator("addresses", mode="before")
    @classmethod
    def _are_networks(cls, said: object) -> object:
        for one in said if isinstance(said, (list, tuple)) else ():
            try:
                ip_network(str(one))
            except ValueError:
                raise ValueError("an address as 192.0.2.17, or a network as 192.0.2.0/28, which begins it") from None
        return said

    @field_validator("sending_application", "sending_facility")
    @classmethod
    def _is_designator(cls, text: str) -> str:
        if any(character in "|~&\\" or not character.isprintable() for character in text):
            raise ValueError("one field of MSH, without the signs that part fields, repetitions and subcomponents")
        if not Designator.read(text).is_said:
            raise ValueError("a name, or an id with its type as ^2.16.840.1.113883.19^ISO")
        return text

    @cached_property
    def says(self) -> tuple[Designator, Designator]:
        """MSH-3 and MSH-4 of its messages."""
        return Designator.read(self.sending_application), Designator.read(self.sending_facility)

    def is_of(self, sent: tuple[Designator, Designator]) -> bool:
        """MSH-3 and MSH-4 as sent are this institution's."""
        return all(ours.covers(theirs) for ours, theirs in zip(self.says, sent, strict=True))

    def meets(self, other: "MllpDoor") -> bool:
        """A message to one port could be of both."""
        return all(ours.meets(theirs) for ours, theirs in zip(self.says, other.says, strict=True))

    def admits(self, host: str | None) -> bool:
        """Whether its messages may come from this address. None: an address that is not known."""
        if not self.addresses or host is None:
            return not self.addresses
        address = ip_address(host.partition("%")[0])
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in self.addresses)
