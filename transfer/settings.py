"""What differs from one installation to the next: addresses, credentials and folders.

A value comes from the environment, else from `settings.env` in the folder `var` (0600, written by `transfer up`), else
from a default. A missing value is an error only when it is *used*. So each process needs only its own values.
"""

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from transfer.errors import Refused
from transfer.remedies import Remedy, RemedyCode
from transfer.setting_values import Checksums, listed, mistakes
from transfer.setting_values import ProxyHeader as ProxyHeader

PREFIX = "TRANSFER_"
FILE = "settings.env"
#: a file of its own, because the role that owns the ledger serves set-up and migrations only
OWNER_FILE = "owner.env"

_CHECKOUT = Path(__file__).parents[1]

_DEFAULTS = {
    "TRANSFER_S3_REGION": "us-east-1",
    "TRANSFER_S3_BUCKET": "records",
    "TRANSFER_S3_CHECKSUMS": "when_required",
    "TRANSFER_S3_ADDRESSING": "path",
    "TRANSFER_S3_CREDENTIALS": "keys",
    "TRANSFER_AIRFLOW_USER": "dispatcher",
    "TRANSFER_TLS_TERMINATED": "0",
    "TRANSFER_TAKES_CORROBORATED": "0",
    "TRANSFER_ZONE": "UTC",
    "TRANSFER_GRACE_SECONDS": "10",
    "TRANSFER_CONNECTIONS_UNKNOWN": "256",
    "TRANSFER_CONNECTIONS_PER_ADDRESS": "64",
    "TRANSFER_CONNECTIONS_PER_INSTITUTION": "96",
    "TRANSFER_AIRFLOW_RUN_DAYS": "400",
    "TRANSFER_AIRFLOW_LOG_DAYS": "30",
    "TRANSFER_OIDC_SCOPE": "openid profile",
    "TRANSFER_MAIL_FROM": "records-desk@localhost",
}


