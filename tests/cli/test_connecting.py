"""`transfer institution new` and `check`: from nothing to a file that is right, without anything that runs."""

import errno
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.kit.loggers import handed_back
from transfer import institutions
from transfer.cli import main
from transfer.connecting.drafts import Way
from transfer.settings import read

Transfer = Callable[..., Result]
ID = "riverside-pathology"


@pytest.fixture(autouse=True)
def _loggers_are_handed_back() -> Iterator[None]:
    with handed_back():
        yield


@pytest.fixture
def transfer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Transfer:
    """Run the command where no installation is, and no other institution."""
    (tmp_path / "institutions").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRANSFER_INSTITUTIONS", str(tmp_path / "institutions"))
    monkeypatch.setenv("TRANSFER_VAR", str(tmp_path / "nothing"))
    monkeypatch.setenv("TRANSFER_PUBLIC_URL", "https://transfer.example")

    def run(*arguments: object) -> Result:
        result = CliRunner().invoke(main, [str(one) for one in arguments])
        assert result.exit_code != 70, result.stderr
        return result

    return run


@pytest.fixture(params=list(Way))
def way(request: pytest.FixtureRequest) -> Way:
    return Way(request.param)


def filled(folder: Path) -> Path:
    """As an engineer fills it in."""
    file, values = folder / f"{ID}.yaml", folder / f"{ID}.env"
    text = file.read_text().replace("urn:oid:REPLACE", "urn:oid:1.3.6.1.4.1.99999.1")
    text = text.replace("value: REPLACE", 'value: "2990000020"').replace("REPLACE", "RIVER")
    file.write_text(text.replace("555 555 01", "701 234 01"))
    values.write_text(values.read_text().replace("0" * 64, "ab" * 32).replace("REPLACE", "river"))
    return file


def mistakes(result: Result) -> list[dict[str, object]]:
    return list(json.loads(result.stdout)["mistakes"])


def line_of(file: Path, words: str) -> int:
    (number,) = [number for number, line in enumerate(file.read_text().splitlines(), 1) if words in line]
    return number


def test_a_draft_loads_and_the_check_names_each_placeholder_with_its_line(transfer: Transfer, tmp_path: Path, way: Way):
    assert transfer("institution", "new", ID, "--like", way).exit_code == 0
    file, values = tmp_path / ID / f"{ID}.yaml", tmp_path / ID / f"{ID}.env"
    loaded = institutions.load(tmp_path / ID, read(values))[ID]

    assert stat.S_IMODE(values.stat().st_mode) == 0o600
    assert [one.id for one in loaded.departments]

    result = transfer("institution", "check", file, "--json")
    told = {one["line"] for one in mistakes(result)}
    places = [one["place"] for one in mistakes(result)]
    assert len(places) == len(set(places))
    lines = file.read_text().splitlines()
    standing = {
        number for number, line in enumerate(lines, 1) if "REPLACE" in line and not line.strip().startswith("#")
    }
    assert result.exit_code == 1
    assert standing
    assert standing <= told


def test_what_is_filled_in_is_right(transfer: Transfer, tmp_path: Path, way: Way):
    transfer("institution", "new", ID, "--like", way)
    result = transfer("institution", "check", filled(tmp_path / ID))

    assert (result.exit_code, result.stdout) == (0, f"{ID}.yaml: right.\n")


def test_every_setting_of_a_draft_is_explained(transfer: Transfer, tmp_path: Path, way: Way):
    """A comment stands above each, or above the list that it is one of, or behind it."""
    transfer("institution", "new", ID, "--like", way)
    lines = (tmp_path / ID / f"{ID}.yaml").read_text().splitlines()
    top = [number for number, line in enumerate(lines) if line[:1].isalpha() and not line.startswith("departments")]

    known = ("default_issuer", "http_door")  # explained with what stands above them
    assert [lines[n] for n in top if not lines[n - 1].startswith("#") and not lines[n].startswith(known)] == []


def test_new_keeps_what_is_there_and_makes_the_sheets_of_it(transfer: Transfer, tmp_path: Path):
    transfer("institution", "new", ID, "--like", "mllp", "--zone", "America/Chicago")
    file = filled(tmp_path / ID)
    before = file.read_bytes()
    result = transfer("institution", "new", ID, "--like", "mllp", "--json")

    assert file.read_bytes() == before
    assert json.loads(result.stdout)["wrote"] == [
        f"{ID}-{sheet}.{ending}" for sheet in ("firewall", "interface") for ending in ("md", "html")
    ]
    assert "RIVER-FACILITY" in (tmp_path / ID / f"{ID}-interface.md").read_text()
    assert "| RIVER | not set yet: TRANSFER_GATEWAY_HTTP | 2575 |" in (tmp_path / ID / f"{ID}-firewall.md").read_text()


