"""What runs inside a `Child`: one door's code, given one thing after another. Never imported by who asks."""

import contextlib
import io
import json
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.campaigns.hostile.table import Outcome

if TYPE_CHECKING:
    from transfer.sources import ImageArchive

Said = dict[str, Any]
Answer = tuple[Outcome, str]


def command(*given: str) -> Callable[[Said], Answer]:
    """A command line of ours; what it says on its error channel is the reason.

    Exit code 2 is a command that was not understood: ours is wrong, and the door behind it was never reached. Where
    what was sent is an option's own file, `blamed` is that option.
    """
    from transfer.cli import main

    words = {0: Outcome.KEPT, 2: Outcome.FELL, 70: Outcome.FELL}

    def run(said: Said) -> Answer:
        told, complained = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(complained):
            try:
                main.main(args=[*given, *said["arguments"]], standalone_mode=True)
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
        lines = [line for line in (complained.getvalue() + told.getvalue()).splitlines() if line.strip()]
        told_why = next((line for line in lines if line.startswith(("Error", "transfer:"))), " ".join(lines[:2]))
        refused = Outcome.REFUSED if lines else Outcome.UNEXPLAINED
        is_blamed = code == 2 and said.get("blamed", "nothing") in told_why
        return refused if is_blamed else words.get(code, refused), told_why[:100]

    return run


def worker(var: str) -> Callable[[Said], Answer]:
    """Processes what is owed, as the tasks do."""
    from tests.kit.processing import process_all
    from transfer import wiring
    from transfer.settings import Settings

    services = wiring.connect(Settings.load({}, Path(var)), wiring.origin("test"), connections=4).__enter__()

    def run(_: Said) -> Answer:
        return Outcome.KEPT, f"{process_all(services)} rounds"

    return run


def fhir_source() -> Callable[[Said], Answer]:
    """The client that asks a FHIR source, against the server at `url`."""
    from tests.campaigns.hostile.expected import ONCOLOGY, WHO
    from transfer.adapters.fhir.source import FhirSourceClient
    from transfer.adapters.http import HttpLimits
    from transfer.bytes_seen import BytesSeen
    from transfer.errors import TransferError
    from transfer.records import RecordKind
    from transfer.sources import Bad

    limits = HttpLimits(silence_seconds=3, page_seconds=6, stream_seconds=6)

    def run(said: Said) -> Answer:
        client = FhirSourceClient(said["url"], "shown", http=limits)
        taken, bad = 0, []
        try:
            patient = client.find_patient(WHO, ONCOLOGY)
            if patient is None:
                return Outcome.REFUSED, "not found under these identifiers"
            for one in client.documents(patient, ONCOLOGY, frozenset(RecordKind)):
                if isinstance(one, Bad):
                    bad.append(one.reason)
                    continue
                try:
                    for file in one.files:
                        seen = BytesSeen(file.announced)
                        taken += sum(len(chunk) for chunk in seen.passing(file.read()))
                        bad += seen.judged().flaws
                except TransferError as error:
                    bad.append(f"{type(error).__name__}: {error}")
        except TransferError as error:
            return Outcome.REFUSED, f"{type(error).__name__}: {error}"
        finally:
            client.close()
        if bad:
            return Outcome.HELD, bad[0]
        return Outcome.KEPT, "a document" if taken else "an answer without documents"

    return run


def dicomweb_source() -> Callable[[Said], Answer]:
    """The client that asks an archive, against the server at `url`."""
    from transfer.adapters.dicomweb import DicomwebClient
    from transfer.adapters.http import HttpLimits

    limits = HttpLimits(
        connect_seconds=3,
        silence_seconds=3,
        page_seconds=6,
        page_bytes=8 << 20,
        stream_seconds=10,
        stream_bytes=16 << 30,
    )
    return lambda said: _fetched(DicomwebClient(said["url"], "shown", http=limits))


def dimse_source() -> Callable[[Said], Answer]:
    """The client that asks an archive by DIMSE, against the server at `port`."""
    from transfer.adapters.dimse import DimseClient, DimsePeer, DimseTimeouts

    timeouts = DimseTimeouts(connect=3, associate=3, stall=1, listing=6, quiet=2, deadline=10, release=1)

    def ask(said: Said) -> Answer:
        archive = DimsePeer(
            host="127.0.0.1", port=said["port"], called_ae_title="FILMROOM", calling_ae_title="TRANSFER"
        )
        return _fetched(DimseClient(archive, timeouts=timeouts))

    return ask


def _fetched(client: "ImageArchive") -> Answer:
    """All of a patient's studies, as the flow gets them."""
    from tests.campaigns.hostile.expected import MERCY, WHO, Nowhere
    from transfer.errors import TransferError

    vault, owed, unusable, came = Nowhere(), 0, 0, 0
    try:
        for study in client.studies(WHO, MERCY):
            for series in client.series(study.study_instance_uid):
                listed = client.instances(study.study_instance_uid, series.uid)
                got = client.fetch_series(
                    study.study_instance_uid, series.uid,
                    expected=listed, institution=MERCY, vault=vault, keep_going=lambda: None,
                )  # fmt: skip
                came += len(got.index) if got else 0
                owed += len(listed - got.instances) if got else len(listed)
                unusable += (got.unreadable + len(got.strays) + len(got.conflicting)) if got else 0
    except TransferError as error:
        return Outcome.REFUSED, f"{type(error).__name__}: {error}"
    if owed or unusable:
        return Outcome.HELD, "instances missing" if owed else "instances that cannot be used"
    return Outcome.KEPT, "whole" if came else "nothing found"


def pages() -> Callable[[Said], Answer]:
    """The process that makes the pages people read: one document at a time, bounded, and it may die."""
    from tests.campaigns.hostile.expected import paged

    def run(said: Said) -> Answer:
        how = paged(Path(said["file"]).read_bytes(), said["content_type"])
        return (Outcome.KEPT if how in ("merged", "rendered") else Outcome.REFUSED), how

    return run


def directory() -> Callable[[Said], Answer]:
    """The DICOMDIR of a packet, made from the heads of its files."""
    from tests.kit.dicomdirs import listed

    def run(said: Said) -> Answer:
        unlisted = listed(Path(said["file"]).read_bytes())
        return (Outcome.REFUSED, "in the packet, not in its DICOMDIR") if unlisted else (Outcome.KEPT, "listed")

    return run


def main(doing: str, given: Iterable[str]) -> None:
    warnings.simplefilter("ignore")
    run, answers = globals()[doing](*given), sys.stdout
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        try:
            outcome, reason = run(json.loads(line))
        except Exception as error:  # noqa: BLE001  whatever it is, no door may let it through
            outcome, reason = Outcome.FELL, f"{type(error).__name__}: {str(error)[:80]}"
        print(json.dumps({"outcome": outcome, "reason": reason}), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
