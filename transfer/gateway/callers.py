"""Who calls at the HTTP doors: by a token, by a certificate, or by both, which must then name the same institution.

What an institution's file lists is needed: tokens, certificates, or one of each. A certificate reaches us only where
TLS ends here; what a proxy says of one in a header is read by nobody.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from transfer.arrivals import Grant
from transfer.errors import NotAllowed, OutOfScope
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution
from transfer.serving.http import certificate_of


@dataclass(frozen=True, slots=True)
class Caller:
    """An institution, and what it may do with what it showed."""

    institution: Institution
    scopes: frozenset[Grant]

    @property
    def id(self) -> InstitutionId:
        return InstitutionId(self.institution.id)

    def check_may(self, grant: Grant) -> None:
        """Raises:
        NotAllowed: its institution is not granted this.
        OutOfScope: it is, and the token shown does not carry it.
        """
        if grant not in self.institution.grants:
            raise NotAllowed(f"{self.id} is not granted {grant}")
        if grant not in self.scopes:
            raise OutOfScope(grant)


class Callers:
    """All who may call. Nothing here knows a token, only its SHA-256."""

    def __init__(self, institutions: Mapping[str, Institution]) -> None:
        known = [each for each in institutions.values() if each.http_door]
        self._tokens = [
            (bytes.fromhex(token.sha256), Caller(each, token.scopes)) for each in known for token in each.tokens
        ]
        self._certificates = {
            digest: Caller(each, frozenset() if each.tokens else each.grants)
            for each in known
            for digest in each.certificates
        }

    def of(self, request: Request) -> Caller | None:
        """Who calls, by what it shows; None if it is nobody we know."""
        return self.named(request.headers.get("authorization"), certificate_of(request.scope))

    def named(self, authorization: str | None, certificate: bytes | None) -> Caller | None:
        """Who shows this `Authorization` header and this certificate (DER); None if it is nobody, or not one alone."""
        by_token = self._by_token(authorization) if authorization is not None else None
        by_certificate = self._certificates.get(fingerprint(certificate)) if certificate else None
        if (authorization is not None and not by_token) or (certificate and not by_certificate):
            return None
        if by_token and by_certificate:
            return by_token if by_token.id == by_certificate.id else None
        if by_token:
            return None if by_token.institution.certificates else by_token
        return by_certificate if by_certificate and not by_certificate.institution.tokens else None

    def _by_token(self, authorization: str) -> Caller | None:
        """All tokens are compared, so that time tells nothing."""
        scheme, _, token = authorization.partition(" ")
        shown = hashlib.sha256(token.strip().encode()).digest()
        found = [caller for digest, caller in self._tokens if hmac.compare_digest(digest, shown)]
        return found[0] if found and scheme.lower() == "bearer" else None


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate (DER), as institutions' files list it."""
    return hashlib.sha256(certificate).hexdigest()
