"""Somebody outside: asks what is published, by TLS and by name, and tells what came.

    python -m tests.campaigns.compose.outsider https doors.localhost /fhir AUTHORITY.pem 443
    python -m tests.campaigns.compose.outsider mllp 2575 AUTHORITY.pem
    python -m tests.campaigns.compose.outsider plain 8443

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
    version = line.sock.version()  # now: a door that hangs up after its answer takes the socket with it
    answer = line.getresponse()
    answer.read()
    headers: dict[str, list[str]] = {}
    for name, value in answer.getheaders():
        headers.setdefault(name.lower(), []).append(value)
    return {"status": answer.status, "headers": headers, "tls": version}


def frame(port: int, authority: Path) -> bytes:
    """What an MLLP door answers, by TLS, to a message of nobody it knows."""
    message = b"\x0bMSH|^~\\&|A|B|C|D|20260101||ORU^R01^ORU_R01|1|P|2.5.1\r\x1c\r"
    context = ssl.create_default_context(cafile=authority)
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 30), server_hostname="localhost") as line:
        line.sendall(message)
        return line.recv(4096)


def plain(port: int) -> bytes:
    """What a door answers to plain text: an end of the connection, or an alert."""
    with socket.create_connection(("127.0.0.1", port), 30) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            return line.recv(4096)
        except ConnectionResetError:
            return b""


def main(way: str, *words: str) -> None:
    match way:
        case "https":
            host, path, authority, port = words
            sys.stdout.write(json.dumps(ask(host, path, Path(authority), int(port))))
        case "mllp":
            sys.stdout.buffer.write(frame(int(words[0]), Path(words[1])))
        case _:
            sys.stdout.buffer.write(plain(int(words[0])))


if __name__ == "__main__":
    main(*sys.argv[1:])
