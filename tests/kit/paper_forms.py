"""Fields of paper forms to test with, and a scan."""

import copy
from datetime import date
from typing import Any, Final

import yaml

from tests.kit import builders as b
from transfer.sandbox.charts import Chart

#: as little of a PDF as is one
SCAN: Final = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

_COMPLETE: Final[dict[str, Any]] = {
    "form": "release",
    "number": "form-7",
    "replaces": "missing",
    "patient": {"family": "Quillfeather", "given": ["Odalys"], "birth_date": date(1961, 2, 3)},
    "information": {
        "records": "all",
        "ordinary": True,
        "special": "none",
        "dated_from": "missing",
        "dated_until": "missing",
    },
    "released_by": ["lakeside", "prairie"],
    "released_to": ["summit"],
    "purposes": ["TREAT"],
    "starts_on": "missing",
    "expires": {"dated": date(2026, 9, 1), "event": "missing"},
    "signature": {
        "kind": "handwritten",
        "by": "patient",
        "authority": "missing",
        "dated": date(2026, 3, 2),
        "looked_at_by": "ann",
        "looked_at_on": date(2026, 3, 3),
    },
    "statements": {"revoke": "found", "condition": "found", "redisclose": "found"},
    "refuses": "none",
    "other_terms": "none",
    "disputes": "none",
}


def fields(**differing: object) -> bytes:
    """The fields of a complete form with something else in it: `expires__event="discharge"` is in a part of it."""
    form = copy.deepcopy(_COMPLETE)
    for name, value in differing.items():
        *parts, last = name.split("__")
        tree = form
        for part in parts:
            tree = tree[part]
        tree[last] = value
    return yaml.safe_dump(form).encode()


def fields_for(chart: Chart, **differing: object) -> bytes:
    """A complete form of a patient of the stand-in oncology office, in force for long."""
    who = chart["patient"]
    said: dict[str, object] = {
        "patient": {"family": who["family"], "given": who["given"], "birth_date": who["birth_date"]},
        "released_by": [str(one) for one in (b.LAKESIDE, b.PRAIRIE, b.MERCY)],
        "released_to": [str(b.SUMMIT)],
        "expires__dated": date(2035, 1, 1),
    }
    return fields(**(said | differing))
