"""Pulls every image of docker-compose.yaml and pins it to what came: writes deploy/compose.digests.yaml.

    python3 deploy/pin_digests.py [--no-pull]

A tag may name other bytes tomorrow; a digest cannot: https://docs.docker.com/reference/compose-file/services/#image
Running it again writes the file anew; `--no-pull` pins what was pulled before. Where an image did not come from a
registry it ends with 1 and writes nothing: only a registry gives a digest. Our own image, which is built here, is
neither pulled nor pinned. Standard library only.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "deploy" / "compose.digests.yaml"


def pinned(image: str, digests: list[str]) -> str | None:
    """The image by its digest, with its tag for whoever reads it; None where no digest is of its repository.

    >>> pinned("redis:7.2-alpine", ["redis@sha256:ab"])
    'redis:7.2-alpine@sha256:ab'
    """
    repository, _, tag = image.rpartition(":")
    if not repository or "/" in tag:
        repository = image
    found = next((one.partition("@")[2] for one in digests if one.partition("@")[0] == repository), None)
    return f"{image}@{found}" if found else None


def override(images: Mapping[str, str]) -> str:
    """The text of a compose file that gives each service its pinned image."""
    lines = [f"  {service}: {{image: {json.dumps(image)}}}" for service, image in sorted(images.items())]
    return "\n".join(["# Written by deploy/pin_digests.py.", "services:", *lines, ""])


_COMPOSE = ("docker", "compose", "--profile", "*")


def _said(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def _images() -> dict[str, str]:
    """The image of each service, but for those that are built here."""
    services = json.loads(_said(*_COMPOSE, "config", "--format", "json"))["services"]
    built = {one["image"] for one in services.values() if "build" in one}
    return {service: one["image"] for service, one in services.items() if one["image"] not in built}


def _digests(image: str) -> list[str]:
    try:
        found: list[str] = json.loads(_said("docker", "image", "inspect", "--format", "{{json .RepoDigests}}", image))
    except subprocess.CalledProcessError:
        return []
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Pins every image of docker-compose.yaml to what was pulled.")
    parser.add_argument("--no-pull", action="store_true", help="pin what was pulled before")
    asked = parser.parse_args()
    images = _images()
    if not asked.no_pull:
        # By name: without names compose would ask the registry for our own image, too.
        code = subprocess.run([*_COMPOSE, "pull", *sorted(images)], check=False, cwd=ROOT).returncode
        if code:
            sys.stderr.write("not every image was pulled: nothing is written\n")
            return 1
    found: dict[str, str] = {}
    for service, name in images.items():
        image = pinned(name, _digests(name))
        if not image:
            sys.stderr.write(f"{name} was not pulled from a registry: nothing is written\n")
            return 1
        found[service] = image
    TARGET.write_text(override(found), encoding="utf-8")
    sys.stderr.write(f"{len(found)} services are pinned in deploy/compose.digests.yaml.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