@pytest.mark.parametrize(
    ("way", "firewall", "interface"),
    [
        ("fhir", ("| this installation | river.example | 443 |", "| RIVER | transfer.example | 443 |"), ("_search",)),
        ("mllp", ("HL7 v2 over MLLP",), ("MSH-10", "| AR |", "RIVER-APPLICATION")),
        ("dicomweb", ("| this installation | river.example | 443 |",), ("multipart/related",)),
        ("dimse", ("| this installation | river.example | 2762 |", "1.2 or newer"), ("C-GET", "`TRANSFER`")),
        ("paper", ("None: they call nobody here.", "None: we call nobody"), ("by letter or telephone",)),
    ],
)
def test_the_sheets_say_who_calls_whom_and_what_is_sent(
    transfer: Transfer, tmp_path: Path, way: str, firewall: tuple[str, ...], interface: tuple[str, ...]
):
    transfer("institution", "new", ID, "--like", way)
    filled(tmp_path / ID)
    transfer("institution", "new", ID, "--like", way)

    for sheet, words in (("firewall", firewall), ("interface", interface)):
        text = (tmp_path / ID / f"{ID}-{sheet}.md").read_text()
        assert [one for one in words if one not in text] == []
        page = (tmp_path / ID / f"{ID}-{sheet}.html").read_text()
        assert page.count("<table>") == text.count("\n| --- |")
        assert "<script" not in page


def test_the_next_steps_are_said(transfer: Transfer):
    said = transfer("institution", "new", ID, "--like", "fhir").stdout

    assert "1. Fill in each REPLACE" in said
    assert f"transfer institution try {ID}" in said


@pytest.mark.parametrize(
    ("wrong", "right", "place", "remedy"),
    [
        ("sending_facilty: X", "sending_facility:", "mllp_door.sending_facilty", "is sending_facility meant?"),
        ("holds: [pathology]", "holds:", "departments.0.holds.0", "docs/connecting-an-institution.md"),
        ("time_zone: Mars/Base", "time_zone:", "time_zone", "docs/connecting-an-institution.md"),
        ("id: another", "id:", "id", "another.yaml"),
        ("grants: [reords]", "grants:", "grants.0", "docs/"),
        ("requires: ${RIVERSIDE_NOTHING}", "requires:", "requires", "settings.env"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_do(
    transfer: Transfer, tmp_path: Path, wrong: str, right: str, place: str, remedy: str
):
    transfer("institution", "new", ID, "--like", "mllp")
    file = filled(tmp_path / ID)
    lines = file.read_text().splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.strip().startswith(right)]
    lines[at] = lines[at][: len(lines[at]) - len(lines[at].lstrip())] + wrong
    file.write_text("\n".join(lines))
    found = {one["place"]: one for one in mistakes(transfer("institution", "check", file, "--json"))}

    assert found[place]["line"] == at + 1
    assert remedy in str(found[place]["remedy"])
    assert "Mars" not in json.dumps(found)


def test_a_file_that_is_no_yaml_says_its_line(transfer: Transfer, tmp_path: Path):
    (tmp_path / f"{ID}.yaml").write_text("id: a\nname: [\n")
    result = transfer("institution", "check", tmp_path / f"{ID}.yaml")

    assert (result.exit_code, "line 2" in result.stdout) == (1, True)


@pytest.mark.parametrize("text", ["", "[]", "3"])
def test_a_file_with_nothing_of_an_institution_in_it_says_so(transfer: Transfer, tmp_path: Path, text: str):
    (tmp_path / f"{ID}.yaml").write_text(text)
    result = transfer("institution", "check", tmp_path / f"{ID}.yaml")

    assert result.exit_code == 1
    assert "no institution stands in it" in result.stdout


def test_a_name_is_looked_for_among_the_files_of_the_installation(transfer: Transfer, tmp_path: Path):
    transfer("institution", "new", ID, "--like", "paper", "--out", tmp_path / "institutions")
    filled(tmp_path / "institutions")

    assert transfer("institution", "check", ID).exit_code == 0
    assert "no file" in transfer("institution", "check", "nobody").stderr


def test_what_another_institution_has_is_told(transfer: Transfer, tmp_path: Path):
    transfer("institution", "new", ID, "--like", "mllp")
    file = filled(tmp_path / ID)
    other = file.read_text().replace(f"id: {ID}", "id: prairie")
    (tmp_path / "institutions" / "prairie.yaml").write_text(other.replace("${RIVERSIDE_PATHOLOGY_MLLP_PORT}", "2575"))
    said = [str(one["what"]) for one in mistakes(transfer("institution", "check", file, "--json"))]

    assert [one for one in said if "name one mllp_door.port" in one]
    assert [one for one in said if one == "prairie has this number, too"]


def test_others_that_cannot_be_read_are_a_remark(transfer: Transfer, tmp_path: Path):
    transfer("institution", "new", ID, "--like", "paper")
    (tmp_path / "institutions" / "broken.yaml").write_text("id: broken\n")
    result = transfer("institution", "check", filled(tmp_path / ID))

    assert result.exit_code == 0
    assert "Not compared with the other institutions" in result.stdout


def a_certificate(path: Path, *, ends: datetime, key: ec.EllipticCurvePrivateKey | None = None) -> None:
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "river.example")])
    made = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key(), serial_number=1)
        .not_valid_before(ends - timedelta(days=365))
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))


