"""One installation: what lies where under `var`, and the settings that set-up writes for every service.

TRANSFER_EMBEDDED lists the embedded services. A database, store or Airflow whose address stands in the environment, or
was written into `settings.env` by a person, is somebody else's. It is neither started nor stopped here.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from transfer import institutions
from transfer.embedded import ports, private
from transfer.embedded.airflow import Airflow
from transfer.embedded.orthanc import Orthanc
from transfer.embedded.postgres import Postgres
from transfer.embedded.process import CHECKOUT
from transfer.embedded.store import Store
from transfer.errors import Refused
from transfer.setting_values import is_port
from transfer.settings import FILE, OWNER_FILE, PREFIX, BadSetting, Settings, read, written

#: part → the setting whose presence says that somebody else runs it
EMBEDDABLE: Final = {
    "postgres": "TRANSFER_DATABASE_URL",
    "store": "TRANSFER_S3_ENDPOINT",
    "airflow": "TRANSFER_AIRFLOW_URL",
}

#: setting → what listens there. A port is chosen once and kept, unless it is configured.
PORTS: Final = {
    "TRANSFER_GATEWAY_PORT": "gateway",
    "TRANSFER_GATEWAY_HEALTH_PORT": "gateway",
    "TRANSFER_DISPATCHER_HEALTH_PORT": "dispatcher",
    "TRANSFER_DESK_PORT": "desk",
    "TRANSFER_DESK_HEALTH_PORT": "desk",
    "TRANSFER_STORE_PORT": "store",
    "TRANSFER_AIRFLOW_PORT": "airflow",
    "SANDBOX_PATHOLOGY_MLLP_PORT": "gateway",
    "SANDBOX_ONCOLOGY_PORT": "oncology",
    "SANDBOX_PATHOLOGY_PORT": "pathology",
    "SANDBOX_ARCHIVE_PORT": "archive",
    "SANDBOX_CENTER_PORT": "center",
    "SANDBOX_OPENID_PORT": "openid",
}

SANDBOX: Final = ("oncology", "pathology", "archive", "center")
#: whom the stand-in identity provider signs in
PEOPLE: Final = ("clerk", "officer", "privacy", "auditor", "operator")


class Installation:
    """Folder layout and settings of one `var`. `environ` is what the user configured for this start.

    With `orthanc` an Orthanc stands where the sandbox archive does otherwise: at its address, with its own credential.
    """

    def __init__(self, var: Path, environ: Mapping[str, str], *, orthanc: bool = False) -> None:
        self.var = var.absolute()
        self.run = self.var / "run"
        self.log = self.var / "log"
        self._environ = {k: v for k, v in environ.items() if v and k.startswith((PREFIX, "SANDBOX_"))}
        self.with_orthanc = orthanc
        #: what a person should know of this set-up
        self.remarks: list[str] = []
        for folder in (self.var, self.run, self.log, self.var / "tmp"):
            private.folder(folder)
        self._door_tokens = {name: self._door_token(name) for name in SANDBOX}
        self._values = self._first_values()
        self.postgres = Postgres(self.var / "postgres", self.log / "postgres.log")
        self.store = Store(self.var / "store", self._port("TRANSFER_STORE_PORT"), self.log / "store.log")

    def log_of(self, name: str) -> Path:
        return self.log / f"{name}.log"

    def is_embedded(self, part: str) -> bool:
        return part in self._values["TRANSFER_EMBEDDED"].split()

    @property
    def settings(self) -> Settings:
        return Settings.load(self._values, self.var)

    @property
    def airflow(self) -> Airflow:
        """Ours, on a database in our PostgreSQL."""
        return Airflow(
            self.var / "airflow",
            port=self._port("TRANSFER_AIRFLOW_PORT"),
            database_url=self.postgres.url("airflow"),
            settings=self.environment(),
            dags=Path(self._values.get("TRANSFER_DAGS") or CHECKOUT / "dags"),
            institutions=self.settings.institutions,
            fetches=self._fetches(),
        )

    def _fetches(self) -> int:
        """How many requests the institutions' files allow at once."""
        try:
            known = institutions.load(self.settings.institutions, self.settings.names)
        except (ValueError, Refused):
            return 0  # the doors do not open with such a file, and say what is wrong with it
        return sum(
            each.asking_of(department.id).at_once
            for each in known.values()
            for department in each.departments
            if department.is_fetched
        )

    @property
    def orthanc(self) -> Orthanc:
        """The image archive, where it is asked for."""
        return Orthanc.of(self.settings)

    def complete(self) -> None:
        """Write `settings.env` and `owner.env`, and the sandbox's files, before anything is started."""
        values = self._values
        if self.is_embedded("postgres"):
            self.postgres.choose_address()
            values["TRANSFER_DATABASE_URL"] = self.postgres.url("app")
            owner = self.postgres.url("owner")
        else:
            owner = self._environ.get("TRANSFER_OWNER_DATABASE_URL") or values.get("TRANSFER_OWNER_DATABASE_URL", "")
        if self.is_embedded("store"):
            values["TRANSFER_S3_ENDPOINT"] = self.store.endpoint
            values["TRANSFER_S3_ACCESS_KEY"] = self.store.access_key
            values["TRANSFER_S3_SECRET_KEY"] = self.store.secret_key
        if self.is_embedded("airflow") and self.is_embedded("postgres"):
            values["TRANSFER_AIRFLOW_URL"] = self.airflow.url
            values["TRANSFER_AIRFLOW_USER"] = "dispatcher"
            values["TRANSFER_AIRFLOW_PASSWORD"] = self.airflow.password("dispatcher")
        values.pop("TRANSFER_OWNER_DATABASE_URL", None)
        private.write(self.var / FILE, written({k: v for k, v in values.items() if k != "TRANSFER_VAR"}))
        if owner:
            private.write(self.var / OWNER_FILE, written({"TRANSFER_OWNER_DATABASE_URL": owner}))
        if self.settings.keys_url is None:
            private.folder(self.settings.keys)
        for name in SANDBOX:
            self._write_sandbox(name)
        self._write_provider()

    def environment(self) -> dict[str, str]:
        """The environment of every service: all settings but the owner's address."""
        kept = {k: v for k, v in self._values.items() if k != "TRANSFER_OWNER_DATABASE_URL"}
        return {**kept, "TRANSFER_VAR": str(self.var), "TMPDIR": str(self.var / "tmp")}

    def health_address(self, name: str) -> str:
        """Where the gateway, the dispatcher or the desk says how it is: host:port."""
        return f"127.0.0.1:{self._port(f'TRANSFER_{name.upper()}_HEALTH_PORT')}"

    def sandbox_file(self, name: str) -> Path:
        return self.var / "sandbox" / f"{name}.json"

    def sandbox_address(self, name: str) -> tuple[str, str]:
        """Base URL of one sandbox institution, or of the provider, and the token for its controls."""
        upper = name.upper()
        return self._values[f"SANDBOX_{upper}_URL"], self._values[f"SANDBOX_{upper}_CONTROL_TOKEN"]

    def _port(self, name: str) -> int:
        return int(self._values[name])

    def _first_values(self) -> dict[str, str]:
        """What was written last time, what is configured now, and what is still to be drawn."""
        before = read(self.var / FILE)
        values = {**before, **self._environ}
        values["TRANSFER_EMBEDDED"] = " ".join(self._embedded(before))
        for name in PORTS:
            if not is_port(values.get(name) or "1"):
                raise BadSetting(name, "is no port", "It is 1 to 65535.")
        if (dags := values.get("TRANSFER_DAGS")) and not Path(dags).is_dir():
            raise BadSetting("TRANSFER_DAGS", "names no folder", "It is the folder of the DAG files.")
        self._choose_ports(values)
        self._derive(values, before, "TRANSFER_GATEWAY_HTTP", _address)
        self._derive(values, before, "TRANSFER_PUBLIC_URL", _links)
        self._derive(values, before, "TRANSFER_DESK_HTTP", _desk_address)
        self._derive(values, before, "TRANSFER_DESK_URL", _desk_url)
        self._choose_provider(values, before)
        for name in SANDBOX:
            values[f"SANDBOX_{name.upper()}_URL"] = f"http://127.0.0.1:{values[f'SANDBOX_{name.upper()}_PORT']}"
            for token in ("TOKEN", "CONTROL_TOKEN"):
                name_of_it = f"SANDBOX_{name.upper()}_{token}"
                values[name_of_it] = values.get(name_of_it) or secrets.token_urlsafe(32)
            digest = hashlib.sha256(self._door_tokens[name].encode()).hexdigest()
            values[f"SANDBOX_{name.upper()}_DOOR_TOKEN_SHA256"] = digest
        self._choose_credential(values)
        return values

    def _door_token(self, name: str) -> str:
        """What a stand-in shows at our doors. It alone has it; our settings have its SHA-256."""
        try:
            return str(json.loads(self.sandbox_file(name).read_text(encoding="utf-8"))["gateway_token"])
        except FileNotFoundError:
            return secrets.token_urlsafe(32)

    def _choose_credential(self, values: dict[str, str]) -> None:
        """What the archive is shown: a token, or a user's password where it is Orthanc. The other is left empty."""
        password = values.get("SANDBOX_ARCHIVE_PASSWORD") or secrets.token_urlsafe(32)
        with_user = {"SANDBOX_ARCHIVE_USER": "records-transfer", "SANDBOX_ARCHIVE_PASSWORD": password}
        if self.with_orthanc:
            values |= {**with_user, "SANDBOX_ARCHIVE_TOKEN": ""}
        else:
            values |= dict.fromkeys(with_user, "")

    def _choose_provider(self, values: dict[str, str], before: Mapping[str, str]) -> None:
        """Who signs people in at the desk: the stand-in provider, unless a person named another."""
        values["SANDBOX_OPENID_URL"] = _provider(values)
        values["SANDBOX_OPENID_CONTROL_TOKEN"] = values.get("SANDBOX_OPENID_CONTROL_TOKEN") or secrets.token_urlsafe(32)
        self._derive(values, before, "TRANSFER_OIDC_ISSUER", _provider)
        if values["TRANSFER_OIDC_ISSUER"] == _provider(values):
            values["TRANSFER_OIDC_CLIENT_ID"] = "desk"
            secret = values.get("TRANSFER_OIDC_CLIENT_SECRET")
            values["TRANSFER_OIDC_CLIENT_SECRET"] = secret or secrets.token_urlsafe(32)

    def _derive(
        self, values: dict[str, str], before: Mapping[str, str], name: str, form: Callable[[Mapping[str, str]], str]
    ) -> None:
        """Follow the settings it is formed from, unless a person set `name` otherwise, now or in the file."""
        derived_before = form(before)
        if name not in self._environ and before.get(name, derived_before) == derived_before:
            values[name] = form(values)

    def _embedded(self, before: Mapping[str, str]) -> list[str]:
        remembered = before.get("TRANSFER_EMBEDDED", "").split()
        return [
            part
            for part, address in EMBEDDABLE.items()
            if address not in self._environ and (part in remembered or address not in before)
        ]

    def _choose_ports(self, values: dict[str, str]) -> None:
        """Keep what was chosen, choose what is missing, and choose anew what another program has taken meanwhile."""
        taken = {
            name
            for name in PORTS
            if name in values and name not in self._environ and not ports.is_free(int(values[name]))
        }
        for name in sorted(taken):
            self.remarks.append(f"port {values[name]} is taken by another program: {PORTS[name]} gets a new one")
        drawn = ports.free(name for name in PORTS if name not in values or name in taken)
        values.update({name: str(port) for name, port in drawn.items()})

    def _write_sandbox(self, name: str) -> None:
        upper = name.upper()
        folder = private.folder(self.var / "sandbox" / name)
        configuration: dict[str, object] = {
            "port": self._port(f"SANDBOX_{upper}_PORT"),
            "folder": str(folder),
            "control_token": self._values[f"SANDBOX_{upper}_CONTROL_TOKEN"],
            "accepts_token": self._values[f"SANDBOX_{upper}_TOKEN"],
            "gateway_url": self._values["TRANSFER_PUBLIC_URL"],
            "gateway_token": self._door_tokens[name],
        }
        if name == "pathology":
            configuration["gateway_mllp_port"] = self._port("SANDBOX_PATHOLOGY_MLLP_PORT")
        private.write(self.sandbox_file(name), json.dumps(configuration))

    @property
    def staff_passwords(self) -> Path:
        """By account, of those whom the stand-in provider signs in; drawn once."""
        return self.var / "sandbox" / "passwords.json"

    def _write_provider(self) -> None:
        configuration = {
            "port": self._port("SANDBOX_OPENID_PORT"),
            "folder": str(private.folder(self.var / "sandbox" / "openid")),
            "control_token": self._values["SANDBOX_OPENID_CONTROL_TOKEN"],
            "desk_url": self._values["TRANSFER_DESK_URL"],
            "client_secret": self._values["TRANSFER_OIDC_CLIENT_SECRET"],
            "passwords": str(self.staff_passwords),
        }
        known = json.loads(self.staff_passwords.read_text("utf-8")) if self.staff_passwords.exists() else {}
        if missing := {name: secrets.token_urlsafe(12) for name in PEOPLE if name not in known}:
            private.write(self.staff_passwords, json.dumps({**known, **missing}))
        private.write(self.sandbox_file("openid"), json.dumps(configuration))


def _address(values: Mapping[str, str]) -> str:
    return f"127.0.0.1:{values.get('TRANSFER_GATEWAY_PORT', '')}"


def _desk_address(values: Mapping[str, str]) -> str:
    return f"127.0.0.1:{values.get('TRANSFER_DESK_PORT', '')}"


def _desk_url(values: Mapping[str, str]) -> str:
    return f"http://{values.get('TRANSFER_DESK_HTTP', '')}"


def _provider(values: Mapping[str, str]) -> str:
    return f"http://127.0.0.1:{values.get('SANDBOX_OPENID_PORT', '')}"


def _links(values: Mapping[str, str]) -> str:
    scheme = "https" if values.get("TRANSFER_TLS_CERTIFICATE") else "http"
    return f"{scheme}://{values.get('TRANSFER_GATEWAY_HTTP', '')}"
