"""What our processes write about themselves, and what the libraries in them may (docs/safety.md, promise 6).

A library's log line, a warning or an exception's text quotes its input: a URL with a search, the field that did not
parse, the row that was there already. None of that is written. The log says where the line came from and what kind of
error it was. Our own lines carry our identifiers and codes and stay as they are.

A serving process calls `configure`. An Airflow task and the command line have their own logging. There, `tame` does the
same for the libraries and leaves the rest alone. Calling either twice does it once.
"""

import errno
import logging
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Final

OURS: Final = "transfer"
_log = logging.getLogger("transfer.libraries")

#: whatever logs in the processes that see values, by the first part of its logger's name; a test finds the missing
LIBRARIES: Final = (
    *("PIL", "asyncio", "authlib", "boto3", "botocore", "charset_normalizer", "concurrent", "cryptography"),
    *("fhir_core", "fontTools", "fpdf", "hl7apy", "httpcore", "httpcore2", "httpx", "httpx2", "joserfc", "psycopg"),
    *("psycopg_pool", "pydantic", "pydicom", "pikepdf", "pynetdicom", "requests", "rfc8785", "s3transfer"),
    *("opentelemetry", "starlette", "urllib3", "uvicorn", "watchfiles"),
)
#: where Python finds sources, the innermost first
_PLACES: Final = sorted((Path(__file__).parents[1], *map(Path, filter(None, sys.path))), key=str, reverse=True)
#: frames and causes told of one exception
_MOST: Final = 12
#: lines of one place in the code in so many seconds; the rest is counted, so that no caller can fill the disk
_LINES: Final = 50
_LINES_SECONDS: Final = 10.0


def configure() -> None:
    """Log to the error channel from WARNING on. Write uncaught errors the same way."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Plain("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handler.addFilter(_Sparing())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    tame()
    sys.excepthook = _uncaught


def tame(*, threads: bool = True) -> None:
    """Keep libraries and warnings of this process from writing values, and what ends its threads."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in LIBRARIES:
            # Airflow gives some of them handlers of their own.
            logging.getLogger(name).handlers, logging.getLogger(name).propagate = [], True
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.handlers = [_PlainHandler(logging.WARNING)]
        library.propagate = False
        _quieten(library)
    warnings.showwarning = _warned  # type: ignore[assignment]  # fewer names for what it leaves unread
    if threads:
        threading.excepthook = _uncaught_in_thread
        sys.unraisablehook = _unraisable


def prepare() -> None:
    """What `tame` does that takes long, for the forks of this process: libraries log from WARNING on."""
    for name in LIBRARIES:
        _quieten(logging.getLogger(name))


def _quieten(library: logging.Logger) -> None:
    if library.level != logging.WARNING:  # to set a level, Python goes through all loggers
        library.setLevel(logging.WARNING)


def told(error: BaseException) -> str:
    """An exception without its text: its kind, what the system calls it, where it was raised; so of its causes."""
    kinds: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(kinds) < _MOST:
        kinds.append(f"{type(cause).__name__}{_of_the_system(cause)} at {_raised(cause)}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return ", after ".join(kinds)


def _of_the_system(error: BaseException) -> str:
    """The name that the operating system has for it, as EADDRINUSE or ENOSPC: never a path or an address."""
    number = error.errno if isinstance(error, OSError) else None
    return f" {errno.errorcode[number]}" if number is not None and number in errno.errorcode else ""


def _raised(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-_MOST:]
    return " < ".join(f"{_short(frame.filename)}:{frame.lineno}" for frame in reversed(frames)) or "no place"


def _short(path: str) -> str:
    """A source file by its path from where Python found it, so that no folder of the machine is told."""
    for place in _PLACES:
        if place.name and Path(path).is_relative_to(place):
            return str(Path(path).relative_to(place))
    return Path(path).name


class _Plain(logging.Formatter):
    """Our own lines as they are. Of a library's line, only where it was logged."""

    def format(self, record: logging.LogRecord) -> str:
        if record.name.partition(".")[0] != OURS:
            record = _reduced(record)
        return super().format(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the standard library's word
        return told(ei[1]) if ei and ei[1] else ""

    def formatStack(self, stack_info: str) -> str:  # noqa: ARG002, N802 - source lines, which a place stands for
        return ""


class _Sparing(logging.Filter):
    """Lets `_LINES` lines of one place through in `_LINES_SECONDS`. The next one says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        #: for each place when its seconds began, and its lines since; there are no more places than log statements
        self._lines: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        place, now = (record.pathname, record.lineno), time.monotonic()
        began, lines = self._lines.get(place, (now, 0))
        left_out = 0
        if now - began >= _LINES_SECONDS:
            began, lines, left_out = now, 0, max(0, lines - _LINES)
        self._lines[place] = began, lines + 1
        if left_out:
            record.msg, record.args = f"{record.getMessage()} (and {left_out} such lines before it)", None
        return lines < _LINES


class _PlainHandler(logging.Handler):
    """Replaces a library's log line by the place it was logged."""

    def emit(self, record: logging.LogRecord) -> None:
        _log.handle(_reduced(record))


def _reduced(record: logging.LogRecord) -> logging.LogRecord:
    where = f"{record.name} at {_short(record.pathname)}:{record.lineno}"
    errors: Iterable[object] = [record.exc_info[1] if record.exc_info else None, record.msg]
    kinds = [told(one) for one in errors if isinstance(one, BaseException)]
    said = logging.LogRecord(_log.name, record.levelno, record.pathname, record.lineno, where, None, None)
    said.created, said.msecs = record.created, record.msecs
    said.msg = "; ".join([where, *kinds])
    return said


def _warned(_message: object, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
    _log.warning("%s at %s:%d", category.__name__, _short(filename), lineno)


def _uncaught(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    # what is to be put right, where its kind promises that it holds no value
    said = f": {error}" if getattr(error, "is_loggable", False) else ""
    logging.getLogger(OURS).critical("ended by %s%s", told(error), said)


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        logging.getLogger(OURS).error("a thread ended by %s", told(args.exc_value))


def _unraisable(args: Any) -> None:
    if args.exc_value is not None:
        logging.getLogger(OURS).error("unheard: %s", told(args.exc_value))
