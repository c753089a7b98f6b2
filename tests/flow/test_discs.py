"""Discs at the desk: sealed as they come, told patient by patient, and each study goes to whom a person says."""

import hashlib
import tracemalloc
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.kit import builders as b
from tests.kit.discs import ROOT, a_directory, a_folder, a_zip, an_image, named_as
from tests.kit.fakes import MemoryVault
from tests.kit.packets import a_signer
from tests.kit.processing import process_all
from tests.kit.staff import ANN, BEN
from transfer import facts
from transfer.actions import ActionCode
from transfer.adapters.disc.directory import named_in
from transfer.adapters.packet.signature import jwks
from transfer.adapters.paper.folder import WatchedFolder
from transfer.errors import NotAllowed, Unknown
from transfer.facts import SYSTEM, Chain
from transfer.flow import desk
from transfer.flow.assemble import assemble
from transfer.flow.desk import IndexedStudies
from transfer.flow.housekeeping import clean_up
from transfer.flow.lines_in import look_at_line
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import CaseId, IncomingId, PacketId
from transfer.incoming import IncomingState, PagesBecame
from transfer.ledger import Ledger, packets, records
from transfer.ledger.records import StoredRecord
from transfer.records import RecordKind
from transfer.refusals import RefusalCode
from transfer.sealing import KeyName
from transfer.staging import Location
from transfer.verify import VerificationOutcome, verify

pytestmark = pytest.mark.servers

MERCY = IndexedStudies(institution=b.MERCY)


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


@pytest.fixture
def chart():
    return b.a_chart()


def a_disc(services: Services, root: Path, files: dict[str, bytes]) -> IncomingId:
    """Somebody brought a disc in, and took it."""
    did = desk.bring_in_disc(services, a_folder(root, files), actor=ANN)
    name = IncomingId(str(did.fields["incoming"]))
    desk.take_paper(services, name, actor=ANN)
    return name


def studies(services: Services, case: CaseId) -> list[StoredRecord]:
    with services.ledger.transaction() as tx:
        return [kept for kept, _ in records.joined(tx, case) if kept.kind is RecordKind.IMAGES]


def images(services: Services, kept: StoredRecord) -> dict[str, bytes]:
    """Each image of a record as it lies in the vault."""
    with services.ledger.transaction() as tx:
        parts = records.parts(tx, kept)
    return {
        one.sop_instance_uid: b"".join(services.vault.read(one.location))
        for part in parts
        if part.series
        for one in part.series.instances
    }


def asked(services: Services, case: CaseId) -> set[HoldCode]:
    return {one.code for one in desk.holds(services, case=case, actor=ANN)}


class TestComing:
    def test_a_disc_is_listed_and_nothing_of_it_lies_in_clear(self, services, tmp_path):
        name = a_disc(services, tmp_path, {"1": an_image("1", 1), "viewer.exe": b"MZ"})

        (found,) = desk.list_incoming(services, actor=ANN).papers

        assert (found.incoming, found.is_disc, found.pages, found.left) == (name, True, 1, (1,))
        assert not any(b"Quillfeather" in one or b"DICM" in one for one in services.vault.objects.values())

    def test_the_same_images_again_are_the_same_disc_however_they_are_packed(self, services, tmp_path):
        files = {"A/1": an_image("1", 1), "A/2": an_image("2", 1)}
        name = a_disc(services, tmp_path, files)
        (tmp_path / "again.zip").write_bytes(a_zip(files).getvalue())

        did = desk.bring_in_disc(services, tmp_path / "again.zip", actor=BEN)

        assert (did.code, did.fields["incoming"]) == (ActionCode.DISC_STORED_BEFORE, name)

    def test_what_is_no_disc_is_refused_and_nothing_is_kept(self, services, tmp_path):
        with pytest.raises(NotAllowed) as refused:
            desk.bring_in_disc(services, a_folder(tmp_path, {"x": b"no image"}), actor=ANN)

        assert refused.value.refusal.code is RefusalCode.NO_DISC
        assert services.vault.objects == {}

    def test_who_has_it_sees_whose_its_studies_are_and_nobody_else_does(self, services, tmp_path):
        name = a_disc(services, tmp_path, {"1": an_image("1", 1), "2": an_image("2", 1, name="Ashgrove^Tobias")})

        found = desk.look_at_disc(services, name, actor=ANN)

        assert [(one.number, one.study.patient.name) for one in found.studies] == [
            (1, "Ashgrove^Tobias"),
            (2, "Quillfeather^Odalys"),
        ]
        with pytest.raises(NotAllowed, match="not yours"):
            desk.look_at_disc(services, name, actor=BEN)
        for as_paper in (desk.look_at_paper, desk.open_paper):
            with pytest.raises(Unknown):
                as_paper(services, name, actor=ANN)


