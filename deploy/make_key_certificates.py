"""Draws the certificates by which the key service and who asks it know each other (deploy/compose.keys.yaml).

    sudo python3 deploy/make_key_certificates.py [--host NAME ...] [--days 800] [--replace]

An authority is made for these two alone, and its key is thrown away: nobody else will ever be let in. `--host` names
the service beside `keys`, its name within compose: for askers on other hosts. Before they lapse: again with
`--replace`, then start the service and its askers anew. Needs openssl; the rest is the standard library.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent / "secrets"
OURS = 10001  # the user of the Dockerfile
#: what is drawn → the name its certificate carries first
SIDES = {"keys_service": "keys", "keys_asker": "asker"}
AUTHORITY = "keys_authority.pem"
FILES = (AUTHORITY, *(f"{side}.{ending}" for side in SIDES for ending in ("pem", "key")))


def draw(folder: Path, hosts: Sequence[str] = (), days: int = 800) -> None:
    """Make all files in an empty folder.

    Raises:
        CalledProcessError: openssl failed; it has said why.
    """
    elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    signed = ["-CA", AUTHORITY, "-CAkey", "authority.key"]
    _openssl(folder, "req", "-x509", *elliptic, "-days", str(days), "-subj", "/CN=keys authority",
             "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0",
             "-keyout", "authority.key", "-out", AUTHORITY)  # fmt: skip
    for side, name in SIDES.items():
        names = [name, *hosts] if side == "keys_service" else [name]
        use = "serverAuth" if side == "keys_service" else "clientAuth"
        _openssl(folder, "req", "-x509", *elliptic, *signed, "-days", str(days), "-subj", f"/CN={name}",
                 "-addext", "basicConstraints=critical,CA:FALSE",
                 "-addext", "subjectAltName=" + ",".join(f"DNS:{each}" for each in names),
                 "-addext", f"extendedKeyUsage={use}",
                 "-keyout", f"{side}.key", "-out", f"{side}.pem")  # fmt: skip
    (folder / "authority.key").unlink()


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Draws the certificates of the key service and of who asks it.")
    parser.add_argument("--host", action="append", default=[], help="another name of the service; may be given again")
    parser.add_argument("--days", type=int, default=800, help="for how long they are good")
    parser.add_argument("--replace", action="store_true", help="draw anew what is there")
    asked = parser.parse_args()
    if not asked.replace and (there := [name for name in FILES if (FOLDER / name).exists()]):
        sys.stderr.write(f"{there[0]} is there already: --replace draws all of them anew.\n")
        return 1
    if os.geteuid() != 0:
        sys.stderr.write("Run this as root: the files will belong to the containers' user.\n")
        return 2
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as made:
        try:
            draw(Path(made), asked.host, asked.days)
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", None) or str(error).encode()
            sys.stderr.write(f"openssl failed: {said.decode(errors='replace').strip()[-300:]}\n")
            return 1
        for name in FILES:
            file = Path(made) / name
            file.chmod(0o400)
            os.chown(file, OURS, OURS)
            file.rename(FOLDER / name)
    sys.stderr.write(f"{len(FILES)} files are in deploy/secrets, good for {asked.days} days.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
