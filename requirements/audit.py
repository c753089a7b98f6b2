"""Asks an advisory service (OSV) by pip-audit whether anything we pin has a known vulnerability.

    python requirements/audit.py [--demand] [--seconds N] [--service URL] [--lock FILE] [--accepted FILE]

It ends with 0 when everything was asked about and nothing is known but what requirements/advisories.toml accepts; with
1 when something is. Where the service cannot be asked it says `not audited` and why: that is no success, and with
`--demand` it ends with 3. Our pins are all it sends.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
#: asked side by side: the service is asked once for each package
LANES = 6
FOUND, NOT_AUDITED = 1, 3


class NotAuditedError(Exception):
    """We do not know. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    package: str
    version: str
    ids: tuple[str, ...]
    fixed_in: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    id: str
    why: str
    until: date


def pins(lock: Path) -> list[str]:
    """The `name==version` lines of a lock, without their hashes."""
    return re.findall(
        r"^([A-Za-z0-9._-]+(?:\[[a-z0-9,_-]+\])?==[^\s;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE
    )


def accepted(file: Path) -> list[Accepted]:
    said = tomllib.loads(file.read_text(encoding="utf-8"))["accepted"]
    return [Accepted(id=each["id"], why=each["why"], until=each["until"]) for each in said]


def ask(pinned: list[str], service: str | None, seconds: float) -> list[Advisory]:
    """What is known about each of them.

    Raises:
        NotAuditedError: about one of them we could not learn it, within these seconds.
    """
    until = time.monotonic() + seconds
    size = max(20, -(-len(pinned) // LANES))
    lanes = [pinned[at : at + size] for at in range(0, len(pinned), size)]
    with tempfile.TemporaryDirectory() as folder:
        running = [_begin(lane, Path(folder) / f"{number}.txt", service) for number, lane in enumerate(lanes)]
        try:
            return [found for lane, one in zip(lanes, running, strict=True) for found in _end(lane, one, until)]
        finally:
            for one in running:
                one.kill()
                one.communicate()


def _begin(lane: list[str], file: Path, service: str | None) -> "subprocess.Popen[str]":
    file.write_text("\n".join(lane) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(file), "--no-deps", "--disable-pip"]
    command += ["--vulnerability-service", "osv", "--format", "json", "--progress-spinner", "off", "--timeout", "5"]
    command += ["--osv-url", service] if service else []
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _end(lane: list[str], running: "subprocess.Popen[str]", until: float) -> list[Advisory]:
    try:
        out, errors = running.communicate(timeout=max(0.1, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise NotAuditedError("the advisory service did not answer for all of them in time") from None
    try:
        told: list[dict[str, Any]] = json.loads(out)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (errors.strip().splitlines() or ["no answer"])[-1]
        raise NotAuditedError(f"the advisory service cannot be asked ({last[:160]})") from None
    if skipped := [each["name"] for each in told if "vulns" not in each]:
        raise NotAuditedError(f"nothing is known about {', '.join(skipped)}")
    if len(told) != len(lane):
        raise NotAuditedError(f"{len(lane)} were asked about and {len(told)} answered")
    return [
        Advisory(
            package=each["name"],
            version=each["version"],
            ids=(known["id"], *known.get("aliases", [])),
            fixed_in=tuple(known["fix_versions"]),
        )
        for each in told
        for known in each["vulns"]
    ]


def judged(found: list[Advisory], taken: list[Accepted], today: date) -> tuple[list[str], list[str]]:
    """What must be dealt with, and what may be known besides, each in a line."""
    wrong, besides = [], []
    by_id = {one.id: one for one in taken}
    for one in found:
        fixed = f"fixed in {', '.join(one.fixed_in)}" if one.fixed_in else "no fix yet"
        line = f"{one.package} {one.version}: {', '.join(one.ids)} ({fixed})"
        known = next((by_id[each] for each in one.ids if each in by_id), None)
        if known is None:
            wrong.append(line)
        elif known.until < today:
            wrong.append(f"{line}; accepted until {known.until}, which is over: {known.why}")
        else:
            besides.append(f"accepted until {known.until}: {line}: {known.why}")
    everything = {each for one in found for each in one.ids}
    besides += [f"accepted and not found any more: {one.id}" for one in taken if one.id not in everything]
    return wrong, besides


def main() -> int:
    parser = argparse.ArgumentParser(description="Are there known vulnerabilities in what we pin?")
    parser.add_argument("--demand", action="store_true", help="not audited is a failure")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--service", help="address of an OSV query interface; else the public one")
    parser.add_argument("--lock", type=Path, default=HERE / "lock.txt")
    parser.add_argument("--accepted", type=Path, default=HERE / "advisories.toml")
    said = parser.parse_args()
    pinned = pins(said.lock)
    try:
        found = ask(pinned, said.service, said.seconds)
    except NotAuditedError as why:
        sys.stdout.write(f"Dependencies: NOT AUDITED: {why}. Whether one has a known vulnerability is not known.\n")
        return NOT_AUDITED if said.demand else 0
    wrong, besides = judged(found, accepted(said.accepted), datetime.now(UTC).date())
    for line in [*besides, *wrong]:
        sys.stdout.write(f"  {line}\n")
    sys.stdout.write(f"Dependencies: {len(pinned)} audited, {len(wrong)} known vulnerabilities to deal with.\n")
    return FOUND if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
