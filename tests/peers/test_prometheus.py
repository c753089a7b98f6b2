"""Prometheus itself reads our configuration, rules and page of metrics, and answers what the dashboard asks."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
import yaml

from tests.kit.metrics_page import page_of_metrics
from tests.kit.peers import installed
from tests.kit.peers.running import running, says_ok
from transfer import health
from transfer.embedded import ports
from transfer.health import Readiness

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "records-transfer.json"

#: what the exchanges with one side count as, half of them without an answer
_EXCHANGES = "transfer_exchange_seconds_count{kind='fetch',institution='mercy',outcome='%s'}"
#: each alert: what is scraped each minute while all is well, what while it is not, and the labels it comes with
PROVOKED: dict[str, tuple[dict[str, str], dict[str, str], dict[str, str]]] = {
    "PartNotRunning": (
        {"up{job='records-transfer',instance='desk:9100'}": "1x800"},
        {"up{job='records-transfer',instance='desk:9100'}": "0x800"},
        {"job": "records-transfer", "instance": "desk:9100"},
    ),
    "LedgerAway": (
        {"transfer_ledger_up{instance='a'}": "1x800", "transfer_ledger_up{instance='b'}": "0x800"},
        {"transfer_ledger_up{instance='a'}": "0x800", "transfer_ledger_up{instance='b'}": "0x800"},
        {},
    ),
    "MessagesUnattended": (
        {"transfer_arrivals_oldest_seconds{institution='mercy'}": "900x800"},
        {"transfer_arrivals_oldest_seconds{institution='mercy'}": "901x800"},
        {"institution": "mercy"},
    ),
    "RoundsOverdue": (
        {"transfer_rounds_overdue{dag='open_case'}": "0x800"},
        {"transfer_rounds_overdue{dag='open_case'}": "1x800"},
        {"dag": "open_case"},
    ),
    "SourceSilent": (
        {"transfer_silent_seconds{institution='mercy'}": "3600x800"},
        {"transfer_silent_seconds{institution='mercy'}": "3601x800"},
        {"institution": "mercy"},
    ),
    "ExchangesFail": (
        {_EXCHANGES % "answered": "0+2x800", _EXCHANGES % "no-answer": "0+1x800"},
        {_EXCHANGES % "answered": "0+1x800", _EXCHANGES % "no-answer": "0+2x800"},
        {"kind": "fetch", "institution": "mercy"},
    ),
    "CasesOverdue": (
        {"transfer_cases_overdue{receiver='summit'}": "0x800"},
        {"transfer_cases_overdue{receiver='summit'}": "3x800"},
        {"receiver": "summit"},
    ),
    "PartAway": (
        {"transfer_part_up{part='store'}": "1x800"},
        {"transfer_part_up{part='store'}": "0x800"},
        {"part": "store"},
    ),
    "DiskFills": (
        {"transfer_disk_free_bytes{disk='var'}": "11x800", "transfer_disk_size_bytes{disk='var'}": "100x800"},
        {"transfer_disk_free_bytes{disk='var'}": "9x800", "transfer_disk_size_bytes{disk='var'}": "100x800"},
        {"disk": "var"},
    ),
    "BackupTooOld": (
        {"transfer_backup_timestamp_seconds": "0x800"},
        {"transfer_backup_timestamp_seconds": "-129600x800"},
        {},
    ),
    "CertificateEnds": (
        {"transfer_certificate_ends_timestamp_seconds{certificate='doors'}": "3000000x800"},
        {"transfer_certificate_ends_timestamp_seconds{certificate='doors'}": "2000000x800"},
        {"certificate": "doors"},
    ),
    "DoorsNotStoring": (
        {"transfer_door_answers_total{door='fhir',code='200'}": "0+5x800"},
        {"transfer_door_answers_total{door='fhir',code='503'}": "0+1x800"},
        {},
    ),
}
#: minutes after which each has stood longer than it must, and less than any that is well would begin
WHEN = 60


def promtool(*words: str | Path, given: bytes = b"") -> str:
    """What it said; it must be content."""
    command = [str(installed.program("promtool")), *map(str, words)]
    done = subprocess.run(command, input=given, capture_output=True, timeout=60, check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"]
    return list(group["rules"])


def test_configuration_and_rules_are_as_prometheus_wants_them():
    said = promtool("check", "config", PROMETHEUS / "prometheus.yml")

    assert f"{len(rules())} rules found" in said


def test_each_alert_begins_when_it_is_provoked_and_not_before(tmp_path: Path):
    known = {rule["alert"]: rule["annotations"]["summary"] for rule in rules()}
    assert known.keys() == PROVOKED.keys()
    tests = []
    for alert, (well, wrong, labels) in PROVOKED.items():
        summary = re.sub(r"{{ \$labels\.(\w+) }}", lambda one, labels=labels: labels[one[1]], known[alert])
        told = {"exp_labels": labels, "exp_annotations": {"summary": summary}}
        for scraped, expected in ((well, []), (wrong, [told])):
            tests.append(
                {
                    "interval": "1m",
                    "input_series": [{"series": name, "values": values} for name, values in scraped.items()],
                    "alert_rule_test": [{"eval_time": f"{WHEN}m", "alertname": alert, "exp_alerts": expected}],
                }
            )
    file = tmp_path / "provoked.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(PROMETHEUS / "rules.yml")], "tests": tests}))

    promtool("test", "rules", file)


@contextmanager
def scraping(folder: Path) -> Iterator[str]:
    """Prometheus with our configuration and rules, and our page of metrics in place of each part. Where it is asked."""
    taken = ports.free(["prometheus", "health"])
    configured = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    configured["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    configured["rule_files"] = [str(PROMETHEUS / "rules.yml")]
    (job,) = configured["scrape_configs"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{taken['health']}"]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configured))
    url = f"http://127.0.0.1:{taken['prometheus']}"
    command = [
        installed.program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{taken['prometheus']}",
    ]
    with (
        health.served(("127.0.0.1", taken["health"]), Readiness({}), metrics=page_of_metrics),
        running(command, folder=folder, answers=lambda: says_ok(f"{url}/-/ready"), seconds=60.0),
    ):
        yield url


def asked(http: urllib3.PoolManager, url: str, query: str) -> list[Any]:
    answer = http.request("GET", f"{url}/api/v1/query", fields={"query": query}).json()
    assert answer["status"] == "success", f"{query}: {answer}"
    found: list[Any] = answer["data"]["result"]
    return found


def test_prometheus_scrapes_our_page_and_answers_each_question_of_the_dashboard(
    tmp_path: Path, eventually: Callable[[Callable[[], object]], None]
):
    dashboard = json.loads(DASHBOARD.read_text())
    panels = {panel["title"]: [one["expr"] for one in panel["targets"]] for panel in dashboard["panels"]}
    with scraping(tmp_path) as url, urllib3.PoolManager() as http:
        eventually(lambda: asked(http, url, "min(count_over_time(transfer_ledger_up[1m])) > 2"))
        (target,) = http.request("GET", f"{url}/api/v1/targets").json()["data"]["activeTargets"]
        empty = [title for title, queries in panels.items() for one in queries if not asked(http, url, one)]
        unnamed = [
            f"{panel['title']}: {label}"
            for panel in dashboard["panels"]
            for one in panel["targets"]
            for label in re.findall(r"{{(\w+)}}", one.get("legendFormat", ""))
            if any(label not in row["metric"] for row in asked(http, url, one["expr"]))
        ]
        groups = http.request("GET", f"{url}/api/v1/rules").json()["data"]["groups"]

    assert (target["health"], target["lastError"]) == ("up", "")
    assert empty == []
    assert unnamed == []
    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
    assert sum(len(group["rules"]) for group in groups) == len(rules())
