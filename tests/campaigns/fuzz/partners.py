"""The partners of `institutions/` as a parser needs them: who they are, how they spell things. No doors, no secrets."""

from pathlib import Path

import yaml

from transfer.institutions import Institution, Institutions

_FOLDER = Path(__file__).parents[3] / "institutions"
_SAID = ("id", "name", "time_zone", "identifiers", "issuers", "default_issuer", "codes")
_RECORDS_OFFICE = {"id": "records-office", "name": "Records office", "holds": ["note"], "asked": {"by": "hand"}}


def _partner(path: Path) -> Institution:
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    plain = {key: said[key] for key in _SAID if key in said}
    return Institution.model_validate({**plain, "departments": [_RECORDS_OFFICE]})


ALL = Institutions(_partner(path) for path in sorted(_FOLDER.glob("*.yaml")))
LAKESIDE = ALL["lakeside-oncology"]
PRAIRIE = ALL["prairie-pathology"]
MERCY = ALL["mercy-imaging"]
