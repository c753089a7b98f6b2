"""Sends HL7 v2 messages by python-hl7's asyncio client; prints, in order, the acknowledgements as it reads them.

One message a line in hexadecimal on standard input; usage: python send.py PORT
"""

import asyncio
import json
import sys

import hl7
from hl7.mllp import open_hl7_connection


async def main(port: int) -> None:
    reader, writer = await open_hl7_connection("127.0.0.1", port, encoding="utf-8")
    for line in sys.stdin:
        writer.writemessage(hl7.parse(bytes.fromhex(line.strip()).decode()))
        await writer.drain()
        said = await asyncio.wait_for(reader.readmessage(), 60)
        type_of = str(said.segment("MSH")[9][0][0])
        answer = {"code": str(said.segment("MSA")[1]), "of": str(said.segment("MSA")[2]), "type": type_of}
        sys.stdout.write(json.dumps(answer) + "\n")
    writer.close()
    await writer.wait_closed()


asyncio.run(main(int(sys.argv[1])))
