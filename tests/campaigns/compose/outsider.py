"""Somebody outside: asks what is published, by TLS and by name, and tells what came as JSON.

    python -m tests.campaigns.compose.outsider doors.localhost /fhir AUTHORITY.pem 443

Run in the engine's network, where ports are published on loopback.
"""

import http.client
import json
import socket
import ssl
import sys
from pathlib import Path


class _ByName(http.client.HTTPSConnection):
    """Connects to loopback, and wants a certificate for the host it was told."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=30)
        self._wanted = context

    def connect(self) -> None:
        line = socket.create_connection(("127.0.0.1", self.port), 30)
        self.sock = self._wanted.wrap_socket(line, server_hostname=self.host)


def ask(host: str, path: str, authority: Path, port: int) -> dict[str, object]:
    """Status, and headers by lower-case name; a header that came twice has several lines.

    Raises:
        ssl.SSLError: the certificate is not of that authority, or not for that name.
    """
    line = _ByName(host, port, ssl.create_default_context(cafile=authority))
    line.request("GET", path)
    answer = line.getresponse()
    answer.read()
    headers: dict[str, list[str]] = {}
    for name, value in answer.getheaders():
        headers.setdefault(name.lower(), []).append(value)
    return {"status": answer.status, "headers": headers, "tls": line.sock.version()}


if __name__ == "__main__":
    json.dump(ask(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])), sys.stdout)
