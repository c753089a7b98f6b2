"""A mailbox by IMAP over TLS (RFC 9051), as far as a watched line asks: it holds messages and moves them."""

import asyncio
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

from tests.kit.stream_server import a_stream_server
from transfer.embedded import ports

USER, PASSWORD = "fax", "a password"


@dataclass
class StandInMailbox:
    """Folders of messages. Numbers are never given twice."""

    folders: dict[str, list[bytes]] = field(default_factory=lambda: {"INBOX": []})
    port: int = 0
    #: what COPY is answered
    copies: str = "OK"

    def __post_init__(self) -> None:
        self._inbox: dict[int, bytes] = {}
        self._deleted: set[int] = set()
        self._next = 1

    def receives(self, *messages: bytes) -> None:
        for message in messages:
            self._inbox[self._next] = message
            self._next += 1
        self._list()

    def _list(self) -> None:
        self.folders["INBOX"] = list(self._inbox.values())

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK IMAP4rev1 ready\r\n")
        while line := await reader.readline():
            tag, _, command = line.decode().strip().partition(" ")
            for piece in self._said(command):
                writer.write(piece)
            is_out = command.upper() == "LOGOUT"
            writer.write(f"{tag} {self._ends(command)} so it is\r\n".encode())
            await writer.drain()
            if is_out:
                break
        writer.close()

    def _ends(self, command: str) -> str:
        if command.startswith("LOGIN"):
            is_ours = command == f'LOGIN {USER} "{PASSWORD}"'
            return "OK" if is_ours else "NO [AUTHENTICATIONFAILED] no"
        if command.startswith("CREATE"):
            name = command.split()[1].strip('"')
            is_new = name not in self.folders
            self.folders.setdefault(name, [])
            return "OK" if is_new else "NO [ALREADYEXISTS] there"
        return self.copies if command.startswith("UID COPY") else "OK"

    def _said(self, command: str) -> Iterator[bytes]:
        number = int(found[1]) if (found := re.match(r"UID \w+ (\d+)", command)) else 0
        if command == "CAPABILITY":
            yield b"* CAPABILITY IMAP4rev1\r\n"
        elif command.startswith("SELECT"):
            yield f"* {len(self._inbox)} EXISTS\r\n".encode()
        elif command.startswith("UID SEARCH"):
            left = [str(one) for one in self._inbox if one not in self._deleted]
            yield f"* SEARCH {' '.join(left)}\r\n".encode()
        elif command.startswith("UID FETCH"):
            message = self._inbox[number]
            yield f"* 1 FETCH (UID {number} BODY[]<0> {{{len(message)}}}\r\n".encode() + message + b")\r\n"
        elif command.startswith("UID COPY") and self.copies == "OK":
            self.folders[command.split()[-1]].append(self._inbox[number])
        elif command.startswith("UID STORE"):
            self._deleted.add(number)
        elif command == "EXPUNGE":
            self._inbox = {key: one for key, one in self._inbox.items() if key not in self._deleted}
            self._list()


@contextmanager
def a_mailbox(tls: ssl.SSLContext) -> Iterator[StandInMailbox]:
    """It listens until the block ends."""
    mailbox = StandInMailbox()
    with a_stream_server(mailbox.answer, ports.free(["mailbox"])["mailbox"], tls) as port:
        mailbox.port = port
        yield mailbox


def a_message(*files: bytes, text: str = "You have received a fax from 555 0100") -> bytes:
    """As a fax service sends it: some words, and the pages attached."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "service@fax.example", "fax@hospital.example", "Fax from 555 0100"
    made.set_content(text)
    for number, file in enumerate(files):
        made.add_attachment(file, maintype="application", subtype="octet-stream", filename=f"fax{number}.pdf")
    return made.as_bytes()
