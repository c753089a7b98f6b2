"""What a setting may be, whichever process uses it: a wrong one is refused at the start and not at its first use."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from ipaddress import ip_network
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from transfer.addresses import as_web_address, is_loopback

#: the name of a setting, what is wrong with it, and what is right. The value is not among them: it may be secret
Mistake = tuple[str, str, str]


class ProxyHeader(StrEnum):
    """At which doors the trusted proxies begin a connection with a PROXY header."""

    HTTP = "http"
    MLLP = "mllp"


class Checksums(StrEnum):
    """When boto3 adds its own checksums; some stores cannot take them (botocore `request_checksum_calculation`)."""

    WHEN_SUPPORTED = "when_supported"
    WHEN_REQUIRED = "when_required"


_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "TRANSFER_S3_CHECKSUMS": tuple(Checksums),
    "TRANSFER_S3_ADDRESSING": ("path", "virtual"),
    "TRANSFER_S3_CREDENTIALS": ("keys", "machine"),
    "TRANSFER_TLS_TERMINATED": ("0", "1"),
    "TRANSFER_TAKES_CORROBORATED": ("0", "1"),
}
_UNITS: Final = {
    "TRANSFER_GRACE_SECONDS": "seconds",
    "TRANSFER_AIRFLOW_RUN_DAYS": "days",
    "TRANSFER_AIRFLOW_LOG_DAYS": "days",
    "TRANSFER_BACKUP_HOURS": "hours",
}
_CONNECTIONS: Final = tuple(f"TRANSFER_CONNECTIONS_{name}" for name in ("UNKNOWN", "PER_ADDRESS", "PER_INSTITUTION"))
#: what is listened on, and where a process is asked how it is
_ADDRESSES: Final = (
    "TRANSFER_GATEWAY_HTTP",
    "TRANSFER_DESK_HTTP",
    "TRANSFER_HEALTH",
    "TRANSFER_KEYS_LISTEN",
    "TRANSFER_GATEWAY_HEALTH",
    "TRANSFER_DISPATCHER_HEALTH",
    "TRANSFER_DESK_HEALTH",
)
_LEDGERS: Final = ("TRANSFER_DATABASE_URL", "TRANSFER_OWNER_DATABASE_URL", "TRANSFER_TEST_DATABASE_URL")
_SERVERS: Final = ("TRANSFER_S3_ENDPOINT", "TRANSFER_AIRFLOW_URL", "TRANSFER_PUBLIC_URL")
#: name of one setting → what its value matches, what is wrong, what is right
_FORMS: Final = {
    # as botocore's own rules of a region and a bucket
    "TRANSFER_S3_REGION": (
        r"(?!\d+$)(?!-)[A-Za-z0-9-]{1,63}(?<!-)",
        "is no region",
        "It is letters, digits and -, as us-east-1.",
    ),
    "TRANSFER_S3_BUCKET": (r"[A-Za-z0-9._-]{1,255}", "is no bucket", "It is letters, digits and . _ -"),
    "TRANSFER_DISK_FREE_PERCENT": (r"[1-9]?\d|100", "is no percentage", "It is 0 to 100."),
    "TRANSFER_FAX_DOMAIN": (
        r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?",
        "is no domain",
        "It is what stands behind the @, as fax.example.org.",
    ),
    "TRANSFER_MAIL_FROM": (r"[^\s@<>]+@[^\s@<>]+", "is no mail address", "It is name@host."),
}


def mistakes(names: Mapping[str, str]) -> Iterator[Mistake]:
    """What is wrong with these settings, one after another. One without a value is not wrong before it is used."""
    for name, choices in _CHOICES.items():
        if names.get(name) and names[name] not in choices:
            yield name, "has a value it cannot have", f"It is one of {', '.join(choices)}."
    for name, unit in _UNITS.items():
        if not _is_count(names.get(name)):
            yield name, "is no length of time", f"It is 1 to 9999 {unit}."
    for name in _CONNECTIONS:
        if not _is_count(names.get(name)):
            yield name, "is no number of connections", "It is 1 to 9999."
    for name, (form, what, right) in _FORMS.items():
        if (value := names.get(name)) and not re.fullmatch(form, value):
            yield name, what, right
    yield from _wrong_addresses(names)
    yield from _wrong_proxies(names)
    yield from _wrong_mail(names)
    yield from _wrong_sign_in(names)
    yield from _wrong_zone(names)


def listed(names: Mapping[str, str], name: str) -> list[str]:
    """The values of a setting that has several, with commas or spaces."""
    return names.get(name, "").replace(",", " ").split()


def is_private(url: str) -> bool:
    """An address by TLS, or of this machine; without user, query and fragment."""
    found = re.fullmatch(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]]+)(?::(\d{1,5}))?(/[^\s?#]*)?", url)
    if found is None or not is_port(found[3] or "443"):
        return False
    return found[1] == "https" or is_loopback(found[2].strip("[]"))


def is_port(text: str) -> bool:
    """Whether somebody can be found there: 1 to 65535."""
    return bool(re.fullmatch(r"[1-9]\d{0,4}", text)) and int(text) < 1 << 16


def _is_count(value: str | None) -> bool:
    return not value or bool(re.fullmatch(r"[1-9]\d{0,3}", value))


def _wrong_addresses(names: Mapping[str, str]) -> Iterator[Mistake]:
    for name in _ADDRESSES:
        address = names.get(name)
        found = re.fullmatch(r"(?:[^:\s]+|\[[0-9a-fA-F:]+\]):(\d+)", address) if address else None
        if address and not (found and is_port(found[1])):
            yield name, "is no address", "It is host:port, as 127.0.0.1:8080."
    for name in _LEDGERS:
        # what stands behind it, or as host=… dbname=…, the database's own library reads: hosts and options of its own
        if (url := names.get(name)) and not re.fullmatch(r"postgres(?:ql)?://\S*|\s*[a-z_]+\s*=.*", url):
            yield name, "is no address of a PostgreSQL", "It is postgresql://user:password@host:port/database."
    for name in _SERVERS:
        try:
            as_web_address(names.get(name) or "https://unset")
        except ValueError as error:
            yield (
                name,
                f"is {error}",
                "It is https://host or http://host, with a port and a path where they are needed.",
            )
    keys = names.get("TRANSFER_KEYS", "").rstrip("/")
    if "://" in keys and not (re.fullmatch(r"https://[^/\s?#@]+", keys) and is_private(keys)):
        yield "TRANSFER_KEYS", "is no address of a key service", "It is a folder, or https://host:port."


def _wrong_proxies(names: Mapping[str, str]) -> Iterator[Mistake]:
    proxies, doors = listed(names, "TRANSFER_TRUSTED_PROXIES"), listed(names, "TRANSFER_PROXY_PROTOCOL")
    if not all(map(_is_proxy, proxies)):
        yield "TRANSFER_TRUSTED_PROXIES", "names what is no proxy", "It is addresses, networks or names, with commas."
    if not set(doors) <= set(ProxyHeader):
        yield "TRANSFER_PROXY_PROTOCOL", "has a value it cannot have", f"It is {' or '.join(ProxyHeader)}, or both."
    if doors and not proxies:
        right = "Name the proxies in TRANSFER_TRUSTED_PROXIES."
        yield "TRANSFER_PROXY_PROTOCOL", "is set, and nobody is named who may speak it", right


def _is_proxy(named: str) -> bool:
    """An address, a network, or the name of a host."""
    try:
        ip_network(named)
    except ValueError:
        return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,252}", named))
    return True


def _wrong_mail(names: Mapping[str, str]) -> Iterator[Mistake]:
    url = names.get("TRANSFER_SMTP_URL")
    server = r"smtps?://([^\s@/]+@)?(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]]+)(?::(\d{1,5}))?/?"
    found = re.fullmatch(server, url) if url else None
    if url and not (found and is_port(found[3] or "25")):
        yield "TRANSFER_SMTP_URL", "is no server of mail", "It is smtps://host, or smtp://host:port."
    if names.get("TRANSFER_FAX_DOMAIN") and not url:
        yield "TRANSFER_FAX_DOMAIN", "is set, and no server takes what is mailed there", "Set TRANSFER_SMTP_URL, too."
    answered = any(names.get(f"TRANSFER_LETTERS_{part}") for part in ("TELEPHONE", "FAX", "ADDRESS"))
    if answered and not names.get("TRANSFER_LETTERS_NAME"):
        right = "Without it no letter is written: set it, or unset the others."
        yield "TRANSFER_LETTERS_NAME", "is not set, and how facilities answer letters is", right


def _wrong_sign_in(names: Mapping[str, str]) -> Iterator[Mistake]:
    """What people's browsers are led to, and what signs them in, goes by TLS or stays on this machine."""
    for name in ("TRANSFER_DESK_URL", "TRANSFER_OIDC_ISSUER"):
        if (address := names.get(name)) and not is_private(address):
            yield name, "is no address that is safe to sign in by", "It is https://…, or http:// of this machine."
    if "openid" not in names.get("TRANSFER_OIDC_SCOPE", "openid").split():
        yield "TRANSFER_OIDC_SCOPE", "lacks openid", "It is openid and others, with spaces."


def _wrong_zone(names: Mapping[str, str]) -> Iterator[Mistake]:
    try:
        ZoneInfo(names.get("TRANSFER_ZONE") or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "TRANSFER_ZONE", "names no time zone", "It is a name of the IANA database, as America/Chicago."
