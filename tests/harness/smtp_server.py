"""A real SMTP server that says what it accepts.

Prints one JSON object a line: first {"port": N}, then {"accepted": ...} for each message that it answered with 250,
and {"refused": ...} for each that it did not. Reads commands from standard input, one JSON object a line:
{"reply": [LINE, ...]} answers the next DATA commands with these lines instead ("drop" closes the connection without
an answer, "accept, then drop" takes the message and closes without an answer). Ends when standard input ends.
"""

import asyncio
import email
import json
import sys
import time

from aiosmtpd.smtp import SMTP


class Handler:
    """Takes every message unless a scripted reply waits."""

    def __init__(self):
        self.replies = []

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content)
        reply = self.replies.pop(0) if self.replies else "250 OK"
        accepted = reply.startswith("250") or reply == "accept, then drop"
        say(
            {
                "accepted" if accepted else "refused": {
                    "monotonic_ns": time.monotonic_ns(),
                    "from": envelope.mail_from,
                    "to": envelope.rcpt_tos,
                    "message_id": message["Message-ID"] or "",
                    "data": envelope.content.decode("utf-8", "replace"),
                    "reply": reply,
                }
            }
        )
        if reply.endswith("drop"):
            server.transport.abort()
            return "451 closed"
        return reply


def say(what):
    print(json.dumps(what), flush=True)


async def main():
    handler = Handler()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, hostname="mail.test", loop=loop), "127.0.0.1", 0)
    say({"port": server.sockets[0].getsockname()[1]})
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        handler.replies.extend(json.loads(line)["reply"])
        say({"scripted": {}})


asyncio.run(main())
