"""Ask a URL whether a service is well, for containers that have no other client.

    python -m transfer.probe http://127.0.0.1:9100/ready

Ends with 0 where it answers 200 within five seconds, else with 1 and says in a line what it heard. It speaks plain HTTP
and imports nothing but a socket: a container engine runs it every few seconds, for ever.
"""

import socket
import sys

#: seconds for the whole question
SECONDS = 5.0
#: bytes of an answer that are read
MOST = 8192


def ask(url: str) -> tuple[int, str]:
    """What it answers to a GET: status and text.

    Raises:
        OSError: it does not answer in time.
        ValueError: not a URL of plain HTTP with a port, or not an answer of HTTP.
    """
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    host, _, port = authority.rpartition(":")
    if scheme != "http" or not host:
        raise ValueError("not http://host:port/path")
    heard = b""
    with socket.create_connection((host.strip("[]"), int(port)), SECONDS) as line:
        line.sendall(f"GET /{path} HTTP/1.0\r\nHost: {authority}\r\n\r\n".encode())
        while len(heard) < MOST and (more := line.recv(MOST - len(heard))):
            heard += more
    return read(heard)


def read(heard: bytes) -> tuple[int, str]:
    """Status and text of an answer.

    Raises:
        ValueError: it is none of HTTP.
    """
    head, _, body = heard.partition(b"\r\n\r\n")
    protocol, _, status = head.partition(b"\r\n")[0].partition(b" ")
    if not protocol.startswith(b"HTTP/"):
        raise ValueError("not an answer of HTTP")
    return int(status.partition(b" ")[0]), body.decode("utf-8", "replace")


def main(url: str) -> int:
    try:
        status, body = ask(url)
    except (OSError, ValueError) as error:
        sys.stdout.write(f"{url}: {type(error).__name__}\n")
        return 1
    sys.stdout.write(f"{status} {body.strip()}\n")
    return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
