"""The journeys share one installation without Airflow."""

from tests.kit.shared_house import hours_pass, house, shared_house  # noqa: F401  fixtures
