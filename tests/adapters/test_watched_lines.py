"""Lines on which papers come by themselves: a folder and a mailbox. Nothing is read half, or believed by its name."""

import os
import ssl
import time
from pathlib import Path

import pytest

from tests.kit.imap import PASSWORD, USER, StandInMailbox, a_mailbox, a_message
from tests.kit.papers import a_pdf
from tests.kit.peers.certificates import Certificates, certificates
from transfer.adapters.paper.folder import WatchedFolder
from transfer.adapters.paper.mailbox import WatchedMailbox
from transfer.errors import Unavailable
from transfer.fax_reports import MOST_LETTERS
from transfer.incoming import LARGEST, WhyRefused
from transfer.paper_lines import Mailbox


def written(folder: Path, name: str, body: bytes = b"%PDF-1.4", *, seconds_ago: float = 60) -> Path:
    file = folder / name
    file.write_bytes(body)
    os.utime(file, (time.time() - seconds_ago,) * 2)
    return file


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("imap") / "certificates")


class TestFolder:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path

    @pytest.fixture
    def line(self, folder: Path) -> WatchedFolder:
        return WatchedFolder("fax", folder)

    def test_a_file_is_taken_once_it_is_the_same_in_two_looks(self, folder: Path, line: WatchedFolder):
        file = written(folder, "one.pdf", b"half")
        assert list(line.waiting()) == []
        written(folder, "one.pdf", b"half and more")
        assert list(line.waiting()) == []

        (delivered,) = line.waiting()
        assert delivered.files == (b"half and more",)
        delivered.keep()
        delivered.keep()

        assert not file.exists()
        (kept,) = (folder / "done").iterdir()
        assert kept.read_bytes() == b"half and more"
        assert "one" not in kept.name

    def test_a_file_that_was_written_just_now_waits(self, folder: Path, line: WatchedFolder):
        written(folder, "one.pdf", seconds_ago=0)

        assert [list(line.waiting()), list(line.waiting())] == [[], []]

    def test_what_is_refused_lies_apart_with_the_reason_in_its_name(self, folder: Path, line: WatchedFolder):
        written(folder, "one.pdf")
        list(line.waiting())
        (delivered,) = line.waiting()

        delivered.refuse(WhyRefused.PASSWORD)

        (refused,) = (folder / "refused").iterdir()
        assert refused.name.startswith("password-")

    def test_links_folders_and_pipes_are_no_papers(self, folder: Path, line: WatchedFolder, tmp_path_factory):
        secret = written(tmp_path_factory.mktemp("elsewhere"), "secret")
        (folder / "link.pdf").symlink_to(secret)
        (folder / "folder.pdf").mkdir()
        os.mkfifo(folder / "pipe.pdf")
        written(folder, ".part.pdf")
        list(line.waiting())

        assert list(line.waiting()) == []

    def test_a_name_that_became_a_link_meanwhile_leads_nowhere(
        self, folder: Path, line: WatchedFolder, tmp_path_factory
    ):
        file = written(folder, "one.pdf")
        list(line.waiting())
        (delivered,) = line.waiting()
        file.unlink()
        file.symlink_to(written(tmp_path_factory.mktemp("elsewhere"), "secret"))

        with pytest.raises(Unavailable):
            _ = delivered.files

    def test_a_name_may_be_anything(self, folder: Path, line: WatchedFolder):
        names = ["a b.pdf", "O'Donnell; rm -rf.pdf", "é\n.pdf", os.fsdecode(b"\xff\xfe.pdf"), "x" * 250]
        for name in names:
            written(folder, name)
        list(line.waiting())

        came = list(line.waiting())
        for one in came:
            one.keep()

        assert len(came) == len(list((folder / "done").iterdir())) == len(names)

    def test_what_is_too_large_is_cut_one_byte_beyond(self, folder: Path, line: WatchedFolder):
        with (folder / "large.pdf").open("wb") as file:
            file.truncate(LARGEST * 3)
        written_at = time.time() - 60
        os.utime(folder / "large.pdf", (written_at, written_at))
        list(line.waiting())
        (delivered,) = line.waiting()

        assert len(delivered.files[0]) == LARGEST + 1

    def test_a_folder_that_is_away_is_looked_at_later(self, tmp_path: Path):
        with pytest.raises(Unavailable):
            list(WatchedFolder("fax", tmp_path / "away").waiting())


