"""What is searched is one installation without Airflow, unless a test has its own."""

from tests.kit.shared_house import house, shared_house  # noqa: F401  fixtures
