"""What every service takes at rest, and what each question about its health costs."""

import re
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.campaigns.compose.engine import EngineFailed
from tests.campaigns.compose.stack import PROJECT, Stack

_GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Megabytes held, share of one processor at rest in percent, and processor seconds of one check of health."""

    service: str
    megabytes: float
    percent: float
    check: float | None


def at_rest(stack: Stack, seconds: float) -> list[Cost]:
    """Measure every container for so long."""
    found = stack.engine.text("ps", "--no-trunc", "--format", '{{.ID}} {{.Label "com.docker.compose.service"}}')
    services = dict(line.split() for line in found.splitlines() if len(line.split()) == 2)
    before = {one: _processor_seconds(stack, one) for one in services}
    began = time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - began
    costs = [
        Cost(
            service=service,
            megabytes=_megabytes(stack, one),
            percent=100 * (_processor_seconds(stack, one) - before[one]) / passed,
            check=_check(stack, one),
        )
        for one, service in services.items()
    ]
    return sorted(costs, key=lambda cost: cost.service)


def _group(stack: Stack, hierarchy: str, container: str) -> Path:
    v2 = _GROUPS / stack.engine.group[1:] / container
    return v2 if v2.exists() else _GROUPS / hierarchy / stack.engine.group[1:] / container


def _processor_seconds(stack: Stack, container: str) -> float:
    if (file := _group(stack, "cpuacct", container) / "cpuacct.usage").exists():
        return int(file.read_text()) / 1e9
    return int(_field(_group(stack, "", container) / "cpu.stat", "usage_usec")) / 1e6


def _megabytes(stack: Stack, container: str) -> float:
    """What it holds itself: pages of files that the kernel may drop are not counted."""
    folder = _group(stack, "memory", container)
    name = "total_rss" if (folder / "memory.usage_in_bytes").exists() else "anon"
    return int(_field(folder / "memory.stat", name)) / (1 << 20)


def _field(file: Path, name: str) -> str:
    found = re.search(rf"^{name} (\d+)$", file.read_text(), re.MULTILINE)
    return found[1] if found else "0"


def _check(stack: Stack, container: str) -> float | None:
    configured: Any = stack.engine.inspected(container)["Config"]
    test = (configured.get("Healthcheck") or {}).get("Test") or []
    if len(test) < 2:
        return None
    command = test[1] if test[0] == "CMD-SHELL" else shlex.join(test[1:])
    try:
        said = stack.engine.text("exec", container, "sh", "-c", f"({command}) > /dev/null 2>&1; times")
    except EngineFailed:
        return None
    children = re.findall(r"(\d+)m([\d.]+)s", said)[-2:]
    return sum(int(minutes) * 60 + float(seconds) for minutes, seconds in children)


def table(costs: list[Cost]) -> list[str]:
    """Lines of Markdown."""
    lines = ["| service | memory, MB | processor at rest, % | one check, s |", "|---|---|---|---|"]
    for one in costs:
        check = "–" if one.check is None else f"{one.check:.2f}"
        lines.append(f"| `{one.service}` | {one.megabytes:.0f} | {one.percent:.1f} | {check} |")
    total = sum(one.megabytes for one in costs), sum(one.percent for one in costs)
    return [*lines, f"| all of {PROJECT} | {total[0]:.0f} | {total[1]:.1f} | |"]
