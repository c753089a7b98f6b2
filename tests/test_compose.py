"""The production shape holds together: what its files name is there, and they say what the code says."""

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from transfer.adapters import mutual_tls
from transfer.embedded.airflow import Airflow
from transfer.settings import Settings

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docker-compose.yaml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
#: another's image, for trying things out: it is not guarded as what patients' data goes through
STAND_INS = {"orthanc", "hapi-fhir"}
GUARDED = {name: one for name, one in SERVICES.items() if name not in STAND_INS}
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def _loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "deploy" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_key_certificates = _loaded("make_key_certificates")
make_secrets = _loaded("make_secrets")
pin_digests = _loaded("pin_digests")
sandbox = _loaded("sandbox")


class _Overrides(yaml.SafeLoader):
    """Knows what an override may say beside plain YAML: https://docs.docker.com/reference/compose-file/merge"""


_Overrides.add_constructor("!reset", lambda loader, node: None)
_Overrides.add_constructor("!override", lambda loader, node: loader.construct_sequence(node))
OVERRIDES = {
    path.name: yaml.load(path.read_text(), _Overrides)  # noqa: S506 - a safe loader
    for path in sorted((ROOT / "deploy").glob("compose.*.yaml"))
}
TEXTS = [TEXT, *(path.read_text() for path in sorted((ROOT / "deploy").glob("compose.*.yaml")))]


def _names(entries: list[object], key: str) -> set[str]:
    return {entry[key] if isinstance(entry, dict) else str(entry) for entry in entries}


def _volumes(service: dict[str, list[str]]) -> set[str]:
    """The volumes by name where no variable of the host is set; folders of the host are left out."""
    plain = [re.sub(r"\$\{\w+:-(.*?)\}", r"\1", volume) for volume in service.get("volumes", [])]
    return {volume.partition(":")[0] for volume in plain if volume[0] != "."}


