"""Orthanc, a DICOM server that hospitals run, as the image archive of demo and tests where it is installed.

Debian's Orthanc (1.10) listens on every address of the machine, whatever is configured. So it runs where there is none
but loopback, behind `transfer.embedded.orthanc_server` (docs/decisions/0011-orthanc-apart.md).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import urllib3

from transfer.embedded import private
from transfer.embedded.process import inherited, spawn
from transfer.errors import Refused, Unavailable
from transfer.remedies import Remedy, RemedyCode
from transfer.settings import Settings

#: the port Orthanc listens on in its namespace
INSIDE: Final = 8042
#: where packages put the DICOMweb plugin
_PLUGINS: Final = (Path("/usr/share/orthanc/plugins"), Path("/usr/local/share/orthanc/plugins"))
#: a server's folder, which is not on the path of everybody
_PATH: Final = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"


class NotInstalled(Refused):
    """There is no Orthanc here, or it cannot be kept on loopback."""

    remedy = Remedy(RemedyCode.INSTALL_ORTHANC)


class Orthanc:
    """One Orthanc in `folder`, reached at `port` on loopback by one user."""

    def __init__(self, folder: Path, *, port: int, user: str, password: str, log: Path) -> None:
        self.folder = folder
        self.port = port
        self.log = log
        self._user = user
        self._password = password
        self._headers = urllib3.make_headers(basic_auth=f"{user}:{password}")

    @classmethod
    def of(cls, settings: Settings) -> "Orthanc":
        """The one of an installation, at the sandbox archive's address. Its folder is an institution's, not ours."""
        return cls(
            settings.var / "sandbox" / "orthanc",
            port=int(settings.names["SANDBOX_ARCHIVE_PORT"]),
            user=settings.names["SANDBOX_ARCHIVE_USER"],
            password=settings.names["SANDBOX_ARCHIVE_PASSWORD"],
            log=settings.var / "log" / "orthanc.log",
        )

    @staticmethod
    def check() -> None:
        """Make sure that it could run here.

        Raises:
            NotInstalled: program or plugin is missing, or the machine forbids network namespaces.
        """
        _program()
        _plugin()
        trial = [sys.executable, "-m", "transfer.embedded.orthanc_server", "--try"]
        if subprocess.run(trial, env=inherited(), capture_output=True, check=False, timeout=60).returncode:
            raise NotInstalled("Orthanc listens on every address, and this machine forbids the namespace to keep it in")

    def begin(self) -> subprocess.Popen[bytes]:
        """Start it without waiting for it.

        Raises:
            NotInstalled: program or plugin is missing.
        """
        private.write(private.folder(self.folder) / "orthanc.json", json.dumps(self._configuration()))
        ports = (word for outside, inside in self._ports().items() for word in ("--port", f"{outside}:{inside}"))
        command = [sys.executable, "-m", "transfer.embedded.orthanc_server", *ports]
        return spawn(
            [*command, "--run", str(_program()), str(self.folder / "orthanc.json")],
            log=self.log,
            environment=inherited(TMPDIR=str(self.folder)),
            folder=self.folder,
            dies_with_us=signal.SIGTERM,
        )

    def answers(self) -> bool:
        """Its DICOMweb service answers, and knows our user."""
        try:
            return self._request("GET", "/dicom-web/studies?limit=1").status == 200
        except Unavailable:
            return False

    def take_in(self, files: Iterable[bytes]) -> int:
        """Have it keep DICOM files; how many. Giving one twice keeps it once.

        Raises:
            Unavailable: it did not take one.
        """
        count = 0
        for file in files:
            if (status := self._request("POST", "/instances", file).status) != 200:
                raise Unavailable(f"Orthanc did not take an image ({status})")
            count += 1
        return count

    def _request(self, method: str, path: str, body: bytes | None = None) -> urllib3.BaseHTTPResponse:
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            return urllib3.request(
                method, url, body=body, headers=self._headers, retries=False, timeout=10.0, redirect=False
            )
        except urllib3.exceptions.HTTPError:
            raise Unavailable("Orthanc does not answer") from None

    def _ports(self) -> dict[int, int]:
        """What can be reached on the machine's loopback, and where it is in the namespace."""
        return {self.port: INSIDE}

    def _configuration(self) -> dict[str, object]:
        return {
            "Name": "film-room",
            "StorageDirectory": str(private.folder(self.folder / "storage")),
            "IndexDirectory": str(private.folder(self.folder / "index")),
            # a namespace of its own: the number is nobody else's
            "HttpPort": INSIDE,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {self._user: self._password},
            "DicomServerEnabled": False,
            "Plugins": [str(_plugin())],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False},
        }


def _program() -> Path:
    found = shutil.which("Orthanc", path=_PATH)
    if not found:
        raise NotInstalled("Orthanc is not installed")
    return Path(found)


def _plugin() -> Path:
    for folder in _PLUGINS:
        for plugin in sorted(folder.glob("libOrthancDicomWeb.so*")):
            return plugin
    raise NotInstalled("Orthanc is installed without its DICOMweb plugin")
