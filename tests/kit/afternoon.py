"""An afternoon of a new integration engineer: from `transfer institution new` to the first matched records, of a
laboratory that sends by node-hl7-client and of an archive that is Orthanc. `python -m tests.kit.afternoon` writes
docs/an-afternoon.md anew; a test compares.
"""

import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.kit.centers import partners_in
from tests.kit.clusters import copied
from tests.kit.house import Chart, House
from tests.kit.images import images_of
from tests.kit.peers import hl7v2
from tests.kit.processing import process_all
from transfer import wiring
from transfer.delivery import Delivery
from transfer.embedded.orthanc import Orthanc
from transfer.embedded.system import System
from transfer.identifiers import CaseId, RecordId
from transfer.sandbox.charts import draw_chart
from transfer.sandbox.pathology import messages
from transfer.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "an-afternoon.md"
LABORATORY, ARCHIVE = "prairie-pathology", "mercy-imaging"
_SECONDS = 120

_HEAD = """# An afternoon: a laboratory and an archive are connected

Made by `python -m tests.kit.afternoon`; a test compares. What stands below was typed, and answered, by a whole
installation. The laboratory sends by [node-hl7-client](https://www.npmjs.com/package/node-hl7-client). The archive is
Orthanc. Both and the patient are stand-ins. Identifiers, ports, times and folders are put into one form; long tables
are cut.
"""

#: what is filled in, as `old → new`; more than one line where a line goes
_LABORATORY_FILLED = (
    ("name: REPLACE", "name: Prairie Pathology"),
    ("value: REPLACE}", 'value: "2990000020"}'),
    (
        '  REPLACE-MRN: "urn:oid:REPLACE"\n',
        '  PRAIRIE: "urn:oid:2.16.840.1.113883.19.71.2.1"\n  PRAIRIELIS: "urn:oid:2.16.840.1.113883.19.71.2.2"\n',
    ),
    ("default_issuer: urn:oid:REPLACE", "default_issuer: urn:oid:2.16.840.1.113883.19.71.2.1"),
    ("sending_application: REPLACE-APPLICATION", "sending_application: PRAIRIELIS"),
    ("sending_facility: REPLACE-FACILITY", "sending_facility: PRAIRIE"),
    ('  certificates: ["${PRAIRIE_PATHOLOGY_CERTIFICATE_SHA256}"]', '  addresses: ["127.0.0.1"]'),
)
_ARCHIVE_FILLED = (
    ("name: REPLACE", "name: Mercy Imaging"),
    ("value: REPLACE}", 'value: "2990000038"}'),
    (
        '  REPLACE-MRN: "urn:oid:REPLACE"\n',
        '  MERCY: "urn:oid:2.16.840.1.113883.19.71.3.1"\n  MERCYRIS: "urn:oid:2.16.840.1.113883.19.71.3.2"\n',
    ),
    ("default_issuer: urn:oid:REPLACE", "default_issuer: urn:oid:2.16.840.1.113883.19.71.3.1"),
)