class TestMailbox:
    @pytest.fixture
    def mailbox(self, known: Certificates):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(known.files["certificate"], known.files["key"])
        with a_mailbox(context) as opened:
            yield opened

    def line(self, mailbox: StandInMailbox, known: Certificates | None, password: str = PASSWORD) -> WatchedMailbox:
        said = {"authority": known.files["authority"]} if known else {}
        where = Mailbox(
            host="127.0.0.1", port=mailbox.port, user=USER, password_setting="TRANSFER_FAX_PASSWORD", **said
        )
        return WatchedMailbox("fax", where, password)

    def test_attachments_are_taken_and_the_message_is_moved(self, mailbox: StandInMailbox, known: Certificates):
        body = a_pdf(2)
        mailbox.receives(a_message(body, b"II*\0 a fax"))

        for delivered in self.line(mailbox, known).waiting():
            assert delivered.files == (body, b"II*\0 a fax")
            delivered.keep()

        assert mailbox.folders["INBOX"] == []
        assert len(mailbox.folders["Done"]) == 1
        assert list(self.line(mailbox, known).waiting()) == []

    @pytest.mark.parametrize(
        "message",
        [
            a_message(),
            b"no message at all",
            b"",
            b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x",
            b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
            b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
            + b"--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" * 900,
        ],
        ids=["words alone", "bytes", "empty", "cut", "no base64", "deep"],
    )
    def test_what_brings_no_file_has_none_and_is_refused(
        self, mailbox: StandInMailbox, known: Certificates, message: bytes
    ):
        mailbox.receives(message, a_message(b"%PDF-1.4"))

        first, second = ((one, one.files) for one in self.line(mailbox, known).waiting())

        assert all(not file.startswith(b"%PDF") for file in first[1])
        assert second[1] == (b"%PDF-1.4",)

    @pytest.mark.parametrize(
        ("message", "words"),
        [
            (
                b"Subject: Re: w1\r\nIn-Reply-To: <w1@x>\r\n\r\nThe line was busy.",
                "Re: w1\n<w1@x>\n\nThe line was busy.",
            ),
            (b"", "\n\n\n"),
            (b"Content-Type: application/pdf\r\n\r\n%PDF", "\n\n"),
        ],
    )
    def test_the_words_of_a_message_are_read_without_its_files(
        self, mailbox: StandInMailbox, known: Certificates, message: bytes, words: str
    ):
        mailbox.receives(message)

        assert [one.words for one in self.line(mailbox, known).waiting()] == [words]

    def test_of_long_words_the_beginning_is_read(self, mailbox: StandInMailbox, known: Certificates):
        mailbox.receives(b"Subject: " + b"x" * 90_000 + b"\r\n\r\n" + b"y" * 90_000)

        (found,) = [one.words for one in self.line(mailbox, known).waiting()]

        assert len(found) <= MOST_LETTERS

    def test_refused_messages_lie_apart(self, mailbox: StandInMailbox, known: Certificates):
        mailbox.receives(a_message())
        for delivered in self.line(mailbox, known).waiting():
            delivered.refuse(WhyRefused.NO_PAPER)

        assert (mailbox.folders["INBOX"], len(mailbox.folders["Refused"])) == ([], 1)

    def test_a_message_that_cannot_be_copied_is_not_deleted(self, mailbox: StandInMailbox, known: Certificates):
        mailbox.receives(a_message(b"%PDF-1.4"))
        mailbox.copies = "NO"

        for delivered in self.line(mailbox, known).waiting():
            with pytest.raises(Unavailable):
                delivered.keep()

        assert len(mailbox.folders["INBOX"]) == 1

    def test_a_mailbox_of_an_authority_that_nobody_knows_gets_no_password(self, mailbox: StandInMailbox):
        with pytest.raises(Unavailable):
            list(self.line(mailbox, None).waiting())

    def test_a_wrong_password_is_told_without_it(self, mailbox: StandInMailbox, known: Certificates):
        with pytest.raises(Unavailable) as away:
            list(self.line(mailbox, known, "another").waiting())

        assert "another" not in str(away.value)
