"""What a server answered to a letter, in words: what happened, and what can be done."""

from __future__ import annotations

import re
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

# “452 4.2.2 Mailbox full”: a reply code of SMTP, and where the server gives it an enhanced status code (RFC 3463).
REPLY = re.compile(r"(?P<code>[45]\d\d)[ -]+(?:(?P<enhanced>[45]\.\d{1,3}\.\d{1,3})\b)?")
THEY_ANSWERED = "The other side answered "
ANSWERED = re.compile(rf"{THEY_ANSWERED}(?P<status>\d{{3}})\.")
GONE = lazy("There is no such mailbox."), lazy("Correct the address, or take the reader off.")
FULL = lazy("The mailbox is full."), lazy("Ask the reader to make room.")
CLOSED = lazy("The mailbox takes no mail."), lazy("Ask the reader for another address.")
LARGE = lazy("The letter is too large for this mailbox."), lazy("Choose a shorter length for the plan.")
RULES = lazy("The mail server refuses mail from here."), lazy("Ask whoever looks after your mail.")
BUSY = lazy("The mail server has no time just now."), lazy("Nothing needs doing.")
LATER = lazy("The mail server put it off."), lazy("Nothing needs doing, unless it lasts.")
NEVER = lazy("The mail server refused it."), lazy("Check the address, or ask whoever looks after your mail.")
# By the subject and detail of an enhanced status code, else by the subject alone.
# 1.7 and 1.8 are about our own address, and the codes alone say too little to blame the reader's.
BY_STATUS = {
    "1.1": GONE, "1.2": GONE, "1.3": GONE, "1.6": GONE, "1.10": GONE, "1.7": RULES, "1.8": RULES,
    "2.1": CLOSED, "2.2": FULL, "2.3": LARGE, "3.4": LARGE, "7": RULES,
}  # fmt: skip
BY_CODE = {"421": BUSY, "450": BUSY, "551": GONE, "552": FULL, "553": GONE}
AWAY = "The server could not be reached: "
NO_CONNECTION = "No connection: "
BROKE_OFF = "It may have arrived; it is not sent again by itself."
# As it was kept before letters could be sent again by hand.
BROKE_OFF_ONCE = "It may have arrived; it is not sent again."
NO_SERVER = lazy("The mail server could not be reached."), lazy("Nothing needs doing, unless it lasts.")
CUT_OFF = (
    lazy("The connection to the mail server broke off."),
    lazy("It may have arrived and is not sent again by itself: ask the reader."),
)
NO_ANSWER = lazy("The other side could not be reached."), lazy("Check its address if this lasts.")
HOOK_LATER = lazy("The other side could not take it."), lazy("Check what receives it if this lasts.")
HOOK_NEVER = lazy("The other side refused it."), lazy("Check the address of the webhook, and what receives it.")


class Reply(NamedTuple):
    """``raw`` is what the server said, empty where the words are ours already."""

    happened: str
    todo: str
    raw: str


def in_words(error: str, *, again: bool) -> Reply:
    """What became of a letter; ``again`` says that it is tried again by itself.

    >>> in_words("452 4.2.2 Mailbox full", again=True)[:2]
    ('The mailbox is full.', 'It is tried again by itself. Ask the reader to make room.')
    >>> in_words("Nothing waits any more.", again=False)
    Reply(happened='Nothing waits any more.', todo='', raw='')
    """
    if error.endswith(BROKE_OFF_ONCE):
        error = error.removesuffix(BROKE_OFF_ONCE) + BROKE_OFF
    found = _told(error, again)
    if found is None:
        return Reply(error, "", "")
    happened, todo = (str(words) for words in found)
    return Reply(happened, f"{_('It is tried again by itself.')} {todo}" if again else todo, error)


def _told(error: str, again: bool) -> tuple[object, object] | None:
    if answered := ANSWERED.match(error):
        return HOOK_LATER if again or answered["status"].startswith("5") else HOOK_NEVER
    if error.startswith(AWAY):
        return CUT_OFF if error.endswith(BROKE_OFF) else NO_SERVER
    if error.startswith(NO_CONNECTION):
        return NO_ANSWER
    reply = REPLY.match(error)
    if reply is None:
        return None
    if enhanced := reply["enhanced"]:
        kind, subject, detail = enhanced.split(".")
        if told := BY_STATUS.get(f"{subject}.{detail}") or BY_STATUS.get(subject):
            return told
        if kind == "4" and subject in ("3", "4"):
            return BUSY
    return BY_CODE.get(reply["code"]) or (LATER if reply["code"].startswith("4") else NEVER)
