"""What we show at an address of theirs: a certificate, or tokens that a key of ours gets."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator, model_validator

from transfer.addresses import as_web_address
from transfer.reviewed import ReviewedPart


def _as_bearer(text: str) -> str:
    if not re.fullmatch(r"[!-~]*", text):
        raise ValueError("a bearer token has no spaces, and no Bearer before it")
    return text


#: RFC 6750, section 2.1: what stands behind the word Bearer
BearerToken = Annotated[str, AfterValidator(_as_bearer)]


class Tls(ReviewedPart):
    """How their address is reached by TLS.

    Given where the machine's own authorities do not vouch for the address, or it asks for a certificate. All are PEM
    files. An empty setting counts as none.
    """

    #: the only authority we trust there
    authority: Path | None = None
    #: the certificate we show, and its key, which only we may read
    certificate: Path | None = None
    key: Path | None = None

    @field_validator("authority", "certificate", "key", mode="before")
    @classmethod
    def _given(cls, text: object) -> object:
        return text or None

    @model_validator(mode="after")
    def _is_whole(self) -> "Tls":
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a certificate with its key, or neither")
        return self


class SmartClient(ReviewedPart):
    """As whom we get tokens by SMART Backend Services (https://hl7.org/fhir/smart-app-launch/STU2/backend-services.html):
    a client whose keys they know by our JWK set.
    """

    client_id: Annotated[str, Field(min_length=1, max_length=256)]
    #: what we ask for; theirs may be those of version 1 (`system/*.read`)
    scopes: str = "system/Patient.rs system/DocumentReference.rs system/DiagnosticReport.rs system/Binary.rs"
    #: where tokens are given; left out: as their `/.well-known/smart-configuration` says
    token_url: str | None = None

    @field_validator("scopes")
    @classmethod
    def _are_scopes(cls, text: str) -> str:
        # RFC 6749 section 3.3, without the comma, which no scope of SMART has and many write between two
        if not re.fullmatch(r"[!#-+\--\[\]-~]+(?: [!#-+\--\[\]-~]+)*", text):
            raise ValueError("scopes are words with one space between two, and no commas or quotes")
        return text

    @field_validator("token_url")
    @classmethod
    def _is_address(cls, text: str | None) -> str | None:
        if text is not None:
            as_web_address(text)
        return text
