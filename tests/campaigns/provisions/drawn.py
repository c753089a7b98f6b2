"""Provision trees as R4 writes them, and releases to hold against them, drawn at random from a few words.

Nothing in a tree is unclear: what only a person can read is tried elsewhere (tests/adapters/test_consents.py).
"""

import random
from dataclasses import dataclass
from typing import Any, Final

Tree = dict[str, Any]

NPI: Final = {"lakeside": "1", "prairie": "2", "summit": "3"}
DAYS: Final = ("2023-06-30", "2024-01-01", "2024-12-31", "2025-05-05")
#: what a source says of a record's day: also its month or its year alone
SAID_DAYS: Final = (*DAYS, "2024-06", "2024-12", "2023", "2024")
#: around the day on which all is judged, 2026-06-15
PERIODS: Final = ("2026-01-01", "2026-06-14", "2026-06-15", "2026-06-16", "2026-12-31")

_ROLE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_LEVEL = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"

PURPOSES: Final = ("TREAT", "COC", "ETREAT", "BTG", "PATRQT", "FAMRQT", "HRESCH", "CLINTRCH", "HOPERAT", "CAREMGT")
LEVELS: Final = ("U", "L", "M", "N", "R", "V")
SENSITIVITIES: Final = ("HIV", "PSY", "MH", "BH", "SUD", "ETHUD", "PSYTHPN", "GDIS")
CLASSES: Final = ("DocumentReference", "DiagnosticReport", "ImagingStudy", "Observation")
ACTIONS: Final = ("disclose", "use", "access", "correct")
CODES: Final = ("11488-4", "11526-1", "18748-4")
KINDS: Final = ("note", "pathology-report", "imaging-report", "images", "laboratory", "material", "operative-note")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnRelease:
    discloser: str
    recipient: str
    kind: str
    purpose: str
    labels: tuple[str, ...]
    #: None: nobody knows which day the record is from
    dated: str | None


def release(draw: random.Random) -> DrawnRelease:
    levels = draw.choice([[], [], [], ["N"], ["N"], ["R"], ["V"], ["U"], ["R", "N"]])
    sensitive = draw.sample(SENSITIVITIES, draw.choice([0, 0, 0, 1, 2]))
    return DrawnRelease(
        discloser=draw.choice(["lakeside", "lakeside", "prairie"]),
        recipient=draw.choice(["summit", "summit", "prairie"]),
        kind=draw.choice(["note", "note", "pathology-report", *KINDS]),
        purpose=draw.choice(["TREAT", "TREAT", "COC", *PURPOSES]),
        labels=(*levels, *sensitive, *draw.choice([(), (), (), ("NORDSCLCD",), ("hiv",)])),
        dated=draw.choice([None, *SAID_DAYS]),
    )


def consent(draw: random.Random, *, depth: int = 2) -> Tree:
    """A root with up to three exceptions, one level of them."""
    root = _node(draw, depth, is_root=True)
    policy = draw.choice(["hipaa-auth", "hipaa-auth", "hipaa-auth", "OPTIN", "OPTOUT"])
    if draw.random() < 0.2:
        del root["type"]
    return {"policyRule": {"coding": [{"code": policy}]}, "provision": root}


def _node(draw: random.Random, depth: int, *, is_root: bool = False) -> Tree:
    kind = draw.choice(["permit", "permit", "deny"])
    tree: Tree = {"type": kind, **_parties(draw, kind, is_root=is_root)}
    if draw.random() < 0.15:
        tree["action"] = [
            {"coding": [{"code": code}]} for code in _some(draw, ("disclose", "use", "access", "correct"))
        ]
    if draw.random() < 0.2:
        tree["purpose"] = [{"system": _REASON, "code": code} for code in _some(draw, PURPOSES)]
    if draw.random() < 0.2:
        tree["class"] = [{"code": code} for code in _some(draw, CLASSES)]
    elif draw.random() < 0.1:
        tree["code"] = [{"coding": [{"system": "http://loinc.org", "code": code}]} for code in _some(draw, CODES)]
    if draw.random() < 0.3:
        tree["securityLabel"] = [
            {"system": _LEVEL if code in LEVELS else _ACT_CODE, "code": code}
            for code in _some(draw, (*LEVELS, *SENSITIVITIES))
        ]
    if draw.random() < 0.15:
        tree["dataPeriod"] = _period(draw, DAYS)
    if draw.random() < 0.1:
        tree["period"] = _period(draw, PERIODS)
    if depth > 1:
        inner = [_node(draw, depth - 1) for _ in range(draw.choice([0, 1, 2, 2, 3]))]
        tree |= {"provision": inner} if inner else {}
    return tree


def _parties(draw: random.Random, kind: str, *, is_root: bool) -> Tree:
    actors = []
    if draw.random() < 0.3:
        actors += [_actor("CST", name) for name in _some(draw, ("lakeside", "prairie"))]
    if draw.random() < 0.3:
        role = "IRCP" if kind == "permit" else draw.choice(["IRCP", "PRCP", "REFT"])
        # what the policy may turn into a refusal is drawn like a permit
        named = ("summit", "prairie") if is_root else ("summit", "prairie", "somebody")
        actors += [_actor("IRCP" if is_root else role, name) for name in _some(draw, named)]
    return {"actor": actors} if actors else {}


def _actor(role: str, name: str) -> Tree:
    known = {"type": "Organization", "identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": NPI.get(name)}}
    reference = known if name in NPI else {"display": "Somebody"}
    return {"role": {"coding": [{"system": _ROLE, "code": role}]}, "reference": reference}


def _period(draw: random.Random, days: tuple[str, ...]) -> Tree:
    first, last = sorted(draw.choices(days, k=2))
    return draw.choice([{"start": first}, {"end": last}, {"start": first, "end": last}])


def _some(draw: random.Random, words: tuple[str, ...]) -> list[str]:
    return draw.sample(words, draw.choice([1, 1, 2]))