@pytest.mark.parametrize(
    ("days", "says"),
    [(30, None), (-1, "its certificate ended on"), (None, "tls.authority names no file that is there")],
)
def test_certificates_are_read_and_must_not_have_ended(
    transfer: Transfer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int | None, says: str | None
):
    transfer("institution", "new", ID, "--like", "dimse")
    file = filled(tmp_path / ID)
    file.write_text(file.read_text().replace("      # tls: {", "      tls: {"))
    authority = tmp_path / "authority.pem"
    if days is not None:
        a_certificate(authority, ends=datetime.now(UTC) + timedelta(days=days))
    monkeypatch.setenv("RIVERSIDE_PATHOLOGY_AUTHORITY", str(authority))
    found = mistakes(transfer("institution", "check", file, "--json"))

    assert [str(one["what"]).startswith(says or "") for one in found] == ([True] if says else [])
    assert [one["line"] for one in found] == ([line_of(file, "tls: {")] if says else [])


def a_key(
    path: Path, sealed: serialization.KeySerializationEncryption, key: ec.EllipticCurvePrivateKey | None = None
) -> None:
    key = key or ec.generate_private_key(ec.SECP256R1())
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed))


def with_tls(transfer: Transfer, tmp_path: Path, **files: object) -> list[dict[str, object]]:
    """What the check says of a file with these under `tls`."""
    transfer("institution", "new", ID, "--like", "dimse")
    file = filled(tmp_path / ID)
    said = ", ".join(f'{name}: "{path}"' for name, path in files.items())
    file.write_text(re.sub("      # tls: {.*", f"      tls: {{{said}}}", file.read_text()))
    return mistakes(transfer("institution", "check", file, "--json"))


def test_a_key_with_a_passphrase_is_told_and_nobody_is_asked_for_it(transfer: Transfer, tmp_path: Path):
    a_certificate(tmp_path / "ours.pem", ends=datetime.now(UTC) + timedelta(days=30))
    a_key(tmp_path / "key.pem", serialization.BestAvailableEncryption(b"secret"))
    (found,) = with_tls(transfer, tmp_path, certificate=tmp_path / "ours.pem", key=tmp_path / "key.pem")

    assert "has a passphrase" in str(found["what"])


def test_nothing_waits_at_a_pipe(transfer: Transfer, tmp_path: Path):
    os.mkfifo(tmp_path / "authority.pem")
    (found,) = with_tls(transfer, tmp_path, authority=tmp_path / "authority.pem")
    assert "names no file" in str(found["what"])

    (tmp_path / ID / f"{ID}.env").unlink()
    os.mkfifo(tmp_path / ID / f"{ID}.env", 0o600)
    result = transfer("institution", "check", tmp_path / ID / f"{ID}.yaml")
    assert (result.exit_code, "cannot be read" in result.stderr) == (2, True)


def test_doors_are_tried_where_the_file_is_right(transfer: Transfer, tmp_path: Path):
    transfer("institution", "new", ID, "--like", "dicomweb")
    file, values = tmp_path / ID / f"{ID}.yaml", tmp_path / ID / f"{ID}.env"
    unfilled = transfer("institution", "check", file, "--doors", "--json")
    filled(tmp_path / ID)
    values.write_text(re.sub("https://river.example", "http://127.0.0.1:9", values.read_text()))
    result = transfer("institution", "check", file, "--doors")

    assert json.loads(unfilled.stdout)["doors"] == []
    assert result.exit_code == 1
    assert "film-room" in result.stdout
    assert "the port is closed" in result.stdout


