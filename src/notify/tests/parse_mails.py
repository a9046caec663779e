"""Parses mails as an independent program does, and says what a reader would see of each.

Reads mails from standard input, each after a line with its length in bytes. Prints one JSON object for each: its header
fields by name, the subject, the types of its parts, their text, and what the parser found wrong with it.
"""

import email
import json
import sys
from email import policy

source = sys.stdin.buffer
while line := source.readline():
    mail = email.message_from_bytes(source.read(int(line)), policy=policy.default)
    parts = [part for part in mail.walk() if not part.is_multipart()]
    defects = [str(defect) for part in mail.walk() for defect in part.defects]
    defects += [f"{name}: {defect}" for name, value in mail.items() for defect in getattr(value, "defects", ())]
    said = {
        "names": mail.keys(),
        "subject": mail["Subject"],
        "to": [address.addr_spec for address in mail["To"].addresses],
        "date": mail["Date"].datetime.isoformat(),
        "types": [part.get_content_type() for part in parts],
        "texts": [part.get_content() for part in parts],
        "defects": defects,
    }
    print(json.dumps(said), flush=True)
