"""What a container engine needs of a machine, and what this one refuses."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

#: by `make peers`: from Debian, and docker-compose and versitygw by Go
TOOLS = ("dockerd", "slirp4netns", "iptables", "mmdebstrap", "tini", "setpriv", "unshare", "nsenter", "git")
#: Debian's: another `docker` may come first on the PATH
DOCKER = Path("/usr/bin/docker")
RELEASE = Path("/etc/os-release")
#: what the stand-in base images are made of
DEBIAN = "bookworm"
PYTHON = (3, 11)

#: what the engine does at its start, tried where nothing outlives the try
_TRIES = {
    "mounts in a namespace of its own": "mount -t tmpfs none /mnt",
    "overlay mounts": "mount -t tmpfs none /mnt && cd /mnt && mkdir l u w m && "
    "mount -t overlay -o lowerdir=l,upperdir=u,workdir=w none m",
    "iptables": "iptables -w -t nat -L && iptables -w -t filter -N try && iptables -w -t filter -A try "
    "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "bridges": "ip link add name try0 type bridge",
}


def refusal(binaries: Path) -> str | None:
    """Why no engine can run here, in one sentence; None where nothing speaks against it.

    `binaries` is where `make peers` put what it built.
    """
    if os.geteuid() != 0:
        return "a container engine needs root"
    if f"VERSION_CODENAME={DEBIAN}" not in RELEASE.read_text(encoding="utf-8").splitlines():
        return f"the stand-in base images are made of Debian {DEBIAN}, and this machine is another"
    if sys.version_info[:2] != PYTHON:
        return f"the image runs Python {'.'.join(map(str, PYTHON))}, and .venv runs another"
    missing = [name for name in TOOLS if not shutil.which(name)]
    built = (DOCKER, binaries / "docker-compose", binaries / "versitygw")
    missing += [path.name for path in built if not path.exists()]
    if missing:
        return f"not installed: {', '.join(missing)} (make peers)"
    return _refused_namespace() or _refused_cgroup()


def left_out(refused: str) -> int:
    """Say that it was not tried, and why. Returns what the program ends with: COMPOSE_DEMAND=1 makes it a failure."""
    print(f"left out: {refused}", flush=True)  # noqa: T201 - the last line of a run
    return 1 if os.environ.get("COMPOSE_DEMAND") == "1" else 0


def _refused_namespace() -> str | None:
    for what, command in _TRIES.items():
        words = ["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-c", command]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            return f"the kernel refuses {what}: {said}"
    return None


def _refused_cgroup() -> str | None:
    for hierarchy in ("memory", "cpu", "pids") if not Path("/sys/fs/cgroup/cgroup.controllers").exists() else (".",):
        folder = Path("/sys/fs/cgroup") / hierarchy / f"transfer-try-{os.getpid()}"
        try:
            folder.mkdir()
            folder.rmdir()
        except OSError as error:
            return f"the kernel refuses cgroups ({hierarchy}): {error.strerror}"
    return None