def put_wrong(folder: Path, ending: str, right: str, wrong: str) -> Path:
    """The filled file, after somebody edited one place of it or of its settings."""
    file = filled(folder)
    edited = file.with_suffix(ending)
    text = edited.read_text()
    assert text.count(right) == 1
    edited.write_text(text.replace(right, wrong))
    return file


@pytest.mark.parametrize(
    ("way", "right", "wrong", "what"),
    [
        ("fhir", "    holds:", "\tholds:", "a tab: indent with spaces"),
        ("fhir", "    usual_days: 2", "   usual_days: 2", "did not find expected"),
        ("fhir", "codes: {}", "codes: {}\nrequires: treatment", "a key that stands twice"),
        ("fhir", "${RIVERSIDE_PATHOLOGY_FHIR_TOKEN}", "s3cr3t", "a secret stands in the file"),
        ("dicomweb", "${RIVERSIDE_PATHOLOGY_DICOMWEB_TOKEN}", "s3cr3t", "a secret stands in the file"),
        ("fhir", "${RIVERSIDE_PATHOLOGY_FHIR_TOKEN}", "${riverside_token}", "names no setting"),
        ("fhir", "${RIVERSIDE_PATHOLOGY_FHIR_TOKEN}", "$RIVERSIDE_PATHOLOGY_FHIR_TOKEN", "names no setting"),
        ("fhir", "id: records-office", "id: Records-Office", "lower-case letters"),
        ("fhir", "usual_days: 2", "usual_days: 999999999999", "less than or equal to 366"),
        ("fhir", "usual_days: 2", "usual_days: -1", "greater than or equal to 1"),
        ("fhir", 'value: "2990000020"', "value: 2990000020", "it has to be text"),
        ("fhir", 'value: "2990000020"', 'value: "2990000021"', "no NPI"),
        ("fhir", "name: RIVER", "name: no", "it has to be text"),
        ("fhir", "name: RIVER", 'name: " "', "no name that people can read"),
        ("fhir", "name: RIVER", 'name: "River\\nside"', "no name that people can read"),
        ("fhir", "name: Medical records", f"name: {'r' * 121}", "no name that people can read"),
        ("fhir", "by: fhir", "by: FHIR", "by says no way of asking"),
        ("fhir", "grants: [answers]", "grants: answers", "it has to be a list"),
        ("fhir", "default_issuer: urn:oid:1.3.6.1.4.1.99999.1", "default_issuer: MRN", "an issuer is a URI"),
        ("fhir", "default_issuer: urn:oid:1.3.6.1.4.1.99999.1", "default_issuer: urn:oid:1.x", "an issuer is a URI"),
        ("mllp", 'RIVER-MRN: "urn:oid:1.3.6.1.4.1.99999.1"', "RIVER-MRN: MRN", "an issuer is a URI"),
        ("mllp", '"LN|11529-5": pathology-report', '"11529-5": pathology-report', "a code is written system|code"),
        ("mllp", "application: RIVER-APPLICATION", 'application: "RIVER|LIS"', "one field of MSH"),
        ("mllp", "port: ${RIVERSIDE_PATHOLOGY_MLLP_PORT}", "port: 0", "a port is 1 to 65535"),
        (
            "fhir",
            "token: ${RIVERSIDE_PATHOLOGY_FHIR_TOKEN}",
            "token: s3cr3t${RIVERSIDE_PATHOLOGY_FHIR_TOKEN}",
            "a secret",
        ),
    ],
)
def test_what_was_edited_wrongly_is_named_with_its_line(
    transfer: Transfer, tmp_path: Path, way: str, right: str, wrong: str, what: str
):
    transfer("institution", "new", ID, "--like", way)
    file = put_wrong(tmp_path / ID, ".yaml", right, wrong)
    result = transfer("institution", "check", file, "--json")
    (found,) = mistakes(result)

    assert (result.exit_code, what in str(found["what"])) == (1, True)
    assert found["line"] == line_of(file, wrong.split("\n")[-1])
    assert found["remedy"]
    assert "s3cr3t" not in result.output


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ("river.example/fhir", "begins with https://"),
        ('"https://river.example/fhir"', "stands in quotes"),
        ("'https://river.example/fhir'", "stands in quotes"),
        ("https://river.example/fhir ", "begins or ends with a space"),
        ("https://river.example/fh ir", "no spaces"),
        ("https://river.example:99999/fhir", "a port is 1 to 65535"),
        ("https://river.example:0/fhir", "a port is 1 to 65535"),
        ("https://[river/fhir", "a port is 1 to 65535"),
        ("https://us:s3cr3t@river.example/fhir", "no user and no password"),
        ("https://river.example/fhir?_format=json", "no ? and no #"),
        ("http://river.example/fhir", "plain text"),
        ("https://river..example/fhir", "neither a name nor an IP address"),
        ("https://-river.example/fhir", "neither a name nor an IP address"),
        (f"https://{'r' * 64}.example/fhir", "neither a name nor an IP address"),
        ("https://192.0.2.256/fhir", "neither a name nor an IP address"),
        ("https://there\\fhir", "neither a name nor an IP address"),
        ("https://there/../fhir", "no dots to climb by"),
    ],
)
def test_an_address_that_is_none_is_told_and_not_repeated(transfer: Transfer, tmp_path: Path, wrong: str, what: str):
    transfer("institution", "new", ID, "--like", "fhir")
    file = put_wrong(tmp_path / ID, ".env", "https://river.example/fhir", wrong)
    result = transfer("institution", "check", file, "--json")
    (found,) = mistakes(result)

    assert what in str(found["what"])
    assert "river.example" not in result.output
    assert "s3cr3t" not in result.output


