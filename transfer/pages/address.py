"""Where people reach pages of ours, and what follows for a cookie."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Address:
    """Where people reach pages of ours: scheme, host and port, as a browser says them in `Origin` (RFC 6454,
    section 6.1).

    By http only on loopback: no other machine can listen there, and some browsers take no `Secure` cookie by http.

    Raises:
        ValueError: it is anything else.
    """

    origin: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.origin)
        is_origin = parts.hostname and self.origin == f"{parts.scheme}://{parts.netloc}" and "@" not in parts.netloc
        if not is_origin or not (parts.scheme == "https" or self.is_plain):
            raise ValueError("an address of pages is https://host[:port], or http:// on loopback")

    @property
    def is_plain(self) -> bool:
        """By http on loopback."""
        parts = urlsplit(self.origin)
        return parts.scheme == "http" and _is_loopback(parts.hostname or "")

    @property
    def cookie(self) -> str:
        """The name of the desk's cookie."""
        return self.cookie_of("desk")

    def cookie_of(self, name: str) -> str:
        """The name of a cookie as browsers are told it. They take `__Host-` only by TLS, for this host alone and all
        its paths (RFC 6265bis, section 4.1.3.2).
        """
        return name if self.is_plain else f"__Host-{name}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
