"""A machine that systemd starts: Debian's own systemd as process 1 of namespaces of its own.

It sees this machine's programs and network. Its `/etc`, `/run`, `/srv` and control groups are its own, so that nothing
of the real machine's is started, signalled or written.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.peers import installed
from transfer.embedded.process import CHECKOUT

#: where a version 2 hierarchy of control groups may be mounted
_HIERARCHIES = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
SYSTEMD = Path("/lib/systemd/systemd")
ACCOUNT = "records"
UNIT = CHECKOUT / "deploy" / "records-transfer.service"

#: Process 1 before it becomes systemd: $1 what lasts of this machine, $2 the interpreter's folder, $3 the checkout.
#: The folders of an interpreter may be closed to an ordinary account (/root); then only that one is shown.
_BEGIN = f"""
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/early/base /run/early/checkout /run/early/srv
mount --bind "$2" /run/early/base
mount --bind "$3" /run/early/checkout
mount --bind "$1/srv" /run/early/srv
mount -t overlay -o "lowerdir=/etc,upperdir=$1/etc,workdir=$1/work" overlay /etc
for top in /opt /srv; do mkdir -p $top; mount -t tmpfs -o mode=755 tmpfs $top; done
top=/$(echo "$2" | cut -d/ -f2)
if [ "$(stat -c %A "$top" | tail -c 2)" != x ]; then mount -t tmpfs -o mode=755 tmpfs "$top"; mkdir -p "$2"; fi
mkdir -p /opt/records-transfer /srv/records-transfer
mountpoint -q "$top" && mount --bind /run/early/base "$2"
mount --bind /run/early/checkout /opt/records-transfer
mount --bind /run/early/srv /srv/records-transfer
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
export container=other
exec {SYSTEMD} --unit=multi-user.target --log-target=console --show-status=yes
"""

#: what a machine without hardware, seats and screens has no use for
_NOT_HERE = (
    "systemd-udevd.service",
    "systemd-udev-trigger.service",
    "systemd-logind.service",
    "systemd-networkd.service",
    "systemd-resolved.service",
    "systemd-timesyncd.service",
    "systemd-sysctl.service",
    "systemd-modules-load.service",
    "systemd-remount-fs.service",
    "systemd-binfmt.service",
    "systemd-tmpfiles-setup.service",
    "systemd-tmpfiles-setup-dev.service",
    "systemd-random-seed.service",
    "systemd-update-utmp.service",
    "systemd-update-utmp-runlevel.service",
    "getty.target",
    "dbus.service",
    "dbus.socket",
    "proc-sys-fs-binfmt_misc.automount",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "sys-kernel-config.mount",
    "sys-fs-fuse-connections.mount",
    "tmp.mount",
)
#: process 1 of its own, with mounts, control groups, name and messages of its own; the network is this machine's
_APART = ("--pid", "--fork", "--kill-child", "--mount-proc", "--mount", "--cgroup", "--uts", "--ipc")


class Machine:
    """One machine. What it keeps lies in `folder`, and outlasts a reboot; `srv` is its `/srv/records-transfer`."""

    def __init__(self, folder: Path, group: Path) -> None:
        self._folder = folder
        self._group = group
        self._started: subprocess.Popen[bytes] | None = None
        self.srv = folder / "srv"
        for name in ("etc", "work", "srv"):
            (folder / name).mkdir()
        self.folder_of_units = folder / "etc" / "systemd" / "system"

    def prepare(self) -> None:
        """An account, no unit of this machine's administrator, and our unit as it is in the repository."""
        for name in ("passwd", "group"):
            shutil.copy(Path("/etc") / name, self._folder / "etc" / name)
        with (self._folder / "etc" / "passwd").open("a") as accounts:
            accounts.write(f"{ACCOUNT}:x:64321:64321::/srv/records-transfer:/usr/sbin/nologin\n")
        with (self._folder / "etc" / "group").open("a") as groups:
            groups.write(f"{ACCOUNT}:x:64321:\n")
        os.chown(self.srv, 64321, 64321)
        self.folder_of_units.mkdir(parents=True)
        os.setxattr(self.folder_of_units, "trusted.overlay.opaque", b"y")
        for name in _NOT_HERE:
            (self.folder_of_units / name).symlink_to("/dev/null")
        shutil.copy(UNIT, self.folder_of_units)

    def boot(self, seconds: float = 30.0) -> None:
        """As a machine is switched on. It has booted when systemd says so."""
        with (self._folder / "console").open("ab") as console:
            self._started = subprocess.Popen(
                [
                    *("sh", "-c", 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"', "sh", self._group),
                    *("unshare", *_APART, "sh", "-c", _BEGIN, "sh", self._folder, sys.base_prefix, CHECKOUT),
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        until = time.monotonic() + seconds
        while self.run("systemctl", "is-system-running").stdout.strip() not in ("running", "degraded", "starting"):
            assert self._started.poll() is None, self.console()
            assert time.monotonic() < until, self.console()
            time.sleep(0.1)

    def run(self, *command: str, account: str = "root") -> subprocess.CompletedProcess[str]:
        """A command on that machine: what it ended with and said."""
        there = self._process_1()
        if there is None:
            return subprocess.CompletedProcess(command, 255, "", "off")
        as_whom = [] if account == "root" else ["runuser", "-u", account, "--"]
        enter = ["nsenter", "-t", str(there), "--pid", "--mount", "--cgroup", "--uts", "--ipc", "--wd=/"]
        return subprocess.run([*enter, *as_whom, *command], capture_output=True, text=True, check=False, timeout=300)

    def reboot(self) -> None:
        """As an administrator does it: every unit is stopped first."""
        assert self._started
        self.run("systemctl", "--no-block", "reboot")
        self._started.wait(240)
        self.boot()

    def lose_power(self) -> None:
        """Every process ends at once."""
        there = self._process_1()
        if there is not None:
            os.kill(there, signal.SIGKILL)
        if self._started:
            self._started.wait(30)

    @property
    def is_on(self) -> bool:
        return self._process_1() is not None

    def console(self) -> str:
        return (self._folder / "console").read_text(errors="replace")

    def _process_1(self) -> int | None:
        if self._started is None or self._started.poll() is not None:
            return None
        children = Path(f"/proc/{self._started.pid}/task/{self._started.pid}/children").read_text().split()
        return int(children[0]) if children else None


@contextmanager
def a_machine(folder: Path) -> Iterator[Machine]:
    """A machine with our unit installed, not yet switched on; it is off afterwards, and nothing of it is left."""
    if not SYSTEMD.exists():
        installed.absent("systemd", "not installed here (make peers-slow)")
    if os.geteuid() != 0:
        installed.absent("systemd", "only root may start it as process 1 of namespaces")
    hierarchy = next((each for each in _HIERARCHIES if (each / "cgroup.procs").exists()), None)
    if hierarchy is None or not os.access(hierarchy, os.W_OK):
        installed.absent("systemd", "this machine has no control groups of version 2 that we may write")
        return
    group = hierarchy / f"rt-systemd-{os.getpid()}"
    group.mkdir()
    machine = Machine(folder, group)
    try:
        machine.prepare()
        yield machine
    finally:
        machine.lose_power()
        _remove(group)


def _remove(group: Path) -> None:
    until = time.monotonic() + 10
    while (group / "cgroup.events").read_text().split()[1] != "0" and time.monotonic() < until:
        time.sleep(0.05)
    for each in sorted(group.rglob("*/"), key=lambda path: len(path.parts), reverse=True):
        if each.is_dir():
            each.rmdir()
    group.rmdir()