def test_tokens_by_plain_text_are_refused_as_records_are(transfer: Transfer, tmp_path: Path):
    transfer("institution", "new", ID, "--like", "fhir")
    smart = "smart: {client_id: us, token_url: 'http://river.example/token'}"
    file = put_wrong(tmp_path / ID, ".yaml", "token: ${RIVERSIDE_PATHOLOGY_FHIR_TOKEN}", smart)
    (found,) = mistakes(transfer("institution", "check", file, "--json"))

    assert "tokens would travel in plain text" in str(found["what"])


def test_a_bearer_token_is_what_stands_behind_the_word(transfer: Transfer, tmp_path: Path):
    transfer("institution", "new", ID, "--like", "fhir")
    file = put_wrong(tmp_path / ID, ".env", "FHIR_TOKEN=river", "FHIR_TOKEN=Bearer s3cr3t")
    result = transfer("institution", "check", file, "--json")

    assert "no Bearer before it" in str(mistakes(result)[0]["what"])
    assert "s3cr3t" not in result.output


def test_two_departments_of_one_id_are_told(transfer: Transfer, tmp_path: Path):
    transfer("institution", "new", ID, "--like", "paper")
    file = filled(tmp_path / ID)
    file.write_text(file.read_text() + "  - {id: records-office, name: B, holds: [images], asked: {by: hand}}\n")
    (found,) = mistakes(transfer("institution", "check", file, "--json"))

    assert "two departments have one id" in str(found["what"])


@pytest.mark.parametrize("printed", ["sha256 Fingerprint=" + ":".join(["AB"] * 32), "ab" * 32 + "  -"])
def test_a_digest_may_stand_as_the_command_of_the_draft_prints_it(transfer: Transfer, tmp_path: Path, printed: str):
    transfer("institution", "new", ID, "--like", "mllp")
    file = put_wrong(tmp_path / ID, ".env", "ab" * 32, printed)

    assert transfer("institution", "check", file).exit_code == 0


def test_text_that_is_not_utf_8_is_told(transfer: Transfer, tmp_path: Path):
    (tmp_path / f"{ID}.yaml").write_bytes("name: Zürich".encode("latin-1"))
    (found,) = mistakes(transfer("institution", "check", tmp_path / f"{ID}.yaml", "--json"))

    assert (found["what"], "UTF-8" in str(found["remedy"])) == ("not text in UTF-8", True)


@pytest.mark.parametrize("ending", [".yaml", ".env", "-firewall.md"])
def test_a_folder_where_a_file_should_be_is_named(transfer: Transfer, tmp_path: Path, ending: str):
    (tmp_path / ID / f"{ID}{ending}").mkdir(parents=True)
    result = transfer("institution", "new", ID, "--like", "fhir")

    assert result.exit_code in (1, 2)
    assert f"{ID}{ending}" in result.stderr


