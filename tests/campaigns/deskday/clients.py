"""Twenty people at the desk beside a running pipeline: does each get each page, and how much slower are the cases?

    python -m tests.campaigns.deskday clients --minutes 10

The desk is the process that people reach, the pipeline is a case after another from referral to packet. It runs alone
and beside the people in turns of a minute. The stand-ins of the institutions take longer with each hundred cases,
whoever is there: so each turn beside the people is compared with those before and after it, by the cases' median.
Whoever sits before a page thinks for five seconds.
"""

# ruff: noqa: T201 - it prints what it measured

import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import urllib3

from tests.kit.acts import Journey
from tests.kit.desk_client import a_person
from tests.kit.house import House, a_house
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.pages.address import Address
from transfer.pages.forms import TOKEN
from transfer.pages.session import sign_in, token_of
from transfer.rights import Role

PEOPLE: Final = 20
#: seconds before the next page, on average
THINKS: Final = 5.0
#: seconds alone, and then as many beside the people
_TURN: Final = 60.0
#: how many times longer a case may take beside the people
MOST_SLOWER: Final = 1.2


def main(minutes: float) -> int:
    """Ends with 1 where a page was refused, or cases took longer than they may."""
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    try:
        with a_house(folder / "var", desk=True, cold=True) as house:
            cases = [_case(house) for _ in range(3)]
            alone, beside = list[list[float]](), list[list[float]]()
            took, errors = list[float](), Counter[str]()
            for _ in range(max(1, round(minutes / 2))):
                alone.append(_pipeline(house, _TURN))
                with subprocess.Popen(_browsing(house, cases, _TURN), stdout=subprocess.PIPE, text=True) as people:
                    beside.append(_pipeline(house, _TURN))
                    said, _ = people.communicate(timeout=120)
                found = json.loads(said)
                took += found["took"]
                errors.update(found["errors"])
            alone.append(_pipeline(house, _TURN))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    by_itself, with_people = (list(map(statistics.median, turns)) for turns in (alone, beside))
    ratios = [
        2 * one / (before + after) for one, before, after in zip(with_people, by_itself, by_itself[1:], strict=False)
    ]
    slower = statistics.median(ratios)
    took.sort()
    print(f"{PEOPLE} people, {len(took)} pages, {errors.total()} errors {dict(errors) or ''}")
    print(f"a page: median {took[len(took) // 2]:.0f} ms, p95 {took[int(len(took) * 0.95)]:.0f} ms")
    for name, turns, medians in (("alone", alone, by_itself), ("beside", beside, with_people)):
        print(f"cases {name}: {sum(map(len, turns))}; s each, turn by turn:", *(f"{one:.2f}" for one in medians))
    print(f"beside the people {slower:.2f} times: {' '.join(f'{one:.2f}' for one in ratios)}")
    return 1 if errors or slower > MOST_SLOWER else 0


def _case(house: House) -> CaseId:
    """From the referral until its packet is handed over."""
    chart = house.a_patient()
    house.release_form(chart)
    case = house.referral(chart)
    house.pathology_report(chart)
    house.process_until(lambda: "approve-partial" in house.holds(case))
    Journey(house, chart, case).say("approve-partial", HoldAnswer.APPROVE)
    house.process_until(lambda: _is_handed_over(house, case))
    return case


def _is_handed_over(house: House, case: CaseId) -> bool:
    with house.services.ledger.transaction() as tx:
        newest = tx.case(case).newest_packet
        return newest is not None and newest.receipt is not None


def _pipeline(house: House, seconds: float) -> list[float]:
    """How long each case took, one after another."""
    end = time.monotonic() + seconds
    took: list[float] = []
    while time.monotonic() < end or not took:
        began = time.monotonic()
        _case(house)
        took.append(time.monotonic() - began)
    return took


def _browsing(house: House, cases: list[CaseId], seconds: float) -> list[str]:
    origin = house.settings.desk_url
    secrets = [sign_in(house.services, a_person(f"person-{n}"), [Role.OFFICER]) for n in range(PEOPLE)]
    told = {"origin": origin, "cookie": Address(origin).cookie, "secrets": secrets, "cases": cases, "seconds": seconds}
    return [sys.executable, "-m", "tests.campaigns.deskday.clients", json.dumps(told)]


# --- the people, in a process of their own ----------------------------------------------------------------------------


def browse(told: dict[str, Any]) -> None:
    """Each person asks for page after page; what came of it is printed as JSON."""
    errors: Counter[str] = Counter()
    took: list[float] = []
    threads = [
        threading.Thread(target=_person, args=(told, number, secret, errors, took))
        for number, secret in enumerate(told["secrets"])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"errors": errors, "took": took}))


def _person(told: dict[str, Any], number: int, secret: str, errors: Counter[str], took: list[float]) -> None:
    dice, end = random.Random(number), time.monotonic() + told["seconds"]
    origin, cases = told["origin"], told["cases"]
    headers = {"Cookie": f"{told['cookie']}={secret}", "Sec-Fetch-Site": "same-origin"}
    pages = (
        "/desk/",
        "/desk/decisions",
        "/desk/incoming",
        "/desk/packages",
        f"/desk/cases/{dice.choice(cases)}",
        "find",
    )
    with urllib3.PoolManager(retries=False, timeout=60) as http:
        time.sleep(dice.random() * THINKS)
        while time.monotonic() < end:
            page, began = dice.choice(pages), time.perf_counter()
            try:
                if page == "find":
                    form = urlencode({TOKEN: token_of(secret), "name": dice.choice(("Smith", "Ro", "Ann"))})
                    typed = headers | {"Content-Type": "application/x-www-form-urlencoded"}
                    answer = http.request("POST", f"{origin}/desk/find", body=form, headers=typed)
                else:
                    answer = http.request("GET", f"{origin}{page}", headers=headers, redirect=False)
                if answer.status != 200:
                    errors[f"{page}: {answer.status}"] += 1
            except urllib3.exceptions.HTTPError as error:
                errors[f"{page}: {type(error).__name__}"] += 1
            took.append((time.perf_counter() - began) * 1000)
            time.sleep(dice.uniform(0.5, 1.5) * THINKS)


if __name__ == "__main__":
    browse(json.loads(sys.argv[1]))
