"""Addresses of machines."""

import ipaddress
import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it. A name other than localhost may mean anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_host(text: str) -> bool:
    """A name (RFC 1035 section 2.3.4: labels of 1 to 63 signs, 253 together; some have a _) or an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        label = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
        is_number = re.fullmatch(r"[0-9.]+", text)  # an IP address, mistyped: no name ends with digits (RFC 3696)
        return len(text) <= 253 and not is_number and bool(re.fullmatch(rf"{label}(?:\.{label})*", text))
    return "%" not in text


def as_web_address(text: str) -> SplitResult:
    """The parts of a server's address (RFC 9110, section 4.2) that ends with its path.

    A user in it would be a secret that sheets and logs show, and a query would be lost where a path is put behind it.

    Raises:
        ValueError: it is none; says what is wrong and does not repeat it.
    """
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("an address has no spaces, and characters of ASCII alone")
    try:
        there = urlsplit(text)
        is_port = there.port != 0
    except ValueError:
        is_port = False
    if not is_port:
        raise ValueError("an address with a port that there is not: a port is 1 to 65535")
    if there.scheme not in ("https", "http") or not there.hostname:
        raise ValueError("not an address that begins with https://")
    if "@" in there.netloc:
        raise ValueError("an address names no user and no password: each has a place of its own")
    if not is_host(there.hostname.removesuffix(".")):
        raise ValueError("an address whose host is neither a name nor an IP address")
    if {".", ".."} & set(there.path.split("/")):
        raise ValueError("an address has no dots to climb by")
    if "?" in text or "#" in text:
        raise ValueError("an address ends with its path: it has no ? and no #")
    return there


def as_ae_title(text: str) -> str:
    """PS3.5 6.2: sixteen characters, no backslash; spaces around it mean nothing.

    Raises:
        ValueError: it is none.
    """
    title = text.strip(" ")
    if not re.fullmatch(r"[ -\[\]-~]{1,16}", title):
        raise ValueError("an AE title has 1 to 16 characters of ASCII and no backslash")
    return title


AeTitle = Annotated[str, AfterValidator(as_ae_title)]
