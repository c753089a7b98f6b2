"""Draws the secrets that docker-compose.yaml hands out as files. Once: what is there is never written over.

    sudo python3 deploy/make_secrets.py [--postgres HOST:PORT]

`--postgres` names a server of your own; without it, it is the service `postgres`.
Standard library only. The folder is for its owner alone; a file that our containers read belongs to their user, one
that another image reads is open within the folder, since that image runs as a user of its own.
"""

import argparse
import base64
import hashlib
import json
import os
import secrets
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "secrets"
OURS = 10001  # the user of the Dockerfile
SANDBOX = ("oncology", "pathology", "archive", "center")
SANDBOX_PORTS = {name: 8001 + number for number, name in enumerate(SANDBOX)}
READ_BY_OTHERS = {"postgres_password", "store_access_key", "store_secret_key", "redis.conf", "orthanc.json"}


def draw(postgres: str = "postgres") -> dict[str, str]:
    """Every file by its name. `postgres` is host, or host:port, of the database server."""
    password = {name: secrets.token_hex(24) for name in ("postgres", "owner", "app", "airflow", "redis", "orthanc")}
    users = {user: secrets.token_urlsafe(24) for user in ("admin", "dispatcher", "auditor")}
    store_key, store_secret = secrets.token_hex(10), secrets.token_hex(24)
    ledger = f"postgresql://transfer_app:{password['app']}@{postgres}/transfer"
    airflow = f"airflow:{password['airflow']}@{postgres}/airflow"
    door_tokens = {name: secrets.token_urlsafe(32) for name in SANDBOX}
    tokens = _sandbox_tokens(door_tokens)
    files = {
        "postgres_password": password["postgres"],
        "owner.env": _env(
            {"TRANSFER_OWNER_DATABASE_URL": f"postgresql://transfer_owner:{password['owner']}@{postgres}/transfer"}
        ),
        "settings.env": _env(
            {
                "TRANSFER_DATABASE_URL": ledger,
                "TRANSFER_S3_ACCESS_KEY": store_key,
                "TRANSFER_S3_SECRET_KEY": store_secret,
                "SANDBOX_PATHOLOGY_MLLP_PORT": "2575",
                **tokens,
            }
        ),
        "dispatcher.env": _env(
            {
                "TRANSFER_DATABASE_URL": ledger,
                "TRANSFER_AIRFLOW_USER": "dispatcher",
                "TRANSFER_AIRFLOW_PASSWORD": users["dispatcher"],
            }
        ),
        "store_access_key": store_key,
        "store_secret_key": store_secret,
        "redis.conf": f"requirepass {password['redis']}\nsave ''\nappendonly no\n",
        "airflow_passwords.json": json.dumps(users),
        "airflow_database_url": f"postgresql+psycopg2://{airflow}",
        "airflow_database_url_async": f"postgresql+asyncpg://{airflow}",
        "airflow_broker_url": f"redis://:{password['redis']}@redis:6379/0",
        "airflow_fernet_key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "airflow_secret_key": secrets.token_hex(32),
        "airflow_jwt_secret": secrets.token_hex(32),
        "orthanc.json": json.dumps({"RegisteredUsers": {"sandbox": password["orthanc"]}}),
    }
    return files | {f"sandbox_{name}.json": _institution(name, tokens, door_tokens[name]) for name in SANDBOX}


def _sandbox_tokens(door_tokens: dict[str, str]) -> dict[str, str]:
    """What our parts know of the institutions' tokens: of those shown at our doors, the SHA-256 alone."""
    found = {}
    for name, port in SANDBOX_PORTS.items():
        found[f"SANDBOX_{name.upper()}_URL"] = f"http://sandbox:{port}"
        found[f"SANDBOX_{name.upper()}_TOKEN"] = secrets.token_urlsafe(32)
        found[f"SANDBOX_{name.upper()}_DOOR_TOKEN_SHA256"] = hashlib.sha256(door_tokens[name].encode()).hexdigest()
    # the stand-in archive takes a token; an archive that takes a user has no token
    return found | {"SANDBOX_ARCHIVE_USER": "", "SANDBOX_ARCHIVE_PASSWORD": ""}


def _institution(name: str, tokens: dict[str, str], door_token: str) -> str:
    """What `python -m transfer.sandbox` reads. It listens on its own loopback; deploy/sandbox.py forwards to it."""
    configuration = {
        "port": SANDBOX_PORTS[name] + 1000,
        "folder": f"/var/lib/sandbox/{name}",
        "control_token": secrets.token_urlsafe(32),
        "accepts_token": tokens[f"SANDBOX_{name.upper()}_TOKEN"],
        "gateway_url": "http://gateway:8080",
        "gateway_token": door_token,
    }
    return json.dumps(configuration | ({"gateway_mllp_port": 2575} if name == "pathology" else {}))


def _env(values: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in sorted(values.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description="Draws the secrets that docker-compose.yaml hands out.")
    parser.add_argument("--postgres", metavar="HOST:PORT", default="postgres", help="a database server of your own")
    asked = parser.parse_args()
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    FOLDER.chmod(0o700)
    drawn = draw(asked.postgres)
    if there := [name for name in drawn if (FOLDER / name).exists()]:
        sys.stderr.write(f"{there[0]} is there already: the secrets belong together and are drawn once.\n")
        return 1
    if os.geteuid() != 0:
        sys.stderr.write("Run this as root: some of the files will belong to the containers' user.\n")
        return 2
    for name, content in drawn.items():
        is_ours = name not in READ_BY_OTHERS
        file = os.open(FOLDER / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400 if is_ours else 0o444)
        with os.fdopen(file, "w", encoding="utf-8") as out:
            out.write(content)
        if is_ours:
            os.chown(FOLDER / name, OURS, OURS)
    sys.stderr.write(f"{len(drawn)} secrets are in deploy/secrets.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