class TestIndexing:
    def test_a_study_becomes_images_of_the_case_as_an_archive_would_give_them(self, services, chart, tmp_path):
        case = b.a_case(services, chart)
        files = {str(n): an_image("1", n, series=1 + n // 3, **named_as(chart)) for n in range(1, 5)}
        name = a_disc(services, tmp_path, files)

        desk.index_studies(services, name, "all", case, MERCY, actor=ANN)
        process_all(services)

        (kept,) = studies(services, case)
        assert (kept.institution, kept.is_whole, kept.is_opened, kept.about.modalities) == (
            b.MERCY,
            True,
            True,
            ("CT",),
        )
        assert sorted(images(services, kept).values()) == sorted(files.values())
        assert desk.list_incoming(services, actor=ANN).papers == ()

    def test_a_strangers_study_is_named_and_never_taken_unless_somebody_compared_both(self, services, chart, tmp_path):
        case = b.a_case(services, chart)
        files = {"1": an_image("1", 1, **named_as(chart)), "2": an_image("2", 1, name="Aaron^Zed", sex="M")}
        name = a_disc(services, tmp_path, files)

        with pytest.raises(NotAllowed) as refused:
            desk.index_studies(services, name, "all", case, MERCY, actor=ANN)
        assert refused.value.refusal.code is RefusalCode.DISC_NAMES_ANOTHER
        process_all(services)
        assert studies(services, case) == []

        stranger, own = (1, 2) if _first_is_stranger(services, name) else (2, 1)
        desk.index_studies(services, name, str(own), case, MERCY, actor=ANN)
        desk.leave_out(services, name, str(stranger), PagesBecame.MISDIRECTED, actor=ANN)
        process_all(services)

        (kept,) = studies(services, case)
        assert set(images(services, kept)) == {f"{ROOT}.1.1.1"}
        assert not any(b"Aaron" in one for one in services.vault.objects.values())
        with services.ledger.transaction() as tx:
            out = [(x.by.person, x.fact.became) for x in tx.lines(SYSTEM) if isinstance(x.fact, facts.StudiesLeftOut)]
            (fact,) = [x.fact for x in tx.lines(Chain.case(case)) if isinstance(x.fact, facts.StudyIndexed)]
        assert (out, fact.differs) == ([("ann", "misdirected")], False)

    def test_what_somebody_compared_is_taken_and_the_case_says_so(self, services, chart, tmp_path):
        case, name = b.a_case(services, chart), a_disc(services, tmp_path, {"1": an_image("1", 1, born="")})

        compared = IndexedStudies(institution=b.MERCY, is_compared=True)
        desk.index_studies(services, name, "1", case, compared, actor=ANN)
        process_all(services)

        assert len(studies(services, case)) == 1
        with services.ledger.transaction() as tx:
            (fact,) = [x.fact for x in tx.lines(Chain.case(case)) if isinstance(x.fact, facts.StudyIndexed)]
        assert fact.differs

    def test_the_same_again_changes_nothing_and_no_study_is_of_two_cases(self, services, chart, tmp_path):
        case, other = b.a_case(services, chart), b.a_case(services, b.a_chart())
        name = a_disc(services, tmp_path, {"1": an_image("1", 1, **named_as(chart))})
        desk.index_studies(services, name, "1", case, MERCY, actor=ANN)
        kept = dict(services.vault.objects)

        again = desk.index_studies(services, name, "1", case, MERCY, actor=ANN)

        assert (again.code, services.vault.objects.keys()) == (ActionCode.STUDIES_INDEXED_BEFORE, kept.keys())
        compared = IndexedStudies(institution=b.MERCY, is_compared=True)
        with pytest.raises(NotAllowed, match="indexed otherwise"):
            desk.index_studies(services, name, "1", other, compared, actor=ANN)

    def test_a_second_disc_adds_what_is_new_and_what_differs_is_a_question(self, services, chart, tmp_path):
        case, who = b.a_case(services, chart), named_as(chart)
        first = {"1": an_image("1", 1, **who), "2": an_image("1", 2, **who)}
        second = {"1": an_image("1", 1, pixels=b"\1\1\1\1", **who), "2": first["2"], "3": an_image("1", 3, **who)}
        for number, files in enumerate((first, second)):
            name = a_disc(services, tmp_path / str(number), files)
            desk.index_studies(services, name, "1", case, MERCY, actor=ANN)
            process_all(services)

        (kept,) = studies(services, case)

        assert images(services, kept) == {
            f"{ROOT}.1.1.1": first["1"],
            f"{ROOT}.1.1.2": first["2"],
            f"{ROOT}.1.1.3": second["3"],
        }
        assert (kept.is_whole, kept.is_opened, kept.about.conflicting) == (True, True, (f"{ROOT}.1.1.1",))
        assert HoldCode.IMAGES_CONFLICT in asked(services, case)

    def test_images_that_the_directory_names_and_that_are_not_there_are_asked_about(self, services, chart, tmp_path):
        case = b.a_case(services, chart)
        named = [("1", 1, 1, "I1"), ("1", 1, 2, "I2")]
        name = a_disc(services, tmp_path, {"DICOMDIR": a_directory(named), "I1": an_image("1", 1, **named_as(chart))})

        desk.index_studies(services, name, "1", case, MERCY, actor=ANN)
        process_all(services)

        (kept,) = studies(services, case)
        assert not kept.is_whole
        assert HoldCode.IMAGES_LACKING in asked(services, case)

    def test_without_a_permission_the_study_waits_sealed_and_comes_with_the_form(self, services, chart, tmp_path):
        case = b.a_case(services, chart, form=False)
        name = a_disc(services, tmp_path, {"1": an_image("1", 1, **named_as(chart))})
        desk.index_studies(services, name, "1", case, MERCY, actor=ANN)
        process_all(services)
        assert studies(services, case) == []

        b.sign_form(services, chart)
        process_all(services)

        assert len(studies(services, case)) == 1


class TestDestroying:
    def test_a_disc_is_destroyed_once_each_study_is_indexed_and_what_was_taken_of_it_is_not(
        self, services, chart, tmp_path, hours_pass
    ):
        case = b.a_case(services, chart)
        name = a_disc(services, tmp_path, {"1": an_image("1", 1, **named_as(chart))})
        other = a_disc(services, tmp_path / "other", {"1": an_image("2", 1)})
        waits = a_disc(services, tmp_path / "waits", {"1": an_image("3", 1)})
        desk.index_studies(services, name, "1", case, MERCY, actor=ANN)
        desk.leave_out(services, other, "1", PagesBecame.MISDIRECTED, actor=ANN)
        process_all(services)
        hours_pass(timedelta(days=8))

        clean_up(services)

        states = {one.incoming: one.state for one in desk.list_incoming(services, actor=ANN, everything=True).papers}
        assert states == {name: IncomingState.DESTROYED, other: IncomingState.DESTROYED, waits: IncomingState.WAITING}
        assert services.ledger.keys.was_destroyed(KeyName.incoming(other))
        (kept,) = studies(services, case)
        assert len(images(services, kept)) == 1


def _first_is_stranger(services: Services, name: IncomingId) -> bool:
    return desk.look_at_disc(services, name, actor=ANN).studies[0].study.uid == f"{ROOT}.2"


def test_a_zip_file_in_a_watched_folder_is_a_disc_and_what_is_none_lies_among_the_refused(services, tmp_path):
    (tmp_path / "cd.zip").write_bytes(a_zip({"1": an_image("1", 1)}).getvalue())
    (tmp_path / "photos.zip").write_bytes(a_zip({"1": b"no image"}).getvalue())
    line = WatchedFolder("main-fax", tmp_path, quiet_seconds=0)
    look_at_line(services, line)

    assert look_at_line(services, line) == 1

    (found,) = desk.list_incoming(services, actor=ANN).papers
    assert (found.line, found.is_disc) == ("main-fax", True)
    assert [one.name.rpartition("-")[0] for one in (tmp_path / "refused").iterdir()] == ["no-images"]


def test_what_was_taken_leaves_in_a_packet_that_verifies_and_its_directory_lists_it(services, chart, tmp_path):
    case, who = b.a_case(services, chart), named_as(chart)
    files = {"1": an_image("1", 1, **who), "2": an_image("1", 2, series=2, **who)}
    name = a_disc(services, tmp_path / "cd", {**files, "3": an_image("2", 1, name="Zzyzx^Amos", sex="M")})
    own = next(x.number for x in desk.look_at_disc(services, name, actor=ANN).studies if x.study.uid == f"{ROOT}.1")
    desk.index_studies(services, name, str(own), case, MERCY, actor=ANN)
    process_all(services)
    desk.approve(services, case, actor=ANN, without=b.assessed(services, case).lacking)
    with services.ledger.transaction() as tx:
        newest = tx.case(case).newest_packet
        assert newest
        packet = PacketId(newest.planned.packet)
    assert assemble(services, packet)

    with services.ledger.transaction() as tx:
        plan = packets.plan_of(tx, packet, b.patient_of(services, case))
    for entry in plan.entries:
        written = tmp_path / "packet" / entry.path
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_bytes(b"".join(services.vault.read(entry.location)))

    assert verify(tmp_path / "packet", jwks([a_signer()])).outcome is VerificationOutcome.VERIFIED
    images = [path.read_bytes() for path in (tmp_path / "packet" / "data" / "DICOM").rglob("I*")]
    assert sorted(images) == sorted(files.values())
    (directory,) = (tmp_path / "packet").rglob("DICOMDIR")
    assert {one.instance for one in named_in(directory.read_bytes())} == {f"{ROOT}.1.1.1", f"{ROOT}.1.2.2"}


class Counting(MemoryVault):
    """Keeps how much was written, and nothing of it."""

    written = 0

    def keep(self, chunks: Iterable[bytes]) -> Location:
        sha256, before = hashlib.sha256(), self.written
        for chunk in chunks:
            sha256.update(chunk)
            self.written += len(chunk)
        return Location(f"{self.written}", 0, self.written - before, sha256.hexdigest())


def test_thousands_of_small_images_are_sealed_piece_by_piece(ledger, tmp_path):
    services = b.new_services(ledger, vault=Counting())
    pixels = bytes(20_000)
    disc = a_zip({f"I{number}": an_image("1", number, pixels=pixels) for number in range(1, 3001)})
    (tmp_path / "cd.zip").write_bytes(disc.getvalue())
    desk.list_incoming(services, actor=ANN)  # what is loaded once is not counted

    tracemalloc.start()
    desk.bring_in_disc(services, tmp_path / "cd.zip", actor=ANN)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert services.vault.written > 3000 * len(pixels)
    assert peak < services.vault.written / 2
