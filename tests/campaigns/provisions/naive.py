"""A second evaluator of provisions, written to be obvious and slow. It shares no line with the product.

It reads the JSON as it is, tries every answer to every question that cannot be answered, and collects what comes out.
"""

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any, Final

from tests.campaigns.provisions.drawn import NPI, DrawnRelease, Tree

TODAY: Final = "2026-06-15"
#: the elements of a provision that a nested permit has from its parent
ELEMENTS: Final = ("CST", "IRCP", "action", "purpose", "what", "securityLabel", "dataPeriod", "start", "end")

ABOVE: Final = {
    "COC": ["TREAT"],
    "ETREAT": ["TREAT"],
    "BTG": ["ETREAT", "TREAT"],
    "FAMRQT": ["PATRQT"],
    "CLINTRCH": ["HRESCH"],
    "CAREMGT": ["HOPERAT"],
}
RELEASES_ALSO: Final = {
    "BH": ["MH", "PSY"],
    "MH": ["PSY"],
    "SUD": ["ETHUD", "ETH", "OPIOIDUD", "42CFRPart2"],
}
WITHIN: Final = {
    "DocumentReference": ["note", "operative-note", "pathology-report", "imaging-report", "laboratory"],
    "DiagnosticReport": ["pathology-report", "imaging-report", "laboratory"],
    "ImagingStudy": ["images"],
    "Observation": ["laboratory"],
    "11488-4": ["note"],
    "11526-1": ["pathology-report"],
    "18748-4": ["imaging-report"],
}
ORDER: Final = "ULMNRV"
#: of a month: those that are drawn, and some beside them; the calendar is not in question
DAYS: Final = (1, 2, 5, 6, 29, 30, 31)


def possible(consent: Tree, release: DrawnRelease) -> set[str | None]:
    """All that the form may say: permit, deny, None."""
    root = dict(consent["provision"])
    if consent["policyRule"]["coding"][0]["code"] == "OPTOUT" or root.get("type") == "deny":
        root["type"] = "deny"
    else:
        root["type"] = "permit"
    nodes = list(_all(root))
    coins = product([True, False], repeat=len(nodes))
    if not any(_is_open(node) for node in nodes):
        coins = product([True], repeat=len(nodes))
    return {_decide(root, {}, release, dict(zip(map(id, nodes), coin, strict=True)), is_root=True) for coin in coins}


def _all(node: Tree) -> Iterator[Tree]:
    yield node
    for inner in node.get("provision", []):
        yield from _all(inner)


def _is_open(node: Tree) -> bool:
    return "actor" in node or "dataPeriod" in node or "code" in node


def _decide(
    node: Tree, parent: Tree, release: DrawnRelease, coin: dict[int, bool], *, is_root: bool = False
) -> str | None:
    said = _elements(node)
    if node["type"] == "permit":
        # A period and a data period are each one element, though a period has two ends of its own.
        said = {name: said.get(name, parent.get(name)) for name in ELEMENTS}
        said = {name: value for name, value in said.items() if value is not None}
    judged = [_fits(name, value, node["type"], release) for name, value in said.items()]
    judged += [] if "securityLabel" in said or node["type"] == "deny" else [_labels_fit([], "permit", release)]
    if node["type"] == "permit" and "PSYTHPN" in release.labels and "what" not in said:
        judged.append(False)
    fits = False not in judged and (None not in judged or coin[id(node)])
    if not fits and not is_root:
        return None
    inner = [_decide(one, said, release, coin) for one in node.get("provision", [])]
    for strongest in ("deny", "permit"):
        if strongest in inner:
            return strongest
    return node["type"] if fits else None


def _elements(node: Tree) -> Tree:
    said: Tree = {}
    for actor in node.get("actor", []):
        role = "CST" if actor["role"]["coding"][0]["code"] == "CST" else "IRCP"
        number = actor["reference"].get("identifier", {}).get("value")
        said.setdefault(role, []).append(next((name for name in NPI if NPI[name] == number), "?"))
    if "action" in node:
        said["action"] = [one["coding"][0]["code"] for one in node["action"]]
    for name in ("purpose", "securityLabel"):
        if name in node:
            said[name] = [one["code"] for one in node[name]]
    if "class" in node:
        said["what"] = [kind for one in node["class"] for kind in WITHIN[one["code"]]]
    if "code" in node:
        said["what"] = ["by code", *(kind for one in node["code"] for kind in WITHIN[one["coding"][0]["code"]])]
    if "dataPeriod" in node:
        said["dataPeriod"] = node["dataPeriod"]
    said.update(node.get("period", {}))
    return said


def _fits(name: str, value: Any, kind: str, release: DrawnRelease) -> bool | None:
    """Yes, no, or None where nobody can tell."""
    match name:
        case "CST" | "IRCP":
            party = release.discloser if name == "CST" else release.recipient
            return True if party in value else None if "?" in value else False
        case "action":
            return "disclose" in value if kind == "permit" else bool({"disclose", "use", "access"} & set(value))
        case "purpose":
            mine = [release.purpose, *ABOVE.get(release.purpose, [])]
            asked = kind == "permit" and "PATRQT" in value and "TREAT" in mine
            return asked or any(one in value for one in mine)
        case "what":
            if release.kind not in value:
                return False
            return None if kind == "deny" and "by code" in value else True
        case "securityLabel":
            return _labels_fit(value, kind, release)
        case "dataPeriod":
            if release.dated is None:
                return None
            within = {value.get("start", "0") <= day <= value.get("end", "9") for day in _days(release.dated)}
            return within.pop() if len(within) == 1 else None
        case "start":
            return bool(value <= TODAY)
        case _:
            return bool(value >= TODAY)


@cache
def _days(said: str) -> list[str]:
    """Days that may be meant, some of each month of the years that are drawn."""
    every = [f"{year}-{month:02}-{day:02}" for year in range(2022, 2027) for month in range(1, 13) for day in DAYS]
    return [day for day in every if day.startswith(said)]


def _labels_fit(value: list[str], kind: str, release: DrawnRelease) -> bool:
    level = max((ORDER.index(one) for one in release.labels if one in ORDER), default=ORDER.index("N"))
    carried = [one for one in release.labels if one not in ORDER and one != "NORDSCLCD"]
    levels = [ORDER.index(one) for one in value if one in ORDER]
    named = [one for one in value if one not in ORDER]
    named += [more for one in named for more in RELEASES_ALSO.get(one, [])]
    if kind == "deny":
        wider = [*carried, *(more for one in carried for more in RELEASES_ALSO.get(one, []))]
        same = {one.upper() for one in named} & {one.upper() for one in wider}
        return bool(same) or any(level >= one for one in levels)
    if value and not (any(level <= one for one in levels) or any(one in named for one in carried)):
        return False
    if any(one not in named for one in carried):
        return False
    if "PSYTHPN" in release.labels and any(one not in ("PSYTHPN", "R", "V") for one in value):
        return False
    if level <= max([*levels, ORDER.index("N")]):
        return True
    return level == ORDER.index("R") and bool(carried)
