"""The keys by which we get tokens: PEM files in a folder, each named by when it was made.

Two live at a time while one replaces another. Their servers keep our JWK set for hours, so a new key signs once it was
published for a day.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from joserfc.errors import InvalidKeyTypeError, JoseError
from joserfc.jwk import ECKey, RSAKey

from transfer.errors import OutOfOrder, Unknown
from transfer.remedies import Remedy, RemedyCode
from transfer.settings import is_open_to_others

#: how long a new key is published before it signs
PUBLISHED: Final = timedelta(days=1)
_NAME: Final = re.compile(r"(\d{8}T\d{6})Z\.pem")
_RSA_BITS: Final = 3072


@dataclass(frozen=True, slots=True)
class SmartKey:
    """One key. `begun_at` is UTC."""

    begun_at: datetime
    key: ECKey | RSAKey
    path: Path

    @property
    def kid(self) -> str:
        """Its thumbprint (RFC 7638)."""
        return str(self.key.thumbprint())

    @property
    def algorithm(self) -> str:
        return "RS384" if isinstance(self.key, RSAKey) else "ES384"

    @property
    def public(self) -> dict[str, str]:
        """As it stands in a JWK set (RFC 7517)."""
        said = {name: str(value) for name, value in self.key.as_dict(private=False).items() if isinstance(value, str)}
        return {**said, "kid": self.kid, "alg": self.algorithm, "use": "sig"}


class SmartKeys:
    """The keys of one folder, read anew each time they are asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> list[SmartKey]:
        """The oldest first; none where there is no folder.

        Raises:
            OutOfOrder: a key can be read by others, or is none.
        """
        found = (path for path in sorted(self._folder.glob("*.pem")) if _NAME.fullmatch(path.name))
        return [_read(path) for path in found]

    def signing(self, now: datetime) -> SmartKey:
        """The newest that was published for a day; else the oldest. `now` is UTC.

        Raises:
            OutOfOrder: there is none.
        """
        found = self.all()
        if not found:
            raise _no_key()
        return next((one for one in reversed(found) if one.begun_at + PUBLISHED <= now), found[0])

    def jwks(self) -> Mapping[str, list[dict[str, str]]]:
        """The public halves of all: what their servers look up."""
        return {"keys": [one.public for one in self.all()]}

    def make(self, algorithm: str, now: datetime) -> SmartKey:
        """A new key, published from now on. `algorithm`: ES384 or RS384, which servers must take
        (SMART App Launch 2.0, asymmetric client authentication).
        """
        key = RSAKey.generate_key(_RSA_BITS) if algorithm == "RS384" else ECKey.generate_key("P-384")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{now:%Y%m%dT%H%M%S}Z.pem"
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(key.as_pem(private=True))
        return _read(path)

    def retire(self, kid: str) -> None:
        """Remove a key. Their servers refuse what it signed once they look our set up again.

        Raises:
            Unknown: there is no such key.
        """
        for one in self.all():
            if one.kid == kid:
                one.path.unlink()
                return
        raise Unknown("there is no such key")


def _read(path: Path) -> SmartKey:
    try:
        if is_open_to_others(path.stat().st_mode):
            raise OutOfOrder(f"{path.name} can be read by others: chmod 600")
        key = _imported(path.read_bytes())
        begun_at = datetime.strptime(path.name, "%Y%m%dT%H%M%SZ.pem").replace(tzinfo=UTC)
    except (OSError, ValueError, JoseError):
        raise OutOfOrder(f"{path.name} is no private key in PEM, of RSA or P-384, named by when it was made") from None
    return SmartKey(begun_at, key, path)


def _imported(pem: bytes) -> ECKey | RSAKey:
    try:
        key = ECKey.import_key(pem)
    except InvalidKeyTypeError:
        return RSAKey.import_key(pem)
    if key.curve_name != "P-384":
        raise ValueError("ES384 is of P-384")
    return key


def _no_key() -> OutOfOrder:
    error = OutOfOrder("there is no key to get tokens by")
    error.remedy = Remedy(RemedyCode.MAKE_SMART_KEY)
    return error
