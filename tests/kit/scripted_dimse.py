"""An archive on a real socket that speaks DIMSE as a test wrote down for it, dies where it should, and remembers what
it was asked. The forms are pynetdicom's and pydicom's; nothing here is ours.
"""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO

import pydicom
from pydicom.dataset import Dataset
from pynetdicom import build_role
from pynetdicom.dsutils import decode, encode
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context

FIND, GET = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.3"
CT = "1.2.840.10008.5.1.4.1.1.2"
#: VR and byte order of command sets and identifiers, as pynetdicom wants to be told
IMPLICIT = (True, True)
ABORT = struct.pack(">BBI4x", 7, 0, 4)


class Gone(Exception):
    """The other side has left."""


def pdu(kind: int, body: bytes, *, says: int | None = None) -> bytes:
    return struct.pack(">BxI", kind, len(body) if says is None else says) + body


def pdv(context: int, control: int, data: bytes, *, says: int | None = None) -> bytes:
    return struct.pack(">IBB", len(data) + 2 if says is None else says, context, control) + data


def body_of(file: bytes) -> tuple[Dataset, bytes, str]:
    """A file's header, its data set as it is stored, and in which transfer syntax."""
    head = pydicom.dcmread(BytesIO(file), stop_before_pixels=True)
    meta = head.file_meta
    return head, file[144 + meta.FileMetaInformationGroupLength :], str(meta.TransferSyntaxUID)


def said(**values: object) -> Dataset:
    """A data set from keywords."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def encoded(dataset: Dataset) -> bytes:
    """A command set or identifier, as it is sent."""
    found = encode(dataset, *IMPLICIT)
    assert found is not None
    return found


class Talk:
    """One association, seen from the archive."""

    def __init__(self, connection: socket.socket, archive: "ScriptedDimse") -> None:
        self.connection = connection
        self.archive = archive
        #: presentation context by abstract and transfer syntax
        self.contexts: dict[tuple[str, str], int] = {}

    # --- in ---------------------------------------------------------------------------------------------------------

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            piece = self.connection.recv(count - len(data))
            if not piece:
                raise Gone
            data += piece
        return bytes(data)

    def read(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxI", self._exactly(6))
        return kind, self._exactly(length)

    def message(self) -> tuple[int, Dataset, Dataset | None]:
        """A command with its identifier, answering a release on the way."""
        command, identifier, context = bytearray(), bytearray(), 0
        while True:
            kind, body = self.read()
            if kind == 5:
                self.send(pdu(6, bytes(4)))
                raise Gone
            if kind != 4:
                self.archive.left.set()
                raise Gone
            while body:
                length, context, control = struct.unpack(">IBB", body[:6])
                (command if control & 1 else identifier).extend(body[6 : 4 + length])
                body = body[4 + length :]
                if control & 3 == 3:
                    read = decode(BytesIO(command), *IMPLICIT)
                    if read.CommandDataSetType == 0x0101:
                        return context, read, None
                elif control & 2:
                    return context, read, decode(BytesIO(identifier), *IMPLICIT)

    # --- out --------------------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        self.archive.sent += len(data)
        self.connection.sendall(data)

    def say(self, context: int, command: Dataset, data: bytes | None = None, *, piece: int = 16_000) -> None:
        command.CommandDataSetType = 0x0101 if data is None else 1
        body = encoded(command)
        self.send(pdu(4, pdv(context, 3, said_length(body) + body)))
        if data is None:
            return
        for at in range(0, max(len(data), 1), piece):
            last = 2 if at + piece >= len(data) else 0
            self.send(pdu(4, pdv(context, last, data[at : at + piece])))

    def associate(self) -> None:
        """Agree to all that is proposed, each in the first transfer syntax proposed for it."""
        kind, body = self.read()
        assert kind == 1
        asked = A_ASSOCIATE_RQ()
        asked.decode(pdu(1, body))
        proposed = asked.to_primitive()
        self.archive.proposals.append(asked)
        given = []
        for one in proposed.presentation_context_definition_list:
            one_given = build_context(one.abstract_syntax, self.archive.gives or one.transfer_syntax[0])
            one_given.context_id, one_given.result = one.context_id, 0 if self.archive.agrees(one) else 3
            given.append(one_given)
            if one_given.result == 0:
                assert one.context_id
                self.contexts.setdefault((str(one.abstract_syntax), str(one.transfer_syntax[0])), one.context_id)
        longest, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
        longest.maximum_length_received = self.archive.reads
        implementation.implementation_class_uid = "1.2.3.4"
        assert asked.user_information
        roles = [build_role(uid, scp_role=True) for uid in asked.user_information.role_selection]
        answer = A_ASSOCIATE()
        answer.application_context_name = proposed.application_context_name
        answer.called_ae_title, answer.calling_ae_title = proposed.called_ae_title, proposed.calling_ae_title
        answer.result, answer.result_source = 0, 1
        answer.presentation_context_definition_results_list = given
        answer.user_information = [longest, implementation, *roles]
        self.send(A_ASSOCIATE_AC(answer).encode())

    def found(self, context: int, asked: Dataset, answers: Iterable[Dataset], status: int = 0) -> None:
        for one in answers:
            self.say(context, self.answer(asked, 0xFF00), encoded(one))
        self.say(context, self.answer(asked, status))

    def answer(self, asked: Dataset, status: int) -> Dataset:
        return said(
            AffectedSOPClassUID=asked.AffectedSOPClassUID,
            CommandField=asked.CommandField | 0x8000,
            MessageIDBeingRespondedTo=asked.MessageID,
            Status=status,
        )

    def store(self, file: bytes, *, called: str | None = None, waits: bool = True, **how: int) -> Dataset | None:
        """One sub-operation, in the context of the file's own transfer syntax; what is said to it."""
        head, body, syntax = body_of(file)
        context = self.contexts[str(head.SOPClassUID), syntax]
        self.say(context, self.storing(called or str(head.SOPInstanceUID), str(head.SOPClassUID)), body, **how)
        return self.message()[1] if waits else None

    def storing(self, uid: str, sop_class: str = CT) -> Dataset:
        self.archive.stores += 1
        return said(
            AffectedSOPClassUID=sop_class,
            CommandField=1,
            MessageID=self.archive.stores & 0xFFFF,
            Priority=0,
            AffectedSOPInstanceUID=uid,
        )


