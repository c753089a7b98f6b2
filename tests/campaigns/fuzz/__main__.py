"""Fuzz the parsers: `make fuzz`, `make fuzz SECONDS=1800`, `make fuzz TARGETS="hl7v2 packet"`.

Each target runs for that long, so many at once; what was learnt stays in `var/fuzz/corpus` for the next time. A finding
ends its target, and its input stays in `var/fuzz/findings`. Ends with 1 if there is one. Where SAMPLES names a folder
of more sample files, those are what it begins with as well.
"""

import argparse
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from click import echo

from tests.campaigns.fuzz.contract import Target, target
from tests.campaigns.fuzz.watched import WATCHED

HERE: Final = Path(__file__).parent
FOLDER: Final = Path("var/fuzz")
_ATHERIS: Final = FOLDER / "atheris"
#: megabytes one process may hold; the libraries alone take 150
_MEMORY: Final = 1024
_LINE: Final = re.compile(r"^#(\d+)\s.*\bcov: (\d+) ft: \d+ corp: (\d+)", re.MULTILINE)
_DONE: Final = re.compile(r"^stat::number_of_executed_units: (\d+)", re.MULTILINE)
#: seconds from which on an input counts as a finding though it came to an end; wide, for a machine with other work
_SLOW: Final = 60
#: seconds between two lines of progress
_EVERY: Final = 30.0


@dataclass(slots=True, kw_only=True)
class Run:
    """One target while it runs, and after."""

    name: str
    seconds: int
    process: "subprocess.Popen[bytes]"
    #: what earlier runs found
    before: frozenset[Path]
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None

    @property
    def findings(self) -> list[Path]:
        return sorted(_findings(self.name) - self.before)

    @property
    def failed(self) -> bool:
        return bool(self.findings) or self.process.poll() not in (None, 0)

    def row(self) -> tuple[str, ...]:
        """Target, minutes, executions, inputs that led somewhere new, branches, findings."""
        said = _log(self.name).read_text(errors="replace")
        count, branches, corpus = (_LINE.findall(said) or [("0", "0", "0")])[-1]
        executions = int((_DONE.findall(said) or [count])[-1])
        minutes = ((self.ended or time.monotonic()) - self.began) / 60
        return self.name, f"{minutes:.1f}", f"{executions:,}", corpus, branches, str(len(self.findings))


def _log(name: str) -> Path:
    return FOLDER / "logs" / f"{name}.log"


def _findings(name: str) -> frozenset[Path]:
    return frozenset((FOLDER / "findings").glob(f"{name}-*"))


def main() -> int:
    said = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped
    _install()
    for folder in ("corpus", "findings", "logs", "seeds"):
        (FOLDER / folder).mkdir(parents=True, exist_ok=True)
    ended = _ended(list(said.targets or WATCHED), said.seconds, said.at_once)
    _table([run.row() for run in ended])
    return _told([run for run in ended if run.failed])


def _ended(left: list[str], seconds: int, at_once: int) -> list[Run]:
    """All of them, run to their end."""
    running, ended, shown = list[Run](), list[Run](), 0.0
    try:
        while left or running:
            while left and len(running) < at_once:
                running.append(_started(left.pop(0), seconds))
            time.sleep(0.5)
            for run in [run for run in running if run.process.poll() is not None]:
                run.ended = time.monotonic()
                running.remove(run)
                ended.append(run)
            if running and time.monotonic() - shown > _EVERY:
                shown = time.monotonic()
                echo(" · ".join(_progress(run) for run in running))
    finally:
        for run in running:
            run.process.kill()
    return ended


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("targets", nargs="*", choices=[*WATCHED, []], metavar="TARGET")
    return parser.parse_args()


def _install() -> None:
    """Atheris, once, beside the product's packages and not among them."""
    wanted, stamp = HERE / "requirements.txt", _ATHERIS / ".installed"
    if stamp.exists() and stamp.read_bytes() == wanted.read_bytes():
        return
    echo("Installing atheris into var/fuzz/atheris (once, 35 MB) ...")
    where = ("--target", str(_ATHERIS), "--python", sys.executable)
    uv = Path(sys.executable).with_name("uv")
    subprocess.run((uv, "pip", "install", "--quiet", "--require-hashes", *where, "-r", wanted), check=True)
    stamp.write_bytes(wanted.read_bytes())


def _started(name: str, seconds: int) -> Run:
    one, corpus, seeds = target(name), FOLDER / "corpus" / name, FOLDER / "seeds" / name
    corpus.mkdir(exist_ok=True)
    _sow(one, seeds)
    flags = {
        "max_total_time": seconds,
        "timeout": one.seconds,
        "max_len": one.longest,
        "report_slow_units": _SLOW,
        "rss_limit_mb": _MEMORY,
        "dict": seeds.with_suffix(".dict"),
        "artifact_prefix": f"{FOLDER / 'findings' / name}-",
        "print_final_stats": 1,
    }
    command = (
        sys.executable,
        "-m",
        "tests.campaigns.fuzz.run",
        name,
        *(f"-{flag}={value}" for flag, value in flags.items()),
    )
    path = {**os.environ, "PYTHONPATH": os.pathsep.join((".", str(_ATHERIS)))}
    with _log(name).open("wb") as log:
        process = subprocess.Popen((*command, corpus, seeds), stdout=log, stderr=subprocess.STDOUT, env=path)
    return Run(name=name, seconds=seconds, process=process, before=_findings(name))


def _sow(one: Target, seeds: Path) -> None:
    """What it begins with, in files, and its dictionary beside them."""
    shutil.rmtree(seeds, ignore_errors=True)
    seeds.mkdir()
    for parser, data in one.seeds():
        written = one.input(parser, data)
        (seeds / hashlib.sha256(written).hexdigest()[:20]).write_bytes(written)
    seeds.with_suffix(".dict").write_text("".join(f'"{_escaped(word)}"\n' for word in one.words))


def _escaped(word: bytes) -> str:
    """As libFuzzer's dictionaries have it."""
    return "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word)


def _progress(run: Run) -> str:
    name, minutes, executions, corpus, branches, _ = run.row()
    return f"{name} {minutes} of {run.seconds / 60:.0f} min, {executions} runs, corpus {corpus}, branches {branches}"


def _table(rows: list[tuple[str, ...]]) -> None:
    for row in [("target", "minutes", "executions", "corpus", "branches", "findings"), *rows]:
        echo(f"{row[0]:<14}" + "".join(f"{cell:>13}" for cell in row[1:]))


def _told(failed: list[Run]) -> int:
    for run in failed:
        echo("\n  ".join((f"\n{run.name}: see {_log(run.name)}", *map(str, run.findings))))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
