"""Ceph's object gateway over a monitor and one disk of its own: the store whose conditions and locks hold under races.

For the campaign alone (`make peers-slow`): it takes a quarter of a minute to start and a sparse file of 8 GB.
"""

import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

from tests.kit.peers import installed
from tests.kit.peers.running import running
from transfer.embedded import ports
from transfer.embedded.process import inherited

Started = AbstractContextManager[Path]


@dataclass(frozen=True, slots=True)
class Rgw:
    """Said in the words of `transfer.embedded.store.Store`, so that a test can take either."""

    endpoint: str
    access_key: str
    secret_key: str


@contextmanager
def a_rgw(folder: Path) -> Iterator[Rgw]:
    for program in ("ceph-mon", "ceph-osd", "radosgw"):
        installed.program(program)
    at = ports.free(["monitor", "rgw"])
    for name in ("mon", "osd", "rgw", "run", "monitor", "disk", "gateway"):
        (folder / name).mkdir()
    ceph = _Ceph(folder, monitor=at["monitor"], port=at["rgw"])
    ceph.make_keys()
    peer = Rgw(f"http://127.0.0.1:{at['rgw']}", "PEERKEY", "peer-secret")
    with ExitStack() as stack:
        start = stack.enter_context
        start(ceph.daemon("ceph-mon", "-i", "a", folder=folder / "monitor", answers=ceph.has_quorum))
        ceph.make_disk()
        start(ceph.daemon("ceph-osd", "-i", "0", folder=folder / "disk", answers=ceph.has_disk))
        start(ceph.daemon("radosgw", "-n", "client.rgw.a", folder=folder / "gateway", answers=lambda: _serves(peer)))
        ceph.make_user(peer)
        yield peer


class _Ceph:
    """One cluster in a folder, by Debian's programs."""

    def __init__(self, folder: Path, *, monitor: int, port: int) -> None:
        self._folder = folder
        self._monitor = monitor
        self._conf = folder / "ceph.conf"
        self._cluster = uuid.uuid4()
        self._conf.write_text(_CONF.format(folder=folder, cluster=self._cluster, monitor=monitor, port=port))

    def run(self, *command: str | Path, seconds: float = 60.0) -> str:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self._folder,
            env=inherited(CEPH_CONF=str(self._conf)),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{command[0]}: {done.stderr[-2000:]}"
        return done.stdout

    def make_keys(self) -> None:
        self.run("ceph-authtool", "--create-keyring", "keyring", "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        for name, capabilities in _CAPABILITIES.items():
            each = [word for part, may in capabilities.items() for word in ("--cap", part, may)]
            self.run("ceph-authtool", "keyring", "--gen-key", "-n", name, *each)
        address = f"[v2:127.0.0.1:{self._monitor}]"
        self.run("monmaptool", "--create", "--fsid", str(self._cluster), "--addv", "a", address, "monmap")
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring")

    def make_disk(self) -> None:
        name = str(uuid.uuid4())
        self.run("ceph", "auth", "import", "-i", "keyring")
        self.run("ceph", "osd", "new", name)
        self.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", name)

    def make_user(self, peer: Rgw) -> None:
        keys = [f"--access-key={peer.access_key}", f"--secret-key={peer.secret_key}"]
        administer = ["radosgw-admin", "-n", "client.rgw.a"]
        self.run(*administer, "user", "create", "--uid=peer", "--display-name=peer", *keys)

    def daemon(self, program: str, *options: str, folder: Path, answers: Callable[[], bool]) -> Started:
        command: list[str | Path] = [program, "-c", self._conf, *options, "-f"]
        return running(command, folder=folder, answers=answers, seconds=60)

    def has_quorum(self) -> bool:
        return self._says("quorum_status", '"a"')

    def has_disk(self) -> bool:
        return self._says("osd", "stat", "1 up")

    def _says(self, *words: str) -> bool:
        *question, expected = words
        try:
            return expected in self.run("ceph", "--connect-timeout", "5", *question, seconds=20)
        except (AssertionError, subprocess.TimeoutExpired):
            time.sleep(0.2)
            return False


def _serves(peer: Rgw) -> bool:
    try:
        return urllib3.request("GET", peer.endpoint, retries=False, timeout=5.0).status == 200
    except urllib3.exceptions.HTTPError:
        return False


_CAPABILITIES = {
    "client.admin": {"mon": "allow *", "osd": "allow *", "mgr": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *", "mgr": "allow profile osd"},
    "client.rgw.a": {"mon": "allow rw", "osd": "allow rwx", "mgr": "allow rw"},
}

#: with no authentication its gateway cannot connect, so it has some; one disk, no copies, no manager
_CONF = """
[global]
keyring = {folder}/keyring
auth allow insecure global id reclaim = false
fsid = {cluster}
mon host = [v2:127.0.0.1:{monitor}]
mon initial members = a
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
ms bind ipv4 = true
ms bind msgr1 = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
mon warn on pool no redundancy = false
mon allow pool size one = true
osd crush chooseleaf type = 0
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
log file = {folder}/run/$name.log
pid file = {folder}/run/$name.pid
mon data avail crit = 1
mon data avail warn = 2
mon max pg per osd = 500
osd max object name len = 256
osd max object namespace len = 64
[mon.a]
host = localhost
mon data = {folder}/mon
[osd]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
[osd.0]
host = localhost
osd data = {folder}/osd
osd objectstore = bluestore
bluestore block create = true
bluestore block size = 8589934592
osd memory target = 939524096
bluestore cache autotune = false
bluestore cache size = 134217728
[client.rgw.a]
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw thread pool size = 32
rgw enable usage log = false
rgw multipart min part size = 5242880
[client]
rgw gc obj min wait = 60
"""
