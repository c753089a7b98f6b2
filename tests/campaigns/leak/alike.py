"""Two people alike, and what is told of each without what differs from case to case."""

import json
import re
import zlib
from collections import Counter

from tests.kit.house import Chart
from transfer.sandbox.charts import draw_chart

#: words that would say what kind of thing was kept back, or that anything was
TELLING = re.compile(
    r"\bHIV\b|\bAIDS\b|PSYTHPN|psych|\bSUD\b|substance|42.?CFR|special.categor|sensitiv|withheld|kept back|redact|"
    r"not authori[sz]ed|"
    r"securityLabel|confidential",
    re.IGNORECASE,
)


def two_alike(document: str, code: str) -> tuple[Chart, Chart]:
    """Two people alike but for their names and numbers: the office of one shows a document under a label that the form
    does not release, the office of the other has no such document.
    """
    chart = draw_chart(seed=zlib.crc32(f"{document} {code}".encode()), marked="WVQAA", slices=2)
    other = json.loads(json.dumps(chart).replace("WVQAA", "WVQBB"))
    chart = json.loads(renumbered(json.dumps(chart), "3"))
    other = json.loads(renumbered(json.dumps(other), "4"))
    return chart | {"labels": {document: [code]}}, other | {"lacks": [document]}


def renumbered(text: str, digit: str) -> str:
    """Numbers that the whole world shares must not be shared by two people."""
    text = re.sub(r"(2\.25\.\d{30})\d", rf"\g<1>{digit}", text)
    return re.sub(r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{11})[0-9a-f]", rf"\g<1>{digit}", text)


#: what is another for every case and every person → what stands for it
_OWN = (
    (re.compile(r'(?<=name="key" value=")[0-9a-f]{16}'), "KEY"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "SHA256"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"WVQ([A-D])\1"), "WORD"),
    (re.compile(r"\b[a-z][0-9a-hjkmnp-tv-z]{15}\b"), "ID"),
    (re.compile(r"\bc[0-9a-hjkmnp-tv-z]{11}(?=-p\d|\b)"), "CASE"),
    (re.compile(r"2\.25\.\d+"), "UID"),
    # the mark of an ordinary record, which its source put into it
    (re.compile(r'"securityLabel": \[\s*{\s*"coding": \[\s*{[^{}]*"code": "N"\s*}\s*\]\s*}\s*\]'), '"ordinary": 1'),
    (re.compile(r'"hash": ?"[A-Za-z0-9+/=]{28}"'), '"hash": "SHA1"'),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?(Z|UTC|[+-]\d\d:\d\d))?"), "TIME"),
    (re.compile(r"\b\d\d:\d\d UTC"), "TIME"),
    (re.compile(r"(?<=Payload-Oxum: )\d+"), "N"),
    (re.compile(r'("(?:bytes|size|sequence|offset|length)": ?)\d+'), r"\1N"),
    (re.compile(r"\b\d[\d.,]*\s?([kKM]i?B|bytes)\b"), "SIZE"),
)


def neutral(text: str) -> str:
    for own, stands in _OWN:
        text = own.sub(stands, text)
    return text


def differences(one: str, other: str) -> Counter[str]:
    """What one says and the other does not, line by line, in whichever order."""
    first, second = (Counter(re.split(r"\n|(?<=[,{}>])", text)) for text in (one, other))
    return (first - second) + (second - first)
