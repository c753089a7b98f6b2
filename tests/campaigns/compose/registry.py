"""An image registry on the engine's own loopback, as the mirror it pulls from; and pinned images, pulled from it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import yaml

from tests.campaigns.compose.engine import Engine, EngineFailed, run
from tests.campaigns.compose.machine import DOCKER
from tests.campaigns.compose.progress import Progress
from tests.campaigns.compose.stack import ROOT, Stack

PROGRAM = "docker-registry"
_PLACE = "127.0.0.1:5000"
#: for an engine that pulls from it
AS_MIRROR = f"--registry-mirror=http://{_PLACE}"
_START_SECONDS = 30
#: a service whose tag is moved after it was pinned, and one whose image it is moved to
_MOVED, _OTHER = "redis", "store"


@contextmanager
def a_registry(engine: Engine) -> Iterator[None]:
    """It serves in the engine's network, and keeps what is pushed below the engine's folder.

    Raises:
        EngineFailed: it does not start.
    """
    folder = engine.folder / "registry"
    folder.mkdir()
    storage = {"filesystem": {"rootdirectory": str(folder / "images")}}
    (folder / "config.yml").write_text(yaml.safe_dump({"version": "0.1", "storage": storage, "http": {"addr": _PLACE}}))
    inside = ["nsenter", f"--target={engine.init}", "--net", "--"]
    with (folder / "log").open("wb") as log:
        started = subprocess.Popen([*inside, PROGRAM, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    asks = [*inside, sys.executable, "-m", "transfer.probe", f"http://{_PLACE}/v2/"]
    until = time.monotonic() + _START_SECONDS
    try:
        while run(asks, {**os.environ, "PYTHONPATH": str(ROOT)}, is_tried=True).returncode:
            if started.poll() is not None or time.monotonic() > until:
                raise EngineFailed(f"the registry does not answer:\n{(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.2)
        yield
    finally:
        started.terminate()
        started.wait(30)


def pinned(stack: Stack, tell: Progress) -> str:
    """Every image is pushed, pulled as `docker-compose.yaml` names it, and pinned by the product's own script. Then a
    tag is moved: without the pins other bytes come, with them the same.

    Raises:
        AssertionError: what runs is not what was pinned.
        EngineFailed: a command failed.
    """
    engine = stack.engine
    environment = _with_compose(stack)
    services = json.loads(run([*_COMPOSE, "config", "--format", "json"], environment, at=stack.tree).stdout)["services"]
    images = {name: one["image"] for name, one in services.items() if not one["image"].startswith("records-transfer:")}
    for image in sorted(set(images.values())):
        _push(engine, image, image)
        engine.docker("rmi", image, _pushed(image))
    tell(f"{len(set(images.values()))} images are in a registry")
    run([sys.executable, str(stack.tree / "deploy" / "pin_digests.py")], environment, at=stack.tree)
    file = stack.tree / "deploy" / "compose.digests.yaml"
    pins = {name: one["image"] for name, one in yaml.safe_load(file.read_text())["services"].items()}
    assert pins.keys() == images.keys(), pins.keys() ^ images.keys()
    assert all(pin.startswith(f"{images[name]}@sha256:") for name, pin in pins.items()), pins
    before = _identity(engine, images[_MOVED])

    _push(engine, images[_OTHER], images[_MOVED])
    with_pins = replace(stack, files=(*stack.files, "deploy/compose.digests.yaml"))
    for shape in (stack, with_pins):
        shape.compose("pull", _MOVED)
    moved = _identity(engine, images[_MOVED])
    assert moved == _identity(engine, images[_OTHER]) != before, "the tag was not moved"
    try:
        with_pins.up("--no-deps", _MOVED)
        (container,) = with_pins.containers(_MOVED)
        assert engine.inspected(container)["Image"] == before, "other bytes run than were pinned"
    finally:
        with_pins.compose("down", "--volumes", "--timeout=10", is_tried=True)
        engine.docker("tag", before, images[_MOVED], is_tried=True)
    return f"{len(pins)} services pinned"


_COMPOSE = (str(DOCKER), "compose", "--profile", "*")


def _with_compose(stack: Stack) -> dict[str, str]:
    """`docker compose`, as people call it: docker finds its plugin beside its configuration."""
    environment = stack.engine.environment()
    plugins = Path(environment["DOCKER_CONFIG"]) / "cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    shutil.copy2(stack.composer, plugins / "docker-compose")
    return {**environment, **stack.variables, "PATH": f"{DOCKER.parent}:{environment['PATH']}"}


def _pushed(image: str) -> str:
    """Its name at the mirror: what stands at Docker Hub without a folder lies in `library` there."""
    return f"{_PLACE}/{image if '/' in image else f'library/{image}'}"


def _push(engine: Engine, image: str, under: str) -> None:
    engine.docker("tag", image, _pushed(under))
    engine.docker("push", "--quiet", _pushed(under), timeout=900)


def _identity(engine: Engine, image: str) -> str:
    return engine.text("image", "inspect", "--format", "{{.Id}}", image)
