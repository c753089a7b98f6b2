"""A receiver of OTLP over HTTP on loopback, which keeps the spans that it takes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class OtlpReceiver(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _OtlpHandler)
        #: as they came: path and body
        self.came: list[tuple[str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def resources(self) -> list[Any]:
        """What each process sent, with what it says of itself."""
        assert {path for path, _ in self.came} <= {"/v1/traces"}
        requests = [ExportTraceServiceRequest.FromString(body) for _, body in self.came]
        return [one for request in requests for one in request.resource_spans]

    @property
    def spans(self) -> list[Any]:
        return [one for sent in self.resources for scope in sent.scope_spans for one in scope.spans]


class _OtlpHandler(BaseHTTPRequestHandler):
    server: OtlpReceiver

    def do_POST(self) -> None:
        self.server.came.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@contextmanager
def an_otlp_receiver() -> Iterator[OtlpReceiver]:
    server = OtlpReceiver()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def said(span: Any) -> dict[str, object]:
    """The attributes of a span."""
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in span.attributes}
