"""A mail server that writes down what it took before it says so: python -m benchmarks._sink PORT FILE DELAY."""

import asyncio
import logging
import os
import re
import sys
from typing import Any

from aiosmtpd.controller import Controller

MESSAGE_ID = re.compile(rb"^Message-ID: (<[^>]+>)", re.MULTILINE | re.IGNORECASE)


class Keeping:
    def __init__(self, path: str, delay_s: float) -> None:
        self.file = open(path, "ab")  # noqa: SIM115  # open as long as the server runs
        self.delay_s = delay_s

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        await asyncio.sleep(self.delay_s / 2)
        found = MESSAGE_ID.search(envelope.content)
        assert found
        self.file.write(found[1] + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())
        await asyncio.sleep(self.delay_s / 2)
        return "250 OK"


def main() -> None:
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    port, path, delay_s = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    Controller(Keeping(path, delay_s), hostname="127.0.0.1", port=port).start()
    asyncio.new_event_loop().run_forever()


if __name__ == "__main__":
    main()
