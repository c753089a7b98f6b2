"""Traces by OpenTelemetry: what happened to a message and to a case, and how long it took. Off unless it is asked for.

It is asked for by the standard's own settings: OTEL_EXPORTER_OTLP_ENDPOINT says where spans go, as OTLP over HTTP. Then
each process sends its spans beside its work. Without it nothing is loaded, and a span costs a comparison.

A trace is named by our own identifier: all spans about one case are one trace, whichever process made them. A span
holds identifiers, codes and numbers, never a patient's data and never an exception's text.
https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

import hashlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Link, Tracer

_ASKED_BY: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
#: seconds in which a task that ends may hand its spans over; then they are lost
_FLUSH_SECONDS: Final = 2.0

_provider: "TracerProvider | None" = None
_tracer: "Tracer | None" = None
#: the trace and the span that begin next, where they have a name
_NEXT: ContextVar[tuple[int | None, int | None]] = ContextVar("next", default=(None, None))


def configure(process: str, version: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send spans from now on, if that is asked for. Calling it twice does it once.

    Spans leave in batches, in a thread. Where nobody takes them they are dropped, and work goes on.
    """
    global _provider, _tracer
    if _provider is not None or not any(environ.get(name) for name in _ASKED_BY):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class OurIds(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            return _NEXT.get()[0] or super().generate_trace_id()

        def generate_span_id(self) -> int:
            return _NEXT.get()[1] or super().generate_span_id()

    about = {"service.namespace": "records-transfer", "service.name": process, "service.version": version}
    _provider = TracerProvider(resource=Resource.create(about), id_generator=OurIds())
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = _provider.get_tracer("transfer")


def are_on() -> bool:
    """Whether anybody asked for spans."""
    return _tracer is not None


def flush() -> None:
    """Hand over what has ended, for a process that ends now; it waits two seconds at the most."""
    if _provider is not None:
        # the library does not heed the time that it is given
        handing_over = threading.Thread(target=_provider.force_flush, daemon=True)
        handing_over.start()
        handing_over.join(_FLUSH_SECONDS)


@contextmanager
def span(name: str, about: str, *, follows: tuple[str, str] | None = None, **said: str | int) -> Iterator[None]:
    """What is done within the block, in the trace of `about`: a case, a packet of it, a message.

    Within a span of another trace it begins a new one, and links back. `follows`: what `record` was told as `about` and
    `key`. An error ends the span with the error's kind.
    """
    if _tracer is None:
        yield
        return
    import opentelemetry.trace as otel
    from opentelemetry.context import Context

    outer = otel.get_current_span().get_span_context()
    is_within = outer.is_valid and outer.trace_id == _trace(about)
    links = [] if is_within or not outer.is_valid else [otel.Link(outer)]
    links += [_link(*follows)] if follows else []
    began = _NEXT.set((_trace(about), None))
    try:
        started = _tracer.start_span(
            name, context=None if is_within else Context(), links=links, attributes=_attributes(said)
        )
    finally:
        _NEXT.reset(began)
    with otel.use_span(started, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield
        except BaseException as error:
            started.set_status(otel.Status(otel.StatusCode.ERROR, type(error).__name__))
            raise


def record(name: str, about: str, began: int, *, key: str | None = None, **said: str | int) -> None:
    """What began then, by `time.time_ns`, and ends now, in the trace of `about`. Others follow it by its `key`."""
    if _tracer is None:
        return
    from opentelemetry.context import Context

    named = _NEXT.set((_trace(about), _span(key) if key else None))
    try:
        _tracer.start_span(name, context=Context(), start_time=began, attributes=_attributes(said)).end(time.time_ns())
    finally:
        _NEXT.reset(named)


def _attributes(said: Mapping[str, str | int]) -> dict[str, Any]:
    """By names of ours: no word of the standard's conventions means the same."""
    return {f"transfer.{name}": value if isinstance(value, int) else str(value) for name, value in said.items()}


def _link(about: str, key: str) -> "Link":
    import opentelemetry.trace as otel

    flags = otel.TraceFlags(otel.TraceFlags.SAMPLED)
    return otel.Link(otel.SpanContext(_trace(about), _span(key), is_remote=True, trace_flags=flags))


def _trace(about: str) -> int:
    """A packet is traced with its case (`transfer.identifiers.PacketId`)."""
    return int.from_bytes(hashlib.sha256(about.partition("-")[0].encode()).digest()[:16], "big") or 1


def _span(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[16:24], "big") or 1