@dataclass
class Afternoon:
    """What is typed and answered, in `folder`, at an installation in `var`."""

    folder: Path
    var: Path
    told: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        bin_ = str(Path(sys.executable).parent)
        ours = {"TRANSFER_VAR": str(self.var), "TRANSFER_INSTITUTIONS": str(self.folder / "institutions")}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRANSFER_", "SANDBOX_"))}
        return {**kept, **ours, "PATH": f"{bin_}:{kept.get('PATH', '')}", "PYTHONPATH": str(ROOT), "COLUMNS": "110"}

    def says(self, text: str) -> None:
        self.told.append(text)

    def types(self, command: str, *, ends: int = 0, lines: int = 40) -> str:
        """A command, and what it answers; more than so many lines are cut."""
        done = subprocess.run(  # noqa: S602  a shell, as the engineer has one
            command,
            shell=True,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        answer = (done.stdout + done.stderr).rstrip()
        assert done.returncode == ends, f"{command}: {done.returncode}\n{answer}"
        shown = answer.splitlines()
        cut = [*shown[:lines], "…"] if len(shown) > lines else shown
        self.told.append("\n".join(["```console", f"$ {command}", *cut, "```"]))
        return answer

    def fills_in(self, file: str, changes: Sequence[tuple[str, str]]) -> None:
        """Edit a file; what changes is shown."""
        path = self.folder / file
        before = text = path.read_text()
        for old, new in changes:
            assert old in text, (file, old)
            text = text.replace(old, new)
        path.write_text(text)
        diff = list(difflib.unified_diff(before.splitlines(), text.splitlines(), n=0, lineterm=""))[2:]
        self.told.append("\n".join(["```diff", *(line for line in diff if not line.startswith("@@")), "```"]))


def page() -> str:
    """The page as it would be written now. It takes a minute or two.

    Skips, or fails where peers are demanded, where node-hl7-client or Orthanc is not installed.
    """
    Orthanc.check()
    node, script = hl7v2.node_hl7()
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    try:
        afternoon = Afternoon(folder, folder / "var")
        partners_in(folder / "institutions", Delivery.WHEN_ALL)
        for name in (LABORATORY, ARCHIVE):
            (folder / "institutions" / f"{name}.yaml").unlink()
        shutil.copy(script, folder / "send.mjs")
        (folder / "node_modules").symlink_to(script.parent / "node_modules")
        _play(afternoon, node)
        return _in_one_form("\n\n".join([_HEAD.rstrip(), *afternoon.told]) + "\n", afternoon)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _play(afternoon: Afternoon, node: Path) -> None:
    chart = draw_chart(seed=7, slices=2)
    with _up(afternoon) as house:
        Orthanc.of(house.settings).take_in(images_of(chart))
        house.order("oncology", "patients", chart)
        (afternoon.folder / "report.hl7").write_bytes(messages.report(chart, control_id="1", status="F", form="oru"))
        _laboratory(afternoon, house.settings)
        _archive(afternoon, house.settings)
        _into_place(afternoon)
    with _up(afternoon) as house:
        _first_records(afternoon, house, chart, node)


@contextmanager
def _up(afternoon: Afternoon) -> Iterator[House]:
    copied(afternoon.var / "postgres") if not afternoon.var.exists() else None
    environ = {"TRANSFER_INSTITUTIONS": str(afternoon.folder / "institutions")}
    system = System(
        afternoon.var, sandbox=True, airflow=False, desk=False, orthanc=True, environ=environ, dies_with_us=True
    )
    system.up()
    try:
        settings = Settings.load(environ, afternoon.var)
        with wiring.connect(settings, wiring.origin("test"), connections=8) as services:
            yield House(system=system, settings=settings, services=services)
    finally:
        system.down()


def _laboratory(afternoon: Afternoon, settings: Settings) -> None:
    afternoon.says("## 1. A laboratory that sends by HL7 v2")
    afternoon.types(f"transfer institution new {LABORATORY} --like mllp --zone America/Chicago")
    afternoon.types(f"transfer institution check {LABORATORY}/{LABORATORY}.yaml", ends=1)
    afternoon.says("They told us on the telephone what they send. It is filled in:")
    afternoon.fills_in(f"{LABORATORY}/{LABORATORY}.yaml", _LABORATORY_FILLED)
    port = settings.names["SANDBOX_PATHOLOGY_MLLP_PORT"]
    afternoon.fills_in(f"{LABORATORY}/{LABORATORY}.env", [("MLLP_PORT=2575", f"MLLP_PORT={port}")])
    afternoon.types(f"transfer institution check {LABORATORY}/{LABORATORY}.yaml")
    afternoon.says("The sheets are made of what stands there now, and go to both network teams and to their engineers:")
    afternoon.types(f"transfer institution new {LABORATORY} --like mllp", lines=1)
    afternoon.types(f"cat {LABORATORY}/{LABORATORY}-firewall.md", lines=12)
    afternoon.says("They mailed one report of a patient who does not exist. What would it do?")
    afternoon.types(f"transfer institution try {LABORATORY}/{LABORATORY}.yaml --message report.hl7", ends=4)


def _archive(afternoon: Afternoon, settings: Settings) -> None:
    afternoon.says("## 2. An archive that is asked by DICOMweb")
    afternoon.types(f"transfer institution new {ARCHIVE} --like dicomweb --zone America/New_York", lines=1)
    afternoon.fills_in(f"{ARCHIVE}/{ARCHIVE}.yaml", _ARCHIVE_FILLED)
    url, user, password = (settings.names[f"SANDBOX_ARCHIVE_{name}"] for name in ("URL", "USER", "PASSWORD"))
    afternoon.fills_in(
        f"{ARCHIVE}/{ARCHIVE}.env",
        [
            ("URL=https://REPLACE.example/dicom-web", f"URL={url}/dicom-web"),
            ("_USER=", f"_USER={user}"),
            ("_PASSWORD=", "_PASSWORD=wrong"),
        ],
    )
    afternoon.types(f"transfer institution check {ARCHIVE}/{ARCHIVE}.yaml --doors", ends=1)
    afternoon.says("The password was mistyped.")
    afternoon.fills_in(f"{ARCHIVE}/{ARCHIVE}.env", [("_PASSWORD=wrong", f"_PASSWORD={password}")])
    afternoon.types(f"transfer institution check {ARCHIVE}/{ARCHIVE}.yaml --doors")


def _into_place(afternoon: Afternoon) -> None:
    afternoon.says("## 3. Into place\n\nBoth files were reviewed. Then gateway and workers are restarted.")
    for name in (LABORATORY, ARCHIVE):
        afternoon.types(f"cp {name}/{name}.yaml institutions/ && cat {name}/{name}.env >> var/settings.env")
    afternoon.types("transfer institution check")


def _first_records(afternoon: Afternoon, house: House, chart: Chart, node: Path) -> None:
    afternoon.says(
        "## 4. The first records\n\nLakeside Oncology files the patient's release form and refers the patient."
    )
    house.release_form(chart)
    process_all(house.services)
    case = house.referral(chart)
    process_all(house.services)
    afternoon.says("The report that would have been sealed away answers a line now:")
    afternoon.types(f"transfer institution try {LABORATORY} --message report.hl7")
    afternoon.says("The laboratory sends it, by its own program:")
    port = house.settings.names["PRAIRIE_PATHOLOGY_MLLP_PORT"]
    send = f"od -An -v -tx1 report.hl7 | tr -d ' \\n' | {node.name} send.mjs {port}"
    answer = json.loads(afternoon.types(send))
    assert answer["code"] == "AA"
    house.process_until(lambda: {"pathology-report", "images"} <= _kinds(house, case))
    afternoon.says("And so it is, with the images that were fetched from the archive meanwhile:")
    afternoon.types(f"transfer case show {case} | grep -E '^  (pathology-report|images) '")
    afternoon.types(f"transfer institution codes {LABORATORY}")


def _kinds(house: House, case: CaseId) -> set[str]:
    with house.services.ledger.transaction() as tx:
        return {record.document for record in tx.case(case).records.values()}


def _in_one_form(text: str, afternoon: Afternoon) -> str:
    """What differs from one afternoon to the next."""
    text = text.replace(str(afternoon.folder), "/srv/records")
    names = Settings.load({}, afternoon.var).names
    for setting, port in (("SANDBOX_PATHOLOGY_MLLP_PORT", "6661"), ("SANDBOX_ARCHIVE_PORT", "8042")):
        text = re.sub(rf"\b{names[setting]}\b", port, text)
    text = text.replace(names["SANDBOX_ARCHIVE_PASSWORD"], "…")
    ours = rf"\b(?:{CaseId.pattern.pattern}|{RecordId.pattern.pattern})\b"
    text = re.sub(ours, lambda one: one[0][0] + "0123456789abcde"[: len(one[0]) - 1], text)
    text = re.sub(r"\bborn \d{4}-\d\d-\d\d", "born 1955-05-06", text)
    text = re.sub(r"\b20\d{12}(\+0000)?\b", r"20260615120000\1", text)
    return re.sub(r"[ \t]+$", "", text, flags=re.M)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
