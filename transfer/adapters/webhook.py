"""A message to a web server that somebody names, signed as Standard Webhooks has it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from transfer.adapters.http import HttpClient, HttpLimits
from transfer.sources import go_on

_LIMITS: Final = HttpLimits(connect_seconds=5.0, silence_seconds=10.0, page_seconds=15.0, page_bytes=64 << 10)
_PREFIX: Final = "whsec_"


@dataclass(frozen=True, slots=True)
class Webhook:
    """By POST to `url`, which answers with any 2xx. Redirects are not followed, and no proxy is used.

    Raises:
        ValueError: the secret is none: `whsec_` and 24 to 64 bytes in base64.
    """

    url: str
    secret: str

    def __post_init__(self) -> None:
        if not 24 <= len(self._key()) <= 64:
            raise ValueError("the secret of a webhook has 24 to 64 bytes")

    def send(self, name: str, at: datetime, body: Mapping[str, object]) -> None:
        """Hand it over. `name` is the same for the same message, so that it counts once where it comes twice; `at` is
        the moment of this try (UTC).

        Raises:
            Unavailable: not now.
            TransferError: it is not taken: turned away, not there, another status.
        """
        parts = urlsplit(self.url)
        text = json.dumps(body, sort_keys=True).encode()
        said = f"{name}.{int(at.timestamp())}.".encode() + text
        signed = base64.b64encode(hmac.digest(self._key(), said, hashlib.sha256)).decode()
        client = HttpClient(f"{parts.scheme}://{parts.netloc}", None, _LIMITS)
        try:
            client.ask(
                "POST",
                self.url,
                accept="*/*",
                keep_going=go_on,
                headers={
                    "Content-Type": "application/json",
                    "webhook-id": name,
                    "webhook-timestamp": str(int(at.timestamp())),
                    "webhook-signature": f"v1,{signed}",
                },
                body=text,
                statuses=range(200, 300),
            )
        finally:
            client.close()

    def _key(self) -> bytes:
        try:
            return base64.b64decode(self.secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            raise ValueError("the secret of a webhook is base64") from None
