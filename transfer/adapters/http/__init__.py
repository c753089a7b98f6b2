"""The one HTTP client, for sources, receivers and Airflow: its own origin, no redirects, no proxies, all bounded."""

from transfer.adapters.http.client import HttpAnswer, HttpClient, HttpReply, ShownAuthorization, basic, bearer
from transfer.adapters.http.failures import Gone, NotFound, NotOffered, NotReached, NotTrusted, Silent, TooSlow
from transfer.adapters.http.limits import HttpLimits

__all__ = [
    "Gone",
    "HttpAnswer",
    "HttpClient",
    "HttpLimits",
    "HttpReply",
    "NotFound",
    "NotOffered",
    "NotReached",
    "NotTrusted",
    "ShownAuthorization",
    "Silent",
    "TooSlow",
    "basic",
    "bearer",
]
