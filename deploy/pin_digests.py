"""Pins every image of docker-compose.yaml to what was pulled: writes deploy/compose.digests.yaml.

    docker compose pull && python3 deploy/pin_digests.py

A tag may name other bytes tomorrow; a digest cannot: https://docs.docker.com/reference/compose-file/services/#image
Running it again writes the file anew. Where an image was not pulled from a registry it ends with 1 and writes nothing:
only a registry gives a digest. Our own image, which is built here, is left as it is. Standard library only.
"""

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


def _docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True, cwd=ROOT).stdout


def main() -> int:
    shape = json.loads(_docker("compose", "--profile", "*", "config", "--format", "json"))
    built = {one["image"] for one in shape["services"].values() if "build" in one}
    found: dict[str, str] = {}
    for service, one in shape["services"].items():
        if one["image"] in built:
            continue
        try:
            digests = json.loads(_docker("image", "inspect", "--format", "{{json .RepoDigests}}", one["image"]))
        except subprocess.CalledProcessError:
            digests = []
        image = pinned(one["image"], digests)
        if not image:
            sys.stderr.write(f"{one['image']} was not pulled from a registry: docker compose pull\n")
            return 1
        found[service] = image
    TARGET.write_text(override(found), encoding="utf-8")
    sys.stderr.write(f"{len(found)} services are pinned in deploy/compose.digests.yaml.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
