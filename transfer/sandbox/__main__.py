"""`python -m transfer.sandbox NAME --config FILE.json`: run one stand-in institution until it is told to stop."""

import argparse
import importlib
import signal
import sys
from pathlib import Path

from transfer.sandbox.institution import Config, Institution
from transfer.sandbox.serving import serve

_INSTITUTIONS = {
    "oncology": "Lakeside Oncology, by FHIR",
    "pathology": "Prairie Pathology, by HL7 v2 over MLLP",
    "archive": "Mercy Imaging, by DICOMweb",
    "center": "Summit Cancer Center, by ITI-65",
    "openid": "the hospital's identity provider, by OpenID Connect",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m transfer.sandbox",
        description="Run one stand-in institution. Ends cleanly on SIGTERM and Ctrl-C.",
        epilog="; ".join(f"{name}: {what}" for name, what in _INSTITUTIONS.items()),
    )
    parser.add_argument("name", choices=sorted(_INSTITUTIONS))
    parser.add_argument("--config", type=Path, required=True, help="JSON: port, folder, tokens, gateway addresses")
    asked = parser.parse_args()
    try:
        institution = _open(asked.name, Config.read(asked.config))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{asked.name}: {error}\n")
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: institution.stopping.set())
    try:
        serve(institution)
    except OSError as error:
        sys.stderr.write(f"{asked.name}: cannot listen on port {institution.config.port}: {error.strerror}\n")
        return 2
    return 0


def _open(name: str, config: Config) -> Institution:
    # Each process loads only what its own institution needs.
    module = importlib.import_module(f"transfer.sandbox.{name}")
    institution: Institution = module.open_institution(config)
    return institution


if __name__ == "__main__":
    sys.exit(main())
