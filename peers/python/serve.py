"""Takes HL7 v2 messages by python-hl7's server and acknowledges each with AA. Usage: python serve.py PORT"""

import asyncio
import sys
from typing import Any

from hl7.mllp import start_hl7_server

#: its own limit is 64 KiB, over which it ends the connection without a word
LIMIT = 64 << 20


async def answer(reader: Any, writer: Any) -> None:
    try:
        while not writer.is_closing():
            message = await reader.readmessage()
            writer.writemessage(message.create_ack("AA"))
            await writer.drain()
    except asyncio.IncompleteReadError:
        pass  # the sender is done
    finally:
        writer.close()


async def main(port: int) -> None:
    async with await start_hl7_server(answer, host="127.0.0.1", port=port, encoding="utf-8", limit=LIMIT) as server:
        await server.serve_forever()


asyncio.run(main(int(sys.argv[1])))
