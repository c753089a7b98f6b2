"""The process that opens documents. It reads other people's files, so it runs alone, bounded, and may die.

Run by `opener.OpeningProcess`, never imported by it. In, again and again: the length of a frame of JSON, the frame
(what is said of the document), then its bytes. Out, for each: a line of JSON, the flaws. It opens no file and no
connection.
"""

import json
import resource
import struct
import sys
import warnings
from typing import Any, BinaryIO, Final

MEMORY: Final = 2 << 30
#: of CPU, for one document
SECONDS_EACH: Final = 20


def main() -> None:
    """Open what is sent until nothing more comes."""
    _bound()
    warnings.simplefilter("ignore")
    out = sys.stdout
    sys.stdout = sys.stderr  # a library that prints must not answer for us
    _say(out, "ready")
    while told := _told(sys.stdin.buffer):
        data = _exactly(sys.stdin.buffer, told["size"])
        _allow(SECONDS_EACH)
        _say(out, json.dumps(sorted(_flaws(told, data))))


def _flaws(told: dict[str, Any], data: bytes) -> frozenset[str]:
    from transfer.adapters.opening import dicom, documents

    try:
        if "beginning" in told:
            beginning, end = data[: told["beginning"]], data[told["beginning"] :]
            return frozenset(dicom.flaws(beginning, end, told["length"]))
        return frozenset(documents.flaws(told["content_type"], data))
    except Exception:  # noqa: BLE001  # whatever a hostile file does to a parser: it is not opened
        return frozenset({"unreadable"})


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _allow(seconds: int) -> None:
    """So much more CPU time; at its end the process is killed."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, most))


def _told(stream: BinaryIO) -> dict[str, Any] | None:
    head = stream.read(4)
    if len(head) < 4:
        return None
    told: dict[str, Any] = json.loads(_exactly(stream, struct.unpack(">I", head)[0]))
    return told


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise SystemExit  # who asked is gone
    return data


def _say(out: Any, line: str) -> None:
    out.write(line + "\n")
    out.flush()


if __name__ == "__main__":
    main()