def _environment(service: str) -> dict[str, str]:
    """A service's environment where no variable of the host is set."""
    return {k: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", v) for k, v in SERVICES[service]["environment"].items()}


def test_every_variable_has_a_default_and_is_explained():
    variables = re.findall(r"(?<!\$)\$\{(\w+)(:-[^}]*)?\}", "".join(TEXTS))

    assert variables
    assert [name for name, default in variables if not default] == []
    assert {name for name, _ in variables if f"`{name}`" not in OPERATIONS} == set()


def test_what_a_service_waits_for_and_uses_is_there():
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", {})) <= set(SERVICES), name
        assert _names(service.get("secrets", []), "source") <= set(COMPOSE["secrets"]), name
        assert set(service.get("networks", [])) <= set(COMPOSE["networks"]), name
        assert _volumes(service) <= set(COMPOSE["volumes"]), name


def test_nothing_is_declared_that_nobody_uses():
    used = {name for service in SERVICES.values() for name in _names(service.get("secrets", []), "source")}
    mounted = {name for service in SERVICES.values() for name in _volumes(service)}

    assert used == set(COMPOSE["secrets"])
    assert set(COMPOSE["volumes"]) <= mounted


def test_who_waits_for_health_waits_for_a_service_that_tells_it():
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            is_told = "test" in SERVICES[name].get("healthcheck", {})
            assert is_told or how["condition"] != "service_healthy", name


def test_every_service_that_stays_says_how_it_is():
    """`up --wait` ends with an error where a check is disabled; HAPI's image has nothing to check with."""
    silent = {name for name, one in SERVICES.items() if one.get("restart") != "no" and "healthcheck" not in one}

    assert silent == {"hapi-fhir"}
    assert [name for name, one in SERVICES.items() if "disable" in one.get("healthcheck", {})] == []


def test_nothing_is_published_but_by_the_edge():
    """A published port cannot be two containers', and `--scale gateway=2` is to work as it stands."""
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["edge"]
    assert SERVICES["edge"]["profiles"] == ["edge"]


def test_whatever_is_published_is_on_loopback_until_somebody_says_otherwise():
    services = [SERVICES, *(one["services"] for one in OVERRIDES.values())]
    ports = [port for these in services for one in these.values() for port in (one or {}).get("ports", [])]

    assert len(ports) == 4
    assert all(re.match(r"\$\{(EDGE|MLLP|DOORS)_ADDRESS:-127\.0\.0\.1\}:", port) for port in ports)


def test_an_override_changes_only_services_that_are_there():
    names = ("keys", "mllp", "outside", "prometheus", "tls")
    assert set(OVERRIDES) == {f"compose.{name}.yaml" for name in names}
    more = {file: set(one["services"]) - set(SERVICES) for file, one in OVERRIDES.items()}
    assert {file: names for file, names in more.items() if names} == {
        "compose.keys.yaml": {"keys", "keys-prepare"},
        "compose.prometheus.yaml": {"prometheus"},
    }


def test_with_a_key_service_it_alone_has_keys_on_its_disk_and_whoever_had_them_asks_it():
    changed = OVERRIDES["compose.keys.yaml"]["services"]
    kept_before = {name for name, one in SERVICES.items() if _volumes(one) & {"keys", "keys-copy"}}
    askers = {name for name, one in changed.items() if one["environment"].get("TRANSFER_KEYS", "")[:8] == "https://"}

    assert askers == kept_before | {"keys-prepare"}
    assert [name for name, one in changed.items() if _volumes(one) & {"keys", "keys-copy"}] == ["keys"]
    for name in kept_before:  # all else it had is kept
        assert _volumes(changed[name]) == _volumes(SERVICES[name]) - {"keys", "keys-copy"}, name
        assert changed[name]["environment"]["TRANSFER_KEYS_COPY"] == ""
    begun = {name for name, one in changed.items() if "keys-prepare" in one.get("depends_on", {})}
    assert begun == kept_before - {"backup"}


@pytest.mark.parametrize("service", ["keys", "keys-prepare"])
def test_what_an_override_adds_is_guarded_and_bounded(service: str):
    one = OVERRIDES["compose.keys.yaml"]["services"][service]

    for name in ("cap_drop", "security_opt", "read_only", "logging", "init", "image"):
        assert one[name] == SERVICES["dispatcher"][name], name
    assert one["pids_limit"] and one["mem_limit"] and one["cpus"]
    assert set(one["networks"]) - {"inside"} == ({"institutions"} if service == "keys-prepare" else set())
    assert "ports" not in one


def test_what_scrapes_is_guarded_and_bounded_and_reaches_nobody_outside():
    one = OVERRIDES["compose.prometheus.yaml"]["services"]["prometheus"]

    for name in ("cap_drop", "security_opt", "read_only", "logging", "restart"):
        assert one[name] == SERVICES["dispatcher"][name], name
    assert one["pids_limit"] and one["mem_limit"] and one["cpus"]
    assert one["networks"] == ["inside"]
    assert "ports" not in one


def test_the_key_service_and_its_askers_know_each_other_by_what_is_drawn_for_them(tmp_path: Path):
    make_key_certificates.draw(tmp_path, ["keys.example.org"])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(make_key_certificates.FILES)
    handed_out = OVERRIDES["compose.keys.yaml"]["secrets"].values()
    assert {one["file"].removeprefix("deploy/secrets/") for one in handed_out} == set(make_key_certificates.FILES)
    files = {side: [tmp_path / f"{side}.{end}" for end in ("pem", "key")] for side in make_key_certificates.SIDES}
    authority = tmp_path / make_key_certificates.AUTHORITY
    sides = [mutual_tls.context((*files[side], authority), is_server=side == "keys_service") for side in files]
    for name in ("keys", "keys.example.org"):
        assert _shake_hands(*sides, name) == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        _shake_hands(*sides, "doors.example.org")
    with pytest.raises(ssl.SSLCertVerificationError):  # one who asks cannot stand in for the service
        _shake_hands(mutual_tls.context((*files["keys_asker"], authority), is_server=True), sides[1], "asker")


def _shake_hands(service: ssl.SSLContext, asker: ssl.SSLContext, name: str) -> str | None:
    to_service, to_asker = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = service.wrap_bio(to_service, to_asker, server_side=True)
    here = asker.wrap_bio(to_asker, to_service, server_hostname=name)
    for _ in range(4):
        for side in (here, there):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return there.version()


def test_with_an_outside_database_every_service_of_ours_gets_a_way_out():
    ours = {name for name, one in GUARDED.items() if "TRANSFER_S3_BUCKET" in one.get("environment", {})}
    given = {name for name, one in OVERRIDES["compose.outside.yaml"]["services"].items() if "networks" in one}

    assert given == ours


@pytest.mark.parametrize("service", GUARDED)
def test_what_patients_data_goes_through_is_guarded_and_bounded(service: str):
    one = GUARDED[service]

    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["read_only"] is True
    assert one["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert one["pids_limit"] and one["mem_limit"] and one["cpus"]
    assert all("size=" in place for place in one["tmpfs"] if "/var/lib/" in place)


def test_one_service_builds_the_image_and_the_others_name_it():
    ours = [name for name, one in SERVICES.items() if one["image"].startswith("records-transfer:")]

    assert [name for name, one in SERVICES.items() if "build" in one] == ["prepare"]
    assert len(ours) == 13


def test_no_check_of_health_starts_a_command_line():
    """Airflow's, Celery's and ours take seconds of a processor, and a check is run for ever."""
    for name, one in SERVICES.items():
        asked = " ".join(one.get("healthcheck", {}).get("test", []))
        assert not re.search(r"\b(airflow jobs|celery|transfer)\b(?!\.probe)", asked.partition("/")[0]), name


def test_the_edge_is_named_among_the_proxies_and_bounds_what_it_bears_of_anybody():
    assert SERVICES["gateway"]["environment"]["TRANSFER_TRUSTED_PROXIES"] == "edge"
    caddy = (ROOT / "deploy" / "Caddyfile").read_text()
    assert re.search(r"servers \{\s+timeouts \{\s+read_header 10s\s+idle 30s\s+\}\s+max_header_size 16KB", caddy)
    assert "trusted_proxies" not in caddy, "the edge would pass on what callers write into X-Forwarded-For"


def test_the_desk_is_reached_by_the_edge_alone_and_reaches_no_institution():
    on_people = {name for name, one in SERVICES.items() if "people" in one.get("networks", [])}

    assert on_people == {"desk", "edge", "airflow-api-server"}
    assert SERVICES["desk"]["networks"] == ["inside", "people"]
    assert SERVICES["desk"]["environment"]["TRANSFER_TRUSTED_PROXIES"] == "edge"


def test_stores_have_no_way_out():
    assert COMPOSE["networks"]["inside"]["internal"]
    assert all(SERVICES[name]["networks"] == ["inside"] for name in ("postgres", "store", "redis"))


def test_every_setting_is_one_the_code_knows():
    code = (path.read_text() for path in (ROOT / "transfer").rglob("*.py"))
    known = {name for text in code for name in re.findall(r"\"(TRANSFER_[A-Z0-9_]+)\"", text)}
    written = [*TEXTS, (ROOT / "Dockerfile").read_text(), (ROOT / "deploy" / "make_secrets.py").read_text()]

    assert {name for text in written for name in re.findall(r"TRANSFER_[A-Z0-9_]+", text)} <= known


def test_every_secret_handed_out_is_drawn():
    drawn = make_secrets.draw()

    assert {secret["file"].removeprefix("deploy/secrets/") for secret in COMPOSE["secrets"].values()} == set(drawn)
    assert drawn["owner.env"] != make_secrets.draw()["owner.env"]


def test_no_service_but_preparation_and_backup_is_given_the_owner_of_the_ledger():
    given = {name for name, one in SERVICES.items() if "owner" in _names(one.get("secrets", []), "source")}

    assert given == {"prepare", "backup"}


@pytest.mark.parametrize("service", ["gateway", "airflow-worker", "dispatcher", "desk", "prepare", "backup"])
def test_what_a_service_is_given_is_all_it_needs(service: str, tmp_path: Path):
    drawn = make_secrets.draw()
    for secret in SERVICES[service]["secrets"]:
        if isinstance(secret, dict):
            name = COMPOSE["secrets"][secret["source"]]["file"].rpartition("/")[2]
            path = tmp_path / Path(secret["target"]).name
            path.write_text(drawn[name])
            path.chmod(0o400)

    settings = Settings.load(_environment(service), tmp_path)

    assert settings.database_url.startswith("postgresql://transfer_app:")
    if service == "dispatcher":
        assert settings.airflow_url and settings.airflow_password
    else:
        assert settings.s3_endpoint and settings.s3_secret_key and settings.s3_bucket
    if service == "gateway":
        assert settings.gateway_http == ("0.0.0.0", 8080)  # noqa: S104 - within its network
    if service == "desk":
        assert settings.desk_http == ("0.0.0.0", 8080)  # noqa: S104 - within its networks
        assert (settings.desk_url, settings.oidc_issuer) == ("https://desk.localhost", None)
    if service in ("prepare", "backup"):
        assert settings.owner_database_url.startswith("postgresql://transfer_owner:")


def test_the_institutions_of_the_sandbox_can_be_read_with_what_is_drawn(tmp_path: Path):
    from transfer import institutions

    (tmp_path / "settings.env").write_text(make_secrets.draw()["settings.env"])
    (tmp_path / "settings.env").chmod(0o400)

    known = institutions.load(ROOT / "institutions", Settings.load({}, tmp_path).names)

    assert known["prairie-pathology"].mllp_door.port == 2575


def test_its_airflow_is_configured_as_the_embedded_one(tmp_path: Path):
    """Where they differ on purpose, the reason is the shape: many hosts, another executor, secrets in files."""
    for_many_hosts = {
        *("AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__CORE__PLUGINS_FOLDER", "AIRFLOW__CORE__EXECUTOR"),
        *("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__CORE__PARALLELISM"),
        *("AIRFLOW__API__SECRET_KEY", "AIRFLOW__API__HOST", "AIRFLOW__API__PORT", "AIRFLOW__API__BASE_URL"),
        *("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"),
        # who may read the files of a shared volume, and how soon a new DAG file is seen, is the image's affair
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL",
    }
    embedded = Airflow(tmp_path, port=1, database_url="postgresql://a:b@/airflow?host=x", settings={}).environment()
    ours = {name: value for name, value in embedded.items() if name.startswith("AIRFLOW__")}
    theirs = COMPOSE["x-airflow"]

    assert {k: theirs.get(k) for k in ours.keys() - for_many_hosts} == {
        k: v for k, v in ours.items() if k not in for_many_hosts
    }


#: what the scheduler loads, and what `airflow celery worker` and `celery --app` load
_EXECUTOR = """
from airflow.executors.executor_loader import ExecutorLoader
from celery.app.backends import by_url
from airflow.providers.celery.cli import celery_command
from airflow.providers.celery.executors.celery_executor import app

print(type(ExecutorLoader.get_default_executor()).__name__, app.connection_for_write().transport.driver_type,
      by_url(app.conf.result_backend)[0].__name__)
"""


@pytest.mark.parametrize("service", ["airflow-scheduler", "airflow-worker"])
def test_the_executor_can_be_loaded_as_the_scheduler_and_the_workers_load_it(service: str, tmp_path: Path):
    """Airflow, its Celery provider and Celery are pinned one by one, and not every Celery imports with the provider."""
    drawn = make_secrets.draw()
    for name in _names(SERVICES[service]["secrets"], "source"):
        file = COMPOSE["secrets"][name]["file"].rpartition("/")[2]
        (tmp_path / name).write_text(drawn[file])
    secrets = {k: v.replace("/run/secrets", str(tmp_path)) for k, v in _environment(service).items()}
    environment = {**secrets, "AIRFLOW_HOME": str(tmp_path), "PATH": os.environ["PATH"]}

    done = subprocess.run([sys.executable, "-c", _EXECUTOR], env=environment, capture_output=True, text=True)

    assert done.stdout.splitlines()[-1:] == ["CeleryExecutor redis DatabaseBackend"], done.stderr[-2000:]


def test_every_file_the_image_copies_is_let_in():
    let_in = [
        line[1:].partition("/")[0] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    ]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert {word.partition("/")[0] for line in copied for word in line.split()} == set(let_in)


def test_no_secret_can_be_committed():
    assert (ROOT / "deploy" / "secrets" / ".gitignore").read_text().split() == ["*", "!.gitignore"]


def test_the_image_does_not_run_as_root():
    users = re.findall(r"^USER (\d+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert users == [str(make_secrets.OURS)]
    assert os.path.isabs(COMPOSE["services"]["gateway"]["secrets"][0]["target"])  # noqa: PTH117 - a path in a container


def test_the_table_of_settings_is_the_code_s():
    code = [path.read_text() for folder in ("transfer", "plugins") for path in (ROOT / folder).rglob("*.py")]
    read = {name for text in code for name in re.findall(r"\"(TRANSFER_[A-Z0-9_]+)\"", text)}
    table = set(re.findall(r"^\| `(TRANSFER_[A-Z0-9_]+)`", OPERATIONS, re.MULTILINE))

    assert table == read


def test_what_reaches_the_sandboxes_container_is_handed_on_both_ways_to_its_end():
    async def upper_case(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())  # read to its end: a half-closed connection must pass too
        writer.close()

    async def through() -> bytes:
        async with await asyncio.start_server(upper_case, "127.0.0.1", 0) as institution:
            to = institution.sockets[0].getsockname()
            async with await sandbox.forward(("127.0.0.1", 0), to) as front:
                reader, writer = await asyncio.open_connection(*front.sockets[0].getsockname())
                writer.write(b"x" * 300_000)
                writer.write_eof()
                answer = await reader.read()
                writer.close()
                return answer

    assert asyncio.run(asyncio.wait_for(through(), 10)) == b"X" * 300_000


def test_an_image_is_pinned_by_the_digest_of_its_own_repository():
    digest = "sha256:" + "a" * 64

    assert pin_digests.pinned("caddy:2.10.2", [f"mirror/caddy@sha256:b, caddy@{digest}", f"caddy@{digest}"]) == (
        f"caddy:2.10.2@{digest}"
    )
    assert pin_digests.pinned("here:5000/caddy", [f"here:5000/caddy@{digest}"]) == f"here:5000/caddy@{digest}"
    assert pin_digests.pinned("caddy:2.10.2", [f"mirror/caddy@{digest}"]) is None
    written = yaml.safe_load(pin_digests.override({"edge": f"caddy:2.10.2@{digest}"}))
    assert written == {"services": {"edge": {"image": f"caddy:2.10.2@{digest}"}}}


#: stands for docker: answers as it does, and writes down what it is told to pull
_DOCKER = """#!{python}
import json, os, sys
words = sys.argv[1:]
images = {{"prepare": "ours:1", "gateway": "ours:1", "edge": "caddy:2", "store": "versity/versitygw:v1"}}
services = {{name: {{"image": image}} for name, image in images.items()}}
services["prepare"]["build"] = {{}}
if "config" in words:
    print(json.dumps({{"services": services}}))
elif "pull" in words:
    open(os.environ["PULLED"], "w").write(" ".join(words[words.index("pull") + 1:]))
    sys.exit(int(os.environ["CODE"]))
else:
    known = os.environ["KNOWN"].split()
    print(json.dumps([words[-1].rpartition(":")[0] + "@sha256:" + "a" * 64] if words[-1] in known else []))
"""


@pytest.mark.parametrize(
    ("code", "known", "pins"),
    [("0", "caddy:2 versity/versitygw:v1", 2), ("1", "caddy:2 versity/versitygw:v1", 0), ("0", "caddy:2", 0)],
)
def test_all_but_our_own_image_are_pulled_and_all_or_none_are_pinned(tmp_path: Path, code: str, known: str, pins: int):
    """Our own, which no registry has, would end the whole pull."""
    (tmp_path / "deploy").mkdir()
    script = shutil.copy(ROOT / "deploy" / "pin_digests.py", tmp_path / "deploy")
    docker = tmp_path / "docker"
    docker.write_text(_DOCKER.format(python=sys.executable))
    docker.chmod(0o755)
    given = {"PULLED": str(tmp_path / "pulled"), "CODE": code, "KNOWN": known}
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", **given}

    ended = subprocess.run([sys.executable, script], env=environment, capture_output=True)

    assert (tmp_path / "pulled").read_text() == "edge store"
    assert ended.returncode == (0 if pins else 1)
    written = tmp_path / "deploy" / "compose.digests.yaml"
    assert len(yaml.safe_load(written.read_text())["services"]) == pins if pins else not written.exists()


def test_the_secrets_of_an_outside_database_name_its_server():
    drawn = make_secrets.draw("db.example.org:5433")

    assert all("@db.example.org:5433/" in drawn[name] for name in ("owner.env", "settings.env", "dispatcher.env"))
    assert drawn["airflow_database_url"].endswith("@db.example.org:5433/airflow")