def test_a_disk_that_is_full_leaves_no_half_file_that_would_be_kept(
    transfer: Transfer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        result = transfer("institution", "new", ID, "--like", "fhir")
    assert (result.exit_code, "No space left" in result.stderr) == (1, True)

    assert transfer("institution", "new", ID, "--like", "fhir").exit_code == 0
    assert (tmp_path / ID / f"{ID}.env").stat().st_size


@pytest.mark.parametrize(("name", "value"), [("TRANSFER_DESK_HTTP", "127.0.0.1:6661"), ("TRANSFER_STORE_PORT", "6661")])
def test_a_port_that_the_installation_has_itself_is_told(
    transfer: Transfer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    monkeypatch.setenv(name, value)
    transfer("institution", "new", ID, "--like", "mllp")
    file = put_wrong(tmp_path / ID, ".env", "MLLP_PORT=2575", "MLLP_PORT=6661")
    (found,) = mistakes(transfer("institution", "check", file, "--json"))

    assert found["what"] == f"{name} has this port, too"
    assert found["line"] == line_of(file, "port: ${")


@pytest.mark.parametrize("said", ["192.0.2.17/28", "192.0.2.300", "river.example", "192.0.2.1-192.0.2.9"])
def test_an_address_of_a_sender_is_told_in_words(transfer: Transfer, tmp_path: Path, said: str):
    transfer("institution", "new", ID, "--like", "mllp")
    file = filled(tmp_path / ID)
    file.write_text(re.sub("  certificates: .*", f'  addresses: ["{said}"]', file.read_text()))
    (found,) = mistakes(transfer("institution", "check", file, "--json"))

    assert (found["place"], found["line"]) == ("mllp_door.addresses", line_of(file, "  addresses: ["))
    assert "192.0.2.0/28" in str(found["what"])


def test_of_a_setting_that_is_not_there_nothing_else_is_told(transfer: Transfer, tmp_path: Path):
    transfer("institution", "new", ID, "--like", "fhir")
    file = filled(tmp_path / ID)
    file.with_suffix(".env").unlink()
    found = mistakes(transfer("institution", "check", file, "--json"))

    assert len(found) == 3
    assert all("is not set" in str(one["what"]) for one in found)


def test_a_place_is_named_by_the_keys_that_stand_in_the_file(transfer: Transfer, tmp_path: Path):
    transfer("institution", "new", ID, "--like", "dimse")
    file = filled(tmp_path / ID)
    file.write_text(re.sub("port: .*", "port: 0", file.read_text()))
    (found,) = mistakes(transfer("institution", "check", file, "--json"))

    assert found["place"] == "departments.0.asked.port"


def test_a_file_that_would_not_be_read_in_its_place_is_told(transfer: Transfer, tmp_path: Path):
    transfer("institution", "new", ID, "--like", "paper")
    file = filled(tmp_path / ID)
    result = transfer("institution", "check", file.rename(file.with_suffix(".yml")), "--json")

    assert "not named by its id" in str(mistakes(result)[0]["what"])


def test_a_certificate_that_has_not_begun_and_a_file_of_no_certain_place_are_told(transfer: Transfer, tmp_path: Path):
    key = ec.generate_private_key(ec.SECP256R1())
    a_certificate(tmp_path / "ours.pem", ends=datetime.now(UTC) + timedelta(days=400), key=key)
    a_key(tmp_path / "key.pem", serialization.NoEncryption(), key=key)
    found = with_tls(transfer, tmp_path, certificate="ours.pem", key=tmp_path / "key.pem")

    assert ["not the whole name" in str(one["what"]) for one in found] == [True, False]
    assert "its certificate begins on" in str(found[1]["what"])


@pytest.mark.parametrize("name", ["Riverside", "river_side", "1river", "r" * 41])
def test_a_name_that_cannot_be_one_says_how_one_is_written(transfer: Transfer, name: str):
    result = transfer("institution", "new", name, "--like", "paper")

    assert (result.exit_code, "lower-case letters, digits and dashes" in result.stderr) == (2, True)
    assert "of ours" not in result.stderr


def test_the_command_that_makes_the_sheets_anew_is_said_whole(transfer: Transfer):
    (step,) = transfer("institution", "new", ID, "--like", "mllp", "--out", "there").stdout.splitlines()[2:3]

    assert f"`transfer institution new {ID} --like mllp --out there`" in step


def test_files_that_are_not_read_are_named(transfer: Transfer, tmp_path: Path):
    (tmp_path / "institutions" / f"{ID}.yml").touch()

    assert f"{ID}.yml" in transfer("institution", "check").stderr
