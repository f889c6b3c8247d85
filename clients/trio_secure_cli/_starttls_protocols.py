"""How each protocol is asked to begin TLS.

Theory of operation: one function for each, which says as little as will do and believes nothing that it hears:
what a server offers in plaintext is only used to explain why it will not begin TLS. There is no fallback, so who
cuts the offer out gains nothing but an error.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from ._starttls import Conversation, Speak, refusal, unwilling

_MOST_LINES = 100
_TAG = "a1"
_SSL_REQUEST = bytes.fromhex("00000008 04d2162f")


async def smtp(talk: Conversation, host: str) -> None:
    """SMTP (RFC 3207 §4)."""
    code, text = await _reply(talk)
    if code != "220":
        raise unwilling(text)
    await talk.say("EHLO localhost")
    code, text = await _reply(talk)
    # RFC 3207 §4: the keyword in the answer to EHLO, on a line of its own.
    if code != "250" or "STARTTLS" not in text.upper().split("\n"):
        raise unwilling(f"its answer to EHLO has no STARTTLS: {text}")
    await talk.say("STARTTLS")
    code, text = await _reply(talk)
    if code != "220":
        raise unwilling(text)


async def ftp(talk: Conversation, host: str) -> None:
    """FTP (RFC 4217 §4)."""
    code, text = await _reply(talk)
    if code == "120":  # RFC 959 §5.4: "service ready in nnn minutes", and then 220
        code, text = await _reply(talk)
    if code != "220":
        raise unwilling(text)
    await talk.say("AUTH TLS")
    code, text = await _reply(talk)
    if code != "234":
        raise unwilling(text)


async def _reply(talk: Conversation) -> tuple[str, str]:
    """A reply of SMTP or FTP: its code, and its lines without it (RFC 5321 §4.2.1, RFC 959 §4.2)."""
    said: list[str] = []
    code = ""
    for _ in range(_MOST_LINES):
        line = await talk.line()
        start, separator = line[:3], line[3:4]
        if not code:
            if not (start.isascii() and start.isdigit() and separator in {"", " ", "-"}):
                raise refusal(f"what came before TLS is no reply: {line[:80]}")
            code = start
        # In FTP, lines in the middle need not begin with the code.
        said.append(line[4:] if start == code else line)
        if start == code and separator != "-":
            return code, "\n".join(said)
    raise refusal(f"a reply of over {_MOST_LINES} lines came before TLS")


async def imap(talk: Conversation, host: str) -> None:
    """IMAP (RFC 9051 §6.2.1)."""
    greeting = await talk.line()
    # RFC 9051 §6.2.1: STARTTLS is only for the state in which nobody has logged in; "* PREAUTH" is past it.
    if not greeting.upper().startswith("* OK"):
        raise unwilling(greeting)
    await talk.say(f"{_TAG} STARTTLS")
    for _ in range(_MOST_LINES):
        line = await talk.line()
        if line.upper().startswith(f"{_TAG.upper()} OK"):
            return
        if not line.startswith("* "):
            raise unwilling(line)
    raise refusal(f"over {_MOST_LINES} lines came before TLS")


async def pop3(talk: Conversation, host: str) -> None:
    """POP3 (RFC 2595 §4)."""
    for order in ("STLS", None):
        line = await talk.line()
        if not line.startswith("+OK"):
            raise unwilling(line)
        if order:
            await talk.say(order)


async def postgres(talk: Conversation, host: str) -> None:
    """PostgreSQL ("SSLRequest" among the message formats of its protocol)."""
    await talk.say(_SSL_REQUEST)
    answer = await talk.take(1)
    if answer == b"N":
        raise unwilling("it answers N to SSLRequest")
    if answer != b"S":
        raise refusal(f"it answers {answer!r} to SSLRequest, neither S nor N")


_FEATURES = re.compile(
    rb"<(?:\w+:)?features\s*/>|<(?:\w+:)?features[ >].*?</(?:\w+:)?features\s*>|<(?:\w+:)?error[ >/]",
    re.DOTALL,
)
_OFFER = re.compile(rb"<(?:\w+:)?starttls[^>]*urn:ietf:params:xml:ns:xmpp-tls", re.DOTALL)
_ANSWER = re.compile(rb"<(?:\w+:)?(proceed|failure)\b[^>]*?(?:/>|>\s*</(?:\w+:)?\1\s*>)")


async def xmpp(talk: Conversation, host: str) -> None:
    """XMPP for clients (RFC 6120 §5.4)."""
    name = html.escape(host).encode("ascii", "xmlcharrefreplace").decode()
    await talk.say(
        f"<?xml version='1.0'?><stream:stream to='{name}' version='1.0' xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams'>".encode()
    )
    features = (await talk.until(_FEATURES))[0]
    if not _OFFER.search(features):
        raise unwilling(f"its features have no starttls: {features.decode('utf-8', 'backslashreplace')}")
    await talk.say(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    answer = await talk.until(_ANSWER)
    if answer[1] != b"proceed":
        raise unwilling(answer[0].decode("utf-8", "backslashreplace"))


PROTOCOLS: Mapping[str, Speak] = {
    "smtp": smtp,
    "imap": imap,
    "pop3": pop3,
    "ftp": ftp,
    "postgres": postgres,
    "xmpp": xmpp,
}