class BadSetting(Refused):
    """A setting is missing or is not what it must be. The message names it and what is right, never its value."""

    #: so a process that ends by it says it whole: see `logs`
    is_loggable = True

    def __init__(self, name: str, what: str, right: str, remedy: Remedy | None = None) -> None:
        super().__init__(f"{name} {what}. {right}")
        self.name = name
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of one installation. Its `repr` shows the folder only: the rest may be secret."""

    #: everything this installation writes lies under here, 0700
    var: Path
    #: every name, ours and those that institution files refer to as `${NAME}`
    names: Mapping[str, str] = field(repr=False)

    @classmethod
    def load(cls, environ: Mapping[str, str], var: Path | None = None) -> "Settings":
        """Read the settings for the folder `var`; without it TRANSFER_VAR says which, else it is `./var`.

        Raises:
            BadSetting: a file others can read, a line that is none, or a value outside its choices.
        """
        folder = (var or Path(environ.get("TRANSFER_VAR") or "var")).absolute()
        names = {**_DEFAULTS, **read(folder / FILE), **{k: v for k, v in environ.items() if v}}
        settings = cls(var=folder, names={**names, "TRANSFER_VAR": str(folder)})
        settings._check()
        return settings

    @property
    def database_url(self) -> str:
        """libpq URL of the ledger, as the role that may only add."""
        return self._needed("TRANSFER_DATABASE_URL")

    @property
    def owner_database_url(self) -> str:
        """libpq URL of the ledger, as the role that owns it: for migrations, and the sandbox's clock."""
        found = self.names.get("TRANSFER_OWNER_DATABASE_URL") or read(self.var / OWNER_FILE).get(
            "TRANSFER_OWNER_DATABASE_URL"
        )
        return found or self._needed("TRANSFER_OWNER_DATABASE_URL")

    @property
    def s3_endpoint(self) -> str:
        return self._needed("TRANSFER_S3_ENDPOINT")

    @property
    def s3_region(self) -> str:
        return self._needed("TRANSFER_S3_REGION")

    @property
    def s3_keys(self) -> tuple[str, str] | None:
        """Key and secret; None where the machine's own credentials are used."""
        if self._needed("TRANSFER_S3_CREDENTIALS") == "machine":
            return None
        return self.s3_access_key, self.s3_secret_key

    @property
    def s3_is_virtual(self) -> bool:
        """The bucket stands in the host name of a URL, not in its path."""
        return self._needed("TRANSFER_S3_ADDRESSING") == "virtual"

    @property
    def s3_authority(self) -> Path | None:
        """PEM file of whom we trust at the store, and nobody else; without it as this machine trusts everybody.

        Raises:
            BadSetting: it is not there.
        """
        path = self._path("TRANSFER_S3_AUTHORITY")
        if path and not path.is_file():
            raise BadSetting("TRANSFER_S3_AUTHORITY", "names a file that is not there", "It is a PEM file.")
        return path

    @property
    def s3_access_key(self) -> str:
        return self._needed("TRANSFER_S3_ACCESS_KEY")

    @property
    def s3_secret_key(self) -> str:
        return self._needed("TRANSFER_S3_SECRET_KEY")

    @property
    def s3_bucket(self) -> str:
        return self._needed("TRANSFER_S3_BUCKET")

    @property
    def s3_checksums(self) -> Checksums:
        return Checksums(self._needed("TRANSFER_S3_CHECKSUMS"))

    @property
    def airflow_url(self) -> str:
        """Base URL of Airflow's API server, without `/api/v2`."""
        return self._needed("TRANSFER_AIRFLOW_URL").rstrip("/")

    @property
    def airflow_user(self) -> str:
        """The dispatcher's user: it may post and annotate runs, and nothing else."""
        return self._needed("TRANSFER_AIRFLOW_USER")

    @property
    def airflow_password(self) -> str:
        return self._needed("TRANSFER_AIRFLOW_PASSWORD")

    @property
    def airflow_run_days(self) -> int:
        """How long Airflow remembers a run."""
        return int(self._needed("TRANSFER_AIRFLOW_RUN_DAYS"))

    @property
    def airflow_log_days(self) -> int:
        """How long the logs of Airflow's tasks and components are kept."""
        return int(self._needed("TRANSFER_AIRFLOW_LOG_DAYS"))

    @property
    def gateway_http(self) -> tuple[str, int]:
        """Host and port the HTTP doors listen on."""
        return _address(self._needed("TRANSFER_GATEWAY_HTTP"))

    @property
    def desk_http(self) -> tuple[str, int]:
        """Host and port the desk listens on."""
        return _address(self._needed("TRANSFER_DESK_HTTP"))

    @property
    def desk_url(self) -> str:
        """What the desk's address begins with, as people type it; without closing slash."""
        return self._needed("TRANSFER_DESK_URL").rstrip("/")

    @property
    def desk_groups(self) -> Path:
        """The reviewed file that says which groups have which roles."""
        return Path(self.names.get("TRANSFER_DESK_GROUPS") or _CHECKOUT / "desk.yaml")

    @property
    def oidc_issuer(self) -> str | None:
        """The identity provider's issuer, letter by letter; None: nobody signs in by a provider."""
        return self.names.get("TRANSFER_OIDC_ISSUER") or None

    @property
    def oidc_client(self) -> tuple[str, str]:
        """As what the provider knows the desk: id and secret."""
        return self._needed("TRANSFER_OIDC_CLIENT_ID"), self._needed("TRANSFER_OIDC_CLIENT_SECRET")

    @property
    def oidc_scope(self) -> str:
        """What is asked for, with spaces; `openid` among it."""
        return self._needed("TRANSFER_OIDC_SCOPE")

    @property
    def oidc_authority(self) -> Path | None:
        """PEM file of whom we trust at the provider, and nobody else; without it as this machine trusts everybody."""
        return self._path("TRANSFER_OIDC_AUTHORITY")

    @property
    def smtp_url(self) -> str | None:
        """The server of mail, smtps:// or smtp://, with user and password where it asks for them; None: there is none,
        and mail is put into `outbox` of the folder `var`.
        """
        return self.names.get("TRANSFER_SMTP_URL") or None

    @property
    def mail_from(self) -> str:
        """Whom our mail is from."""
        return self._needed("TRANSFER_MAIL_FROM")

    @property
    def health(self) -> tuple[str, int] | None:
        """Host and port on which this process says how it is; without one it tells nobody."""
        value = self.names.get("TRANSFER_HEALTH")
        return _address(value) if value else None

    @property
    def grace_seconds(self) -> int:
        """How long a process that is asked to stop may finish what is under way."""
        return int(self._needed("TRANSFER_GRACE_SECONDS"))

    @property
    def public_url(self) -> str:
        """What links that we hand out begin with; without closing slash."""
        return self._needed("TRANSFER_PUBLIC_URL").rstrip("/")

    @property
    def tls_certificate(self) -> Path | None:
        """PEM file of the doors' certificate and its chain; without one the doors speak plain text."""
        return self._path("TRANSFER_TLS_CERTIFICATE")

    @property
    def tls_key(self) -> Path | None:
        return self._path("TRANSFER_TLS_KEY")

    @property
    def tls_client_authorities(self) -> Path | None:
        """PEM file of the authorities for client certificates; without it no certificate is asked for."""
        return self._path("TRANSFER_TLS_CLIENT_AUTHORITIES")

    @property
    def tls_terminated(self) -> bool:
        """Something else ends TLS in front of the doors, and nothing else reaches them."""
        return self._needed("TRANSFER_TLS_TERMINATED") == "1"

    @property
    def takes_corroborated(self) -> bool:
        """Nobody is asked about an answer to our own request where two further things agree (docs/decisions/0028)."""
        return self._needed("TRANSFER_TAKES_CORROBORATED") == "1"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of whoever reads the pages of the desk."""
        return ZoneInfo(self._needed("TRANSFER_ZONE"))

    @property
    def connections_unknown(self) -> int:
        """Connections at once, at each kind of door, of all callers who have not shown who they are."""
        return int(self._needed("TRANSFER_CONNECTIONS_UNKNOWN"))

    @property
    def connections_per_address(self) -> int:
        """Of these, from one address."""
        return int(self._needed("TRANSFER_CONNECTIONS_PER_ADDRESS"))

    @property
    def connections_per_institution(self) -> int:
        """Connections at once, at each kind of door, of one institution or sender that has shown who it is."""
        return int(self._needed("TRANSFER_CONNECTIONS_PER_INSTITUTION"))

    @property
    def trusted_proxies(self) -> tuple[str, ...]:
        """Addresses, networks and names of the proxies that are believed where a caller comes from."""
        return tuple(listed(self.names, "TRANSFER_TRUSTED_PROXIES"))

    @property
    def proxy_headers(self) -> frozenset[ProxyHeader]:
        """The doors at which those proxies speak the PROXY protocol."""
        return frozenset(map(ProxyHeader, listed(self.names, "TRANSFER_PROXY_PROTOCOL")))

    @property
    def keys(self) -> Path:
        """Folder of the patients' and the site's keys, 0700, outside the database.

        Raises:
            BadSetting: they are kept by a service (`keys_url`).
        """
        if self.keys_url:
            raise BadSetting("TRANSFER_KEYS", "is the address of a key service", "Here it has to be a folder.")
        return Path(self.names.get("TRANSFER_KEYS") or self.var / "keys")

    @property
    def keys_url(self) -> str | None:
        """Address of the key service, without closing slash; None where the keys are in a folder."""
        found = self.names.get("TRANSFER_KEYS", "")
        return found.rstrip("/") if "://" in found else None

    @property
    def keys_listen(self) -> tuple[str, int]:
        """Host and port the key service listens on."""
        return _address(self._needed("TRANSFER_KEYS_LISTEN"))

    @property
    def keys_tls(self) -> tuple[Path, Path, Path]:
        """PEM files of this side of the line between a key service and who asks it: the certificate shown, its key, and
        whom this side trusts at the other end.
        """
        names = ("TRANSFER_KEYS_CERTIFICATE", "TRANSFER_KEYS_KEY", "TRANSFER_KEYS_AUTHORITY")
        certificate, key, authority = (Path(self._needed(name)) for name in names)
        return certificate, key, authority

    @property
    def keys_copy(self) -> Path | None:
        """Folder of the keys' copy, sealed under a passphrase; on another disk."""
        found = self.names.get("TRANSFER_KEYS_COPY")
        return Path(found) if found else None

    @property
    def institutions(self) -> Path:
        return Path(self.names.get("TRANSFER_INSTITUTIONS") or _CHECKOUT / "institutions")

    @property
    def checklists(self) -> Path:
        return Path(self.names.get("TRANSFER_CHECKLISTS") or _CHECKOUT / "checklists")

    def _path(self, name: str) -> Path | None:
        value = self.names.get(name)
        return Path(value) if value else None

    def _needed(self, name: str) -> str:
        if value := self.names.get(name):
            return value
        raise BadSetting(
            name,
            "is not set",
            f"It stands in the environment or in {self.var / FILE}.",
            Remedy(RemedyCode.START),
        )

    def _check(self) -> None:
        for name, what, right in mistakes(self.names):
            raise BadSetting(name, what, right)


