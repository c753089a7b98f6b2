"""Addresses of machines."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it. A name other than localhost may mean anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def as_ae_title(text: str) -> str:
    """PS3.5 6.2: sixteen characters, no backslash; spaces around it mean nothing."""
    title = text.strip(" ")
    if not re.fullmatch(r"[ -\[\]-~]{1,16}", title):
        raise ValueError("an AE title has 1 to 16 characters of ASCII and no backslash")
    return title


AeTitle = Annotated[str, AfterValidator(as_ae_title)]
