"""Letters as signed webhooks (Standard Webhooks), to public addresses alone and without following redirects."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import ipaddress
import json
import socket
import ssl
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from django.conf import settings

from reports.letters.links import links
from reports.letters.outbox import NotNow, Refused
from reports.models import Letter, Plan
from reports.replies import NO_CONNECTION, THEY_ANSWERED

LATER = frozenset({408, 425, 429})
PORTS = {"https": 443, "http": 80}


class Hook:
    """The way out by HTTP. Each letter has a server of its own, so nothing is open between letters."""

    channel: str = Plan.Channel.WEBHOOK
    away: tuple[type[Exception], ...] = (OSError, http.client.HTTPException)

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def post(self, letter: Letter) -> None:
        """Post a letter. A failure to connect is tried again: nothing was sent. One after it leaves ``unknown``."""
        reader = letter.subscription
        body = payload(letter)
        sent_at = int((letter.started_at or letter.due_at).timestamp())
        headers = {"Content-Type": "application/json", "User-Agent": "program-portfolio"} | signed(
            letter.message_id.strip("<>"), sent_at, body, reader.secret.secret
        )
        try:
            connection, path = connect(reader.url)
        except OSError as trouble:
            raise NotNow(f"{NO_CONNECTION}{trouble}"[:400]) from trouble
        except UnicodeError as trouble:
            raise Refused("The address is none that a request can name.") from trouble
        # The connection's own limit is for each wait: who answers drop by drop never meets it.
        limit = threading.Timer(settings.WEBHOOK_TIMEOUT_S, cut_off, [connection])
        limit.start()
        try:
            if urlsplit(reader.url).scheme == "https":
                secure(connection)
            connection.request("POST", path, body, headers)
            # What else is said matters to nobody.
            status = connection.getresponse().status
        finally:
            limit.cancel()
            connection.close()
        if status in LATER or status >= 500:
            raise NotNow(f"{THEY_ANSWERED}{status}.")
        if not 200 <= status < 300:
            raise Refused(f"{THEY_ANSWERED}{status}.")


def cut_off(connection: http.client.HTTPConnection) -> None:
    """End an exchange that takes too long: whoever waits in it goes on with what there is."""
    with suppress(OSError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def secure(connection: http.client.HTTPConnection) -> None:
    """Agree on TLS over an open connection. Raises NotNow where that fails: nothing was sent."""
    context = ssl.create_default_context()
    try:
        # Shaking hands by itself comes after the connection knows its new socket: it can be cut off in the middle.
        secured = context.wrap_socket(connection.sock, server_hostname=connection.host, do_handshake_on_connect=False)
        connection.sock = secured
        secured.do_handshake()
    except OSError as trouble:
        raise NotNow(f"{NO_CONNECTION}{trouble}"[:400]) from trouble


def payload(letter: Letter) -> bytes:
    """The content of a letter as JSON."""
    plan = letter.subscription.plan
    told = {
        "type": "letter",
        "timestamp": (letter.started_at or letter.due_at).isoformat(),
        "data": {
            "plan": plan.name,
            "period": letter.period,
            "subject": letter.subject,
            "text": letter.text,
            "html": letter.html,
            "facts": letter.facts,
            "url": links(letter).web,
        },
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def signed(webhook_id: str, sent_at: int, body: bytes, secret: str) -> dict[str, str]:
    """The three headers of Standard Webhooks.

    >>> headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}',
    ...                  "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    >>> headers["webhook-signature"]
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = hmac.new(key, f"{webhook_id}.{sent_at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


def connect(url: str) -> tuple[http.client.HTTPConnection, str]:
    """An open connection to an address that was looked at, and the path to ask there.

    The name is looked up once and that very address is connected to: a second look-up might answer a private one.
    Raises UnicodeError where there are other letters than ASCII's, or a name that is too long.
    """
    parts = urlsplit(url)
    url.encode("ascii")
    host = parts.hostname or ""
    port = parts.port or PORTS.get(parts.scheme, 0)
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.WEBHOOK_PRIVATE_TARGETS):
        raise Refused("The address does not begin with https://.")
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not settings.WEBHOOK_PRIVATE_TARGETS and not all(is_public(str(one[4][0])) for one in found):
        raise Refused("The address lies in a private network.")
    plain = socket.create_connection((str(found[0][4][0]), port), settings.WEBHOOK_TIMEOUT_S)
    connection = http.client.HTTPConnection(host, port, timeout=settings.WEBHOOK_TIMEOUT_S)
    connection.sock = plain
    return connection, f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"


def is_public(address: str) -> bool:
    """Whether an address belongs to the world; an IPv4 address inside an IPv6 one is looked at too.

    >>> [is_public(one) for one in ("93.184.215.14", "10.0.0.8", "127.0.0.1", "169.254.169.254", "::1")]
    [True, False, False, False, False]
    >>> [is_public(one) for one in ("::ffff:127.0.0.1", "64:ff9b::7f00:1", "2606:2800:21f::1")]
    [False, False, True]
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped or found.sixtofour:
            return is_public(str(found.ipv4_mapped or found.sixtofour))
        if found in ipaddress.ip_network("64:ff9b::/96"):
            return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    return found.is_global and not found.is_multicast