def _address(value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    return host.strip("[]"), int(port)


def read(path: Path) -> dict[str, str]:
    """The NAME=VALUE lines of a file; none where there is no file. Empty lines and those with # in front are skipped.

    Raises:
        BadSetting: others can read the file, or a line is none.
    """
    try:
        if not stat.S_ISREG(mode := path.stat().st_mode):  # a reader would wait at a pipe
            raise OSError("no file")
        text = path.read_text(encoding="utf-8-sig")  # editors of Windows begin with a mark
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        raise BadSetting(str(path), "cannot be read", "It is a file of this account, text in UTF-8.") from None
    if is_open_to_others(mode):
        raise BadSetting(str(path), "holds secrets that others can read", f"Run `chmod 600 {path}`.")
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.fullmatch(r"([A-Z][A-Z0-9_]*)=(.*)", line):
            found[match[1]] = match[2]
        elif line.strip() and not line.startswith("#"):
            raise BadSetting(str(path), f"line {number} is not NAME=VALUE", "Correct or remove that line.")
    return found


def is_open_to_others(mode: int) -> bool:
    """Whether others than its owner may read, write or run it, by its `st_mode`."""
    return bool(stat.S_IMODE(mode) & 0o077)


def written(values: Mapping[str, str]) -> str:
    """The text of a settings file, as `read` reads it.

    Raises:
        BadSetting: a name that is none, or a value of several lines.
    """
    for name, value in values.items():
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name) or value.splitlines() not in ([value], []):
            raise BadSetting(name, "does not fit on one line", "A setting is one line NAME=VALUE.")
    return "".join(f"{name}={value}\n" for name, value in sorted(values.items()))
