"""What every place of keys does alike: seal, open and make HMACs with the keys it gives out by name.

A place is a folder (`transfer.adapters.keys`) or a service on another host (`transfer.adapters.service_keys`).
"""

import hmac
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from transfer.errors import OutOfOrder, Unreadable
from transfer.sealing import KeyGone, KeyName

KEY_BYTES: Final = 32
#: of the longest secret, a signing key in PEM
MOST_BYTES: Final = 16 << 10
_NONCE: Final = 12  # SP 800-38D 5.2.1.1


class KeysMoved(OutOfOrder):
    """The keys that were here are kept elsewhere now: none is made or destroyed here."""


class HeldKeys(ABC):
    """`Keys` wherever they are kept, and what moving and copying them needs. Nothing here shows a key in its `repr`."""

    @property
    def are_near(self) -> bool:
        return True

    @abstractmethod
    def fetch(self, name: KeyName) -> bytes:
        """The secret of this name.

        Raises:
            KeyGone: there is none, or it was destroyed.
            OutOfOrder: the place does not answer.
        """

    @abstractmethod
    def offer(self, name: KeyName, secret: bytes) -> bytes:
        """Keep this secret under the name unless there is one, durably. Gives the one that is kept: of many who offer
        at once all get the same. Raises as `fetch`, and `KeysMoved`.
        """

    def make(self, name: KeyName) -> None:
        self.offer(name, os.urandom(KEY_BYTES))

    def seal(self, name: KeyName, content: bytes, *, about: str) -> bytes:
        return self.seal_each(name, {about: content})[about]

    def seal_each(self, name: KeyName, contents: Mapping[str, bytes]) -> dict[str, bytes]:
        if not contents:
            return {}
        cipher = AESGCM(self._key(name))
        nonces = {about: os.urandom(_NONCE) for about in contents}
        return {a: nonces[a] + cipher.encrypt(nonces[a], content, a.encode()) for a, content in contents.items()}

    def unseal(self, name: KeyName, sealed: bytes, *, about: str) -> bytes:
        try:
            return AESGCM(self._key(name)).decrypt(sealed[:_NONCE], sealed[_NONCE:], about.encode())
        except (InvalidTag, ValueError):  # the latter where it is shorter than any sealed thing
            raise Unreadable(f"{about} is not what was sealed") from None

    def hmac(self, name: KeyName, content: bytes) -> bytes:
        return self.hmacs(name, [content])[0]

    def hmacs(self, name: KeyName, contents: Sequence[bytes]) -> list[bytes]:
        begun = hmac.new(self._key(name), b"hmac\0", "sha256")
        return [_ended(begun.copy(), content) for content in contents]

    def _key(self, name: KeyName) -> bytes:
        key = self.fetch(name)
        if len(key) != KEY_BYTES:
            raise KeyGone(name)
        return key

    @abstractmethod
    def has(self, name: KeyName) -> bool:
        """As `Keys.has`."""

    @abstractmethod
    def destroy(self, name: KeyName) -> None:
        """As `Keys.destroy`. Raises also `KeysMoved`."""

    @abstractmethod
    def was_destroyed(self, name: KeyName) -> bool:
        """As `Keys.was_destroyed`."""

    @abstractmethod
    def note_end(self, permission: str, how: str) -> None:
        """As `Keys.note_end`."""

    @abstractmethod
    def noted_ends(self) -> Mapping[str, str]:
        """As `Keys.noted_ends`."""

    # --- moving and copying -------------------------------------------------------------------------------------------

    @abstractmethod
    def names(self) -> list[KeyName]:
        """Of all secrets that are kept, sorted."""

    @abstractmethod
    def destroyed(self) -> list[KeyName]:
        """Of all keys that were destroyed here, in that order."""

    @abstractmethod
    def name_destroyed(self, name: KeyName) -> None:
        """That this key was destroyed, here or where it was kept before: it is destroyed here, too. Twice is once."""

    @abstractmethod
    def moved(self) -> str:
        """Where the keys are kept now; empty: here."""

    @abstractmethod
    def say_moved(self, where: str) -> None:
        """From now on no key is made or destroyed here, because they are kept elsewhere; empty: they are kept here."""

    @abstractmethod
    def has_copy(self) -> bool:
        """Whether a copy of them is kept, under a passphrase."""

    @abstractmethod
    def take_copy(self, passphrase: str) -> int:
        """Bring the copy up to date. Says how many secrets it has now. Raises as `KeysCopy.take`."""


def _ended(begun: hmac.HMAC, content: bytes) -> bytes:
    """A copy takes a fifth of the time that beginning anew with the key would."""
    begun.update(content)
    return begun.digest()
