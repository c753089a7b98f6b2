"""What an installation stored at 223db1f, and what it meant then. Nothing in that folder is ever made anew."""

import json
import lzma
import tarfile
from pathlib import Path
from typing import Any

from transfer.case import Case

THEN = Path(__file__).parent / "223db1f"
PASSPHRASE = "nine drowsy herons wait"

#: values in what is expected that have another name now. Whoever renames one that is stored enters it here too
RENAMED: dict[str, str] = {"source-puzzles": "source-unclear"}


def expected(name: str) -> Any:
    """What was written down then, with the values called as they are today."""
    return today(json.loads((THEN / name).read_text()))


def lines() -> list[tuple[bytes, bytes, bytes]]:
    """Every line of every chain as it was stored, in order: its text, the hash before it, its hash."""
    stored = map(json.loads, lzma.decompress((THEN / "facts.jsonl.xz").read_bytes()).splitlines())
    return [(one["text"].encode(), bytes.fromhex(one["previous"]), bytes.fromhex(one["hash"])) for one in stored]


def unpack(name: str, folder: Path) -> None:
    with tarfile.open(THEN / name) as tar:
        for member in tar:
            target = folder / member.name
            if file := tar.extractfile(member):
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                target.write_bytes(file.read())
                target.chmod(0o600)


def told(case: Case) -> dict[str, Any]:
    """What a case came to, said as `cases.json` says it."""
    newest = case.newest_packet
    return {
        "stage": case.stage.value,
        "is_open": case.is_open,
        "patient": case.opened and case.opened.patient,
        "checklist": case.opened and case.opened.checklist,
        "requests": {one.made.department: one.moved and one.moved.state for one in case.requests.values()},
        "records": {record: fact.document for record, fact in case.records.items()},
        "whole": sorted(case.whole),
        "superseded": sorted(case.superseded),
        "waived": {line: fact.waiver for line, fact in case.waived.items()},
        "material": {
            key: [getattr(fact, "received", 0), getattr(fact, "state", None)] for key, fact in case.material.items()
        },
        "holds": sorted(fact.code for fact in case.holds.values()),
        "newest_packet": newest and newest.planned.packet,
        "outcome": newest and newest.outcome,
        "receipt": newest and newest.receipt and newest.receipt.status,
        "ending": case.closed and case.closed.ending,
    }


def today(found: Any) -> Any:
    """With every value called as it is today."""
    if isinstance(found, dict):
        return {key: today(one) for key, one in found.items()}
    if isinstance(found, list):
        return [today(one) for one in found]
    return RENAMED.get(found, found) if isinstance(found, str) else found