def said_length(encoded: bytes) -> bytes:
    """Command Group Length."""
    return struct.pack("<HHII", 0, 0, 4, len(encoded))


Finds = Callable[[Dataset], Iterable[Dataset]]


class ScriptedDimse:
    """Answers honestly with what it is given, unless a test says what to do instead: `associating`, `finding` and
    `getting` take the association.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.finds: dict[str, list[Dataset] | Finds] = {"STUDY": [], "SERIES": [], "IMAGE": []}
        self.files: list[bytes] = []
        self.asked: list[Dataset] = []
        self.proposals: list[A_ASSOCIATE_RQ] = []
        self.sent = 0
        self.stores = 0
        self.connections = 0
        #: how many C-ECHO came, and the status they are answered with
        self.echoes, self.echo_status = 0, 0
        #: an association ended otherwise than by release
        self.left = threading.Event()
        self.associating: Callable[[Talk], None] = Talk.associate
        self.finding: Callable[[Talk, int, Dataset, Dataset], None] | None = None
        self.getting: Callable[[Talk, int, Dataset, Dataset], None] | None = None
        self.agrees: Callable[[object], bool] = lambda context: True
        #: the longest PDU it says it reads, and the transfer syntax it gives whatever was proposed
        self.reads, self.gives = 16384, ""
        self.stopping = threading.Event()

    @property
    def levels(self) -> list[str]:
        return [str(one.QueryRetrieveLevel) for one in self.asked]

    def serve_series(self, files: list[bytes]) -> frozenset[str]:
        """These and no others, listed and sent when asked for."""
        self.files = files
        heads = [body_of(file)[0] for file in files]
        self.finds["IMAGE"] = [
            said(SOPInstanceUID=h.SOPInstanceUID, SOPClassUID=h.SOPClassUID, StudyInstanceUID=h.StudyInstanceUID)
            for h in heads
        ]
        return frozenset(str(h.SOPInstanceUID) for h in heads)

    def chosen(self, identifier: Dataset) -> list[bytes]:
        uids = identifier.get("SOPInstanceUID")
        wanted = None if uids is None else {str(uids)} if isinstance(uids, str) else set(map(str, uids))
        return [file for file in self.files if wanted is None or str(body_of(file)[0].SOPInstanceUID) in wanted]

    def talk(self, talk: Talk) -> None:
        self.associating(talk)
        while True:
            context, asked, identifier = talk.message()
            if asked.CommandField == 0x30:
                self.echoes += 1
                talk.say(context, talk.answer(asked, self.echo_status))
                continue
            if identifier is None:
                continue  # an answer to a sub-operation that was not waited for
            self.asked.append(identifier)
            if asked.CommandField == 0x20:
                if self.finding:
                    self.finding(talk, context, asked, identifier)
                    continue
                answers = self.finds[str(identifier.QueryRetrieveLevel)]
                talk.found(context, asked, answers(identifier) if callable(answers) else answers)
            elif self.getting:
                self.getting(talk, context, asked, identifier)
            else:
                for file in self.chosen(identifier):
                    talk.store(file)
                talk.say(context, talk.answer(asked, 0))


@contextmanager
def scripted_dimse(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[ScriptedDimse]:
    listening = socket.create_server((host, 0))
    archive = ScriptedDimse(listening.getsockname()[1])
    threads: list[threading.Thread] = []
    open_ones: list[socket.socket] = []

    def one(connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                connection = tls.wrap_socket(connection, server_side=True)
            archive.talk(Talk(connection, archive))
        except Gone:
            pass
        except OSError:
            archive.left.set()
        finally:
            connection.close()

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            archive.connections += 1
            open_ones.append(connection)
            threads.append(threading.Thread(target=one, args=(connection,), name="archive", daemon=True))
            threads[-1].start()

    accepting = threading.Thread(target=accept, name="archive", daemon=True)
    accepting.start()
    try:
        yield archive
    finally:
        archive.stopping.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for connection in open_ones:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in (accepting, *threads):
            thread.join(5)
