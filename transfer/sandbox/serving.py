"""The HTTP server under every stand-in institution.

Built on the standard library's so that an answer can do what real servers do and frameworks prevent: never come, come
slowly, or end in the middle with nothing to show for it.
"""

import contextlib
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import urllib3

from transfer.sandbox.institution import Answer, Institution, Request, as_json, common_control

#: a packet's bundle is far below this, and nothing larger is ever posted here
_LARGEST_BODY = 64 << 20


def pairs(text: str) -> list[tuple[str, str]]:
    """Names and values of a query, each decoded once. A plus is a plus (RFC 3986), as it is to image archives."""
    found = (part.partition("=") for part in text.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in found]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    institution: Institution


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - named by the standard library

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's word
        """The institution keeps its own log."""

    def _serve(self) -> None:
        request = self._request()
        if request is None:
            self._send(as_json({"error": "the body's length is missing or too large"}, status=413))
            self.close_connection = True
        elif request.path.startswith("/_sandbox/"):
            self._send(self._controlled(request))
        else:
            self._partner(request)

    def _request(self) -> Request | None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > _LARGEST_BODY:
            return None
        body = self.rfile.read(int(length))
        path, _, query = self.path.partition("?")
        parameters = pairs(query)
        if self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            parameters += pairs(body.decode(errors="replace").replace("+", "%20"))
        return Request(
            method=self.command,
            path=path,
            parameters=parameters,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            base=f"http://{self._host()}",
        )

    def _host(self) -> str:
        said = self.headers.get("Host", "")
        return said if re.fullmatch(r"[\w.:\[\]-]{1,255}", said) else f"127.0.0.1:{self.server.server_port}"

    def _controlled(self, request: Request) -> Answer:
        action = request.path.removeprefix("/_sandbox/")
        if action == "health":
            return as_json({"status": "up"})
        if not self._shows(self.server.institution.config.control_token):
            return as_json({"error": "control token wanted"}, status=401)
        try:
            return as_json(common_control(self.server.institution, action, request))
        except LookupError as error:
            return as_json({"error": f"no such control or chart: {error}"}, status=404)
        except (TypeError, ValueError) as error:
            return as_json({"error": str(error)}, status=400)
        except urllib3.exceptions.HTTPError as error:
            return as_json({"error": f"the gateway did not answer: {type(error).__name__}"}, status=502)

    def _partner(self, request: Request) -> None:
        institution = self.server.institution
        if self._shows(institution.config.accepts_token) or institution.is_open(request.path):
            answer = institution.answer(request)
        else:
            answer = as_json({"error": "unauthorized"}, status=401, WWW_Authenticate="Bearer")
        if answer.silent:
            institution.log(request, None, 0)
            self._say_nothing()
            return
        sent = 0
        try:
            sent = self._send(answer)
        finally:
            institution.log(request, answer.status, sent)

    def _shows(self, token: str) -> bool:
        return bool(token) and self.headers.get("Authorization") == f"Bearer {token}"

    def _send(self, answer: Answer) -> int:
        """Send it all, and say how many bytes of body went out. A caller who leaves is no error of ours."""
        streamed = not isinstance(answer.body, bytes)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if streamed:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(answer.body)))  # type: ignore[arg-type]
        sent = 0
        try:
            self.end_headers()
            for chunk in answer.body if not isinstance(answer.body, bytes) else (answer.body,):
                self.connection.sendall(chunk)
                sent += len(chunk)
        except OSError:
            self.close_connection = True
        return sent

    def _say_nothing(self) -> None:
        """Hold the connection open until the caller leaves or we stop."""
        self.connection.settimeout(0.5)
        while not self.server.institution.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                if not self._peek():
                    break
                time.sleep(0.2)
        self.close_connection = True

    def _peek(self) -> bytes:
        try:
            seen: bytes = self.connection.recv(1, socket.MSG_PEEK)
        except ConnectionError:
            return b""
        return seen


def serve(institution: Institution, ready: threading.Event | None = None) -> None:
    """Answer until `institution.stopping` is set."""
    server = listen(institution)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    institution.start()
    if ready is not None:
        ready.set()
    # A signal that comes just before the wait begins does not end it (https://docs.python.org/3/library/signal.html).
    while not institution.stopping.wait(1.0):
        pass
    server.shutdown()
    server.server_close()


def listen(institution: Institution) -> ThreadingHTTPServer:
    server = _Server((institution.config.host, institution.config.port), _Handler)
    server.institution = institution
    return server
