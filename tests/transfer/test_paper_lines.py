"""The reviewed file of lines: each is a folder or a mailbox, and a mistake names its place and repeats no value."""

from pathlib import Path

import pytest

from transfer.paper_lines import load


def said(tmp_path: Path, text: str):
    file = tmp_path / "incoming.yaml"
    file.write_text(text)
    return load(file)


def test_a_line_is_a_folder_or_a_mailbox(tmp_path: Path):
    found = said(
        tmp_path,
        "lines:\n  main-fax: {folder: /srv/fax}\n"
        "  branch: {mailbox: {host: mail.example, user: fax, password_setting: TRANSFER_FAX}}\n",
    )

    assert found.lines["main-fax"].folder == Path("/srv/fax")
    assert found.lines["branch"].mailbox.port == 993


@pytest.mark.parametrize(
    "text",
    [
        "lines: {a: {}}",
        "lines: {a: {folder: /x, mailbox: {host: h, user: u, password_setting: TRANSFER_FAX}}}",
        "lines: {upload: {folder: /x}}",
        "lines: {Main Fax: {folder: /x}}",
        "lines: {a: {mailbox: {host: h, user: u, password: secret}}}",
        "lines: {a: {mailbox: {host: h, user: u, password_setting: secret}}}",
        "lines: {a: {folder: /x, secret: 1}}",
        "no lines",
        "fax_reports: {mailbox: {host: h, user: u, password_setting: TRANSFER_FAX}, meanings: []}",
        "fax_reports: {mailbox: {host: h, user: u, password_setting: TRANSFER_FAX}, meanings: [{says: bu, means: /x}]}",
    ],
)
def test_a_mistake_is_told_and_no_value_repeated(tmp_path: Path, text: str):
    with pytest.raises(ValueError, match=r"incoming\.yaml") as mistake:
        said(tmp_path, text)

    assert "/x" not in str(mistake.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(ValueError, match="no such file"):
        load(tmp_path / "incoming.yaml")
