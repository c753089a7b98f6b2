"""The production shape on an engine: the files of this checkout as they are, in a folder of their own."""

import json
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.campaigns.compose.engine import Engine, EngineFailed, run

ROOT = Path(__file__).parents[3]
#: what `docker-compose.yaml` names the project
PROJECT = "records-transfer"
#: seconds for a whole `up --wait`, and for one command of a person
UP_SECONDS, COMMAND_SECONDS = 600, 120
#: who decides, as the trail keeps it
PERSON = "ann"

#: Runs in the institutions' own container: their control interface listens on its loopback, with a token of each.
_ORDER = """
import json, sys, urllib.request
name, what, method = sys.argv[1:]
own = json.load(open(f"/run/secrets/sandbox_{name}"))
body = sys.stdin.buffer.read()
ask = urllib.request.Request(f"http://127.0.0.1:{own['port']}/_sandbox/{what}", data=body or None, method=method,
    headers={"Authorization": "Bearer " + own["control_token"], "Content-Type": "application/json"})
sys.stdout.buffer.write(urllib.request.urlopen(ask, timeout=60).read())
"""
_KEYS = """
import json, sys
from transfer import wiring
from transfer.adapters.packet.signature import jwks
json.dump(jwks([wiring.signer(wiring.keys(wiring.load_settings()))]), sys.stdout)
"""


class NotYet(Exception):
    """What was waited for did not come. The message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The services of one copy of the checkout. `files` are compose files, the first is the shape itself."""

    engine: Engine
    tree: Path
    composer: Path
    files: tuple[str, ...] = ("docker-compose.yaml",)
    profiles: tuple[str, ...] = ("sandbox", "edge")
    variables: dict[str, str] = field(default_factory=dict)

    def draw_secrets(self, *words: str) -> None:
        """Draw the secrets of this copy."""
        run([sys.executable, str(self.tree / "deploy" / "make_secrets.py"), *words], self.engine.environment())

    def compose(
        self, *words: str, said: bytes | None = None, is_tried: bool = False, timeout: float = UP_SECONDS
    ) -> subprocess.CompletedProcess[bytes]:
        """Run docker-compose on this copy, as a person in its folder does; `said` goes to its standard input."""
        command = [*self._composer(), *words]
        environment = {**self.engine.environment(), **self.variables}
        return run(command, environment, said=said, is_tried=is_tried, timeout=timeout)

    def _composer(self) -> list[str]:
        files = [word for name in self.files for word in ("--file", str(self.tree / name))]
        profiles = [word for name in self.profiles for word in ("--profile", name)]
        return [str(self.composer), "--project-directory", str(self.tree), *files, *profiles]

    def upgrade(self) -> None:
        """Bring what runs to this copy's version, by the product's own script.

        Raises:
            EngineFailed: a step failed.
        """
        environment = {**self.engine.environment(), **self.variables, "COMPOSE": shlex.join(self._composer())}
        run([sys.executable, str(self.tree / "deploy" / "upgrade.py")], environment, timeout=2 * UP_SECONDS)

    def containers(self, service: str) -> list[str]:
        """The containers of a service that run."""
        labels = ("project", PROJECT), ("service", service)
        filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels]
        return self.engine.text("ps", "--quiet", *filters).split()

    def up(self, *words: str) -> None:
        """Start whatever does not run, and wait until all of it is well."""
        self.compose("up", "--detach", "--wait", *words)

    def crash(self, container: str) -> None:
        """Kill a container's first process, and with it all others, as a machine's memory killer does.

        `docker kill` would count as a person's wish, after which it is not started again.
        """
        state: Any = self.engine.inspected(container)["State"]
        words = ["nsenter", f"--target={self.engine.init}", "--pid", "--", "kill", "-KILL", str(state["Pid"])]
        run(words, self.engine.environment())

    def inside(self, service: str, *words: str, said: bytes | None = None) -> bytes:
        """What a command in a service's container printed.

        Raises:
            EngineFailed: it ended with another code than 0, or no container of the service runs.
        """
        found = self.containers(service)
        if not found:
            raise EngineFailed(f"no container of {service} runs")
        command = ["exec", *(("--interactive",) if said is not None else ()), found[0], *words]
        return self.engine.docker(*command, said=said, timeout=COMMAND_SECONDS).stdout

    def transfer(self, *words: str, said: str | None = None) -> Any:
        """What staff do at the command line, in a container of the doors; the answer is its JSON."""
        given = said.encode() if said is not None else None
        return json.loads(self.inside("gateway", "transfer", *words, "--json", said=given))

    def order(self, institution: str, what: str, body: object = None) -> Any:
        """Tell an institution to act as people there do; without a body it is asked what it has."""
        said = json.dumps(body).encode() if body is not None else b""
        method = "POST" if body is not None else "GET"
        return json.loads(self.inside("sandbox", "python", "-c", _ORDER, institution, what, method, said=said))

    def public_keys(self) -> bytes:
        """What the center was given to verify packets with: the keys this installation signs with, as a JWK set."""
        return self.inside("gateway", "python", "-c", _KEYS)

    def verifies(self, folder: str, keys: bytes) -> bool:
        """Whether a packet the center holds is whole, and signed by one of the keys."""
        script = 'cat > /tmp/keys.json && transfer verify --jwks /tmp/keys.json --json "$1"'
        said = self.inside("sandbox", "sh", "-c", script, "sh", folder, said=keys)
        return bool(json.loads(said)["outcome"] == "verified")


def copy_of_commit(folder: Path, commit: str) -> Path:
    """An earlier state of the checkout.

    Raises:
        CalledProcessError: there is no such commit.
    """
    folder.mkdir()
    packed = subprocess.run(["git", "-C", str(ROOT), "archive", commit], check=True, capture_output=True).stdout
    subprocess.run(["tar", "--extract", "--directory", str(folder)], check=True, input=packed)
    return folder


def copy_of_checkout(folder: Path) -> Path:
    """What is committed or would be, as it is in the folder now: neither secrets nor anything made."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (source := ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / name)
    return folder


def until(what: str, look: Callable[[], Any], seconds: float) -> Any:
    """Look again and again until something is found. A command that fails meanwhile has found nothing.

    Raises:
        NotYet: it did not come within `seconds`.
    """
    end = time.monotonic() + seconds
    said = ""
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except EngineFailed as error:
            said = f"; at last: {error}"
        time.sleep(0.5)
    raise NotYet(f"waited {seconds:.0f} s: {what}{said}")
