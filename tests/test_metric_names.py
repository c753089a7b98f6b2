"""What the dashboard, the rules and the page of metrics name is there, and all that is there is named."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.kit.metrics_page import page_of_metrics

ROOT = Path(__file__).parents[1]
DASHBOARD = ROOT / "deploy" / "grafana" / "records-transfer.json"
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
SCRAPED = ROOT / "deploy" / "prometheus" / "prometheus.yml"
PAGE = ROOT / "docs" / "operations.md"
#: labels that Prometheus adds
THEIRS = {"le", "job", "instance"}


@pytest.fixture(scope="module")
def there() -> dict[str, set[str]]:
    """Each name of a sample, and its labels."""
    families = text_string_to_metric_families(page_of_metrics().decode())
    found: dict[str, set[str]] = {}
    for family in families:
        for one in family.samples:
            found.setdefault(one.name, set()).update(one.labels)
    return {name: labels for name, labels in found.items() if name.startswith("transfer_")}


def expressions() -> list[str]:
    dashboard = json.loads(DASHBOARD.read_text())
    rules = yaml.safe_load(RULES.read_text())
    return [
        *(target["expr"] for panel in dashboard["panels"] for target in panel["targets"]),
        *(rule["expr"] for group in rules["groups"] for rule in group["rules"]),
    ]


def test_each_metric_of_the_dashboard_and_the_rules_is_there(there):
    named = {name for one in expressions() for name in re.findall(r"\btransfer_\w+", one)}

    assert named
    assert named - there.keys() == set()


def test_each_label_that_they_ask_by_is_one_of_the_metric(there):
    for one in expressions():
        labels = {label for name in re.findall(r"\btransfer_\w+", one) for label in there[name]} | THEIRS
        asked = {part.strip() for group in re.findall(r"by \(([^)]*)\)", one) for part in group.split(",")}
        asked |= {label for matched in re.findall(r"\{([^}]*)\}", one) for label in re.findall(r"(\w+)=", matched)}
        assert asked - labels == set(), one


def test_all_that_is_there_is_shown_and_explained(there):
    shown = " ".join(expressions())
    explained = set(re.findall(r"\btransfer_\w+", PAGE.read_text()))
    bases = {re.sub(r"_(bucket|count|sum)$", "", name) for name in there}

    assert {name for name in bases if name not in shown} == set()
    assert bases - explained == set()
    assert {name for name in explained if name.startswith("transfer_") and name not in bases} <= {
        "transfer_airflow",
        "transfer_app",
        "transfer_owner",
    }


def test_the_dashboard_reads_from_whichever_prometheus_is_chosen_and_each_panel_has_its_own_place():
    dashboard = json.loads(DASHBOARD.read_text())

    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {"${datasource}"}
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]}) == len(
        dashboard["panels"]
    )
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_what_is_scraped_are_the_ports_of_health_of_the_production_shape():
    services = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]
    (job,) = yaml.safe_load(SCRAPED.read_text())["scrape_configs"]
    added = yaml.safe_load((ROOT / "deploy" / "compose.prometheus.yaml").read_text())["services"]

    for target in job["static_configs"][0]["targets"]:
        name, port = target.split(":")
        environment = services[name]["environment"] | added.get(name, {}).get("environment", {})
        assert environment["TRANSFER_HEALTH"] == f"0.0.0.0:{port}"
