"""Where settings come from, which one wins, and what a missing one says."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.remedies import Remedy, RemedyCode
from transfer.setting_values import Checksums, ProxyHeader
from transfer.settings import BadSetting, Settings, read, written


def settings_file(var: Path, text: str, *, mode: int = 0o600, name: str = "settings.env") -> None:
    var.mkdir(exist_ok=True)
    (var / name).write_text(text)
    (var / name).chmod(mode)


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path):
    settings_file(tmp_path, "TRANSFER_S3_REGION=eu-north-1\nTRANSFER_S3_BUCKET=from-file\n")

    settings = Settings.load({"TRANSFER_S3_BUCKET": "from-environment"}, tmp_path)

    assert settings.s3_bucket == "from-environment"
    assert settings.s3_region == "eu-north-1"
    assert settings.s3_checksums is Checksums.WHEN_REQUIRED
    assert not settings.tls_terminated


def test_an_empty_variable_is_as_good_as_none(tmp_path):
    assert Settings.load({"TRANSFER_S3_REGION": ""}, tmp_path).s3_region == "us-east-1"


def test_the_environment_says_which_folder_is_meant(tmp_path):
    settings_file(tmp_path, "TRANSFER_S3_BUCKET=there\n")

    settings = Settings.load({"TRANSFER_VAR": str(tmp_path)})

    assert settings.s3_bucket == "there"
    assert settings.keys == tmp_path / "keys"


def test_a_missing_setting_names_itself_and_the_remedy(tmp_path):
    with pytest.raises(BadSetting, match=r"TRANSFER_DATABASE_URL is not set\. It stands in") as error:
        _ = Settings.load({}, tmp_path).database_url

    assert error.value.remedy == Remedy(RemedyCode.START)


def test_the_owners_address_lies_in_a_file_of_its_own(tmp_path):
    settings_file(tmp_path, "TRANSFER_OWNER_DATABASE_URL=postgresql://owner@/\n", name="owner.env")

    settings = Settings.load({}, tmp_path)

    assert settings.owner_database_url == "postgresql://owner@/"
    assert "TRANSFER_OWNER_DATABASE_URL" not in settings.names


@pytest.mark.parametrize(
    "name",
    [
        "TRANSFER_S3_CHECKSUMS",
        "TRANSFER_TLS_TERMINATED",
        "TRANSFER_GATEWAY_HTTP",
        "TRANSFER_HEALTH",
        "TRANSFER_GRACE_SECONDS",
        "TRANSFER_CONNECTIONS_UNKNOWN",
        "TRANSFER_CONNECTIONS_PER_ADDRESS",
        "TRANSFER_CONNECTIONS_PER_INSTITUTION",
        "TRANSFER_PROXY_PROTOCOL",
        "TRANSFER_ZONE",
        "TRANSFER_S3_ADDRESSING",
        "TRANSFER_S3_CREDENTIALS",
        "TRANSFER_TAKES_CORROBORATED",
        "TRANSFER_AIRFLOW_RUN_DAYS",
        "TRANSFER_AIRFLOW_LOG_DAYS",
        "TRANSFER_BACKUP_HOURS",
        "TRANSFER_DISK_FREE_PERCENT",
        "TRANSFER_DESK_HTTP",
        "TRANSFER_KEYS_LISTEN",
        "TRANSFER_GATEWAY_HEALTH",
        "TRANSFER_DISPATCHER_HEALTH",
        "TRANSFER_DESK_HEALTH",
        "TRANSFER_DATABASE_URL",
        "TRANSFER_OWNER_DATABASE_URL",
        "TRANSFER_TEST_DATABASE_URL",
        "TRANSFER_S3_ENDPOINT",
        "TRANSFER_AIRFLOW_URL",
        "TRANSFER_PUBLIC_URL",
        "TRANSFER_DESK_URL",
        "TRANSFER_OIDC_ISSUER",
        "TRANSFER_OIDC_SCOPE",
        "TRANSFER_SMTP_URL",
        "TRANSFER_MAIL_FROM",
    ],
)
def test_a_value_it_cannot_have_is_refused_by_name_and_not_repeated(tmp_path, name):
    with pytest.raises(BadSetting, match=name) as caught:
        Settings.load({name: "zzmarker"}, tmp_path)

    assert "zzmarker" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRANSFER_S3_REGION", "two words"),
        ("TRANSFER_S3_REGION", "-1"),
        ("TRANSFER_S3_BUCKET", "two words"),
        ("TRANSFER_S3_ENDPOINT", "https://key:secret@store.test"),
        ("TRANSFER_S3_ENDPOINT", "https://store.test:99999"),
        ("TRANSFER_AIRFLOW_URL", "ftp://airflow.test"),
        ("TRANSFER_GATEWAY_HTTP", "127.0.0.1:0"),
        ("TRANSFER_HEALTH", "127.0.0.1:99999"),
        ("TRANSFER_DESK_URL", "https://desk.test:99999"),
        ("TRANSFER_KEYS", "https://keys.test:99999"),
        ("TRANSFER_SMTP_URL", "smtp://mail.test:99999"),
        ("TRANSFER_GRACE_SECONDS", "-1"),
        ("TRANSFER_GRACE_SECONDS", "9" * 5000),
        ("TRANSFER_BACKUP_HOURS", "0"),
        ("TRANSFER_DISK_FREE_PERCENT", "101"),
    ],
)
def test_a_value_that_looks_right_and_cannot_be_is_refused_too(tmp_path, name, value):
    with pytest.raises(BadSetting, match=name):
        Settings.load({name: value}, tmp_path)


def test_a_fax_service_is_a_domain_to_which_a_server_mails(tmp_path):
    mail = {"TRANSFER_SMTP_URL": "smtps://mail.test"}

    with pytest.raises(BadSetting, match="TRANSFER_FAX_DOMAIN is no domain"):
        Settings.load({**mail, "TRANSFER_FAX_DOMAIN": "@fax.test"}, tmp_path)
    with pytest.raises(BadSetting, match="Set TRANSFER_SMTP_URL, too"):
        Settings.load({"TRANSFER_FAX_DOMAIN": "fax.test"}, tmp_path)
    assert Settings.load({**mail, "TRANSFER_FAX_DOMAIN": "fax.test"}, tmp_path).names["TRANSFER_FAX_DOMAIN"]


@pytest.mark.parametrize("part", ["TELEPHONE", "FAX", "ADDRESS"])
def test_how_letters_are_answered_is_nothing_without_who_signs_them(tmp_path, part):
    said = {f"TRANSFER_LETTERS_{part}": "701-555-0143"}

    with pytest.raises(BadSetting, match="TRANSFER_LETTERS_NAME is not set, and"):
        Settings.load(said, tmp_path)
    assert Settings.load({**said, "TRANSFER_LETTERS_NAME": "Records"}, tmp_path).names


@pytest.mark.parametrize(
    "url",
    ["postgres://h/x", "postgresql://a:b@h1:1,h2:2/x?sslmode=verify-full", "host=/run/pg dbname=x password='a b'"],
)
def test_an_address_of_the_ledger_may_have_all_that_libpq_reads(tmp_path, url):
    assert Settings.load({"TRANSFER_DATABASE_URL": url}, tmp_path).database_url == url


@pytest.mark.parametrize("named", ["10.0.0.1/8", "10.0.0.0/99", "-proxy", "http://proxy", "proxy, 1.2.3"])
def test_what_is_no_proxy_is_refused_by_the_name_of_the_setting(tmp_path, named):
    with pytest.raises(BadSetting, match="TRANSFER_TRUSTED_PROXIES"):
        Settings.load({"TRANSFER_TRUSTED_PROXIES": named}, tmp_path)


def test_proxies_are_addresses_networks_and_names_and_speak_where_they_are_said_to(tmp_path):
    named = {"TRANSFER_TRUSTED_PROXIES": "192.0.2.9, 10.0.0.0/8,edge", "TRANSFER_PROXY_PROTOCOL": "mllp,http"}
    settings = Settings.load(named, tmp_path)

    assert settings.trusted_proxies == ("192.0.2.9", "10.0.0.0/8", "edge")
    assert settings.proxy_headers == {ProxyHeader.HTTP, ProxyHeader.MLLP}
    with pytest.raises(BadSetting, match="nobody is named"):
        Settings.load({"TRANSFER_PROXY_PROTOCOL": "mllp"}, tmp_path)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_others_can_read_is_refused(tmp_path, mode):
    settings_file(tmp_path, "A=1\n", mode=mode)

    with pytest.raises(BadSetting, match="chmod 600"):
        Settings.load({}, tmp_path)


def test_a_line_that_is_none_is_named_by_its_number_only(tmp_path):
    settings_file(tmp_path, "# fine\n\nA=1\nzzmarker\n")

    with pytest.raises(BadSetting, match="line 4") as caught:
        Settings.load({}, tmp_path)

    assert "zzmarker" not in str(caught.value)


def test_no_secret_shows_when_settings_are_printed(tmp_path):
    settings = Settings.load({"TRANSFER_S3_SECRET_KEY": "zzmarker", "SANDBOX_TOKEN": "zzmarker"}, tmp_path)

    assert "zzmarker" not in repr(settings)
    assert settings.names["SANDBOX_TOKEN"] == "zzmarker"


@pytest.mark.parametrize(("text", "address"), [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("[::1]:9000", ("::1", 9000))])
def test_the_doors_address_is_host_and_port(tmp_path, text, address):
    assert Settings.load({"TRANSFER_GATEWAY_HTTP": text}, tmp_path).gateway_http == address


def test_a_closing_slash_does_not_matter_in_an_address(tmp_path):
    settings = Settings.load({"TRANSFER_PUBLIC_URL": "https://t.test/", "TRANSFER_AIRFLOW_URL": "http://a/"}, tmp_path)

    assert settings.public_url == "https://t.test"
    assert settings.airflow_url == "http://a"


values = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]))


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]*", fullmatch=True), values, max_size=5))
def test_what_is_written_is_read_again(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("var") / "settings.env"
    path.touch(0o600)
    path.write_text(written(values), encoding="utf-8")

    assert read(path) == values


def test_a_value_of_two_lines_is_not_written():
    with pytest.raises(BadSetting, match="one line"):
        written({"A": "1\nB=2"})


def test_a_file_that_an_editor_of_windows_saved_is_read(tmp_path):
    settings_file(tmp_path, "")
    (tmp_path / "settings.env").write_bytes(b"\xef\xbb\xbfTRANSFER_S3_BUCKET=there\r\n")

    assert read(tmp_path / "settings.env") == {"TRANSFER_S3_BUCKET": "there"}


def test_a_file_of_settings_that_is_a_folder_or_no_text_is_named(tmp_path):
    (tmp_path / "folder.env").mkdir(mode=0o700)
    settings_file(tmp_path, "")
    (tmp_path / "settings.env").write_bytes(b"TRANSFER_X=\xfc\n")

    with pytest.raises(BadSetting, match=r"folder\.env cannot be read"):
        read(tmp_path / "folder.env")
    with pytest.raises(BadSetting, match=r"settings\.env cannot be read"):
        read(tmp_path / "settings.env")
