"""The page around the handshake: what came of it on top, then warnings, messages and certificates.

Theory of operation: one file without anything to load. The policy in its head allows the very style sheet and
script that come with it, by their hashes, and nothing else: should a peer's text ever become markup, it could
neither run nor load anything.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib.resources import files

from trio_secure import ConnectionInfo

from . import _meanings
from ._certificates import CertificateView, views
from ._html import Html, joined, peer, tag
from ._steps import steps
from ._story import Failure, Story
from ._warnings import ConnectionWarning, chain_warnings, time_left, warnings_about

_MOST_NAMES = 20
_MOST_CERTIFICATES = 20


def _asset(name: str) -> Html:
    return Html((files("trio_secure_report") / name).read_text("utf-8"))


def _source(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def page(
    story: Story,
    *,
    server: str,
    error: str,
    hint: str,
    secrets: bool,
    key_log: Iterable[str],
    now: datetime,
) -> str:
    """The whole page.

    Args:
        story: what happened.
        server: what the connection was to, if that is to be said otherwise than by the name that was sent.
        error: what ended it, for what no event tells.
        hint: what can be done about it.
        secrets: whether tickets and the like are shown.
        key_log: lines of a key log, which are shown.
        now: the time, with its zone.
    """
    name = server or story.server_name or "an unnamed server"
    style, script = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"TLS with {name[:100]}: {_OUTCOMES[story.outcome]}"),
        tag("style", style),
    )
    body = tag(
        "body",
        tag("a", "Skip to the messages", href="#messages", class_="skip") if story.events else None,
        tag(
            "header",
            tag("h1", "TLS with ", peer(name)),
            tag("p", f"{now:%Y-%m-%d %H:%M:%S %Z}, message by message", class_="soft"),
        ),
        tag(
            "main",
            _outcome(story, error, hint),
            _facts(story),
            _warnings(_found(story, now)),
            _messages(story, secrets=secrets),
            _chain(story, now),
            _secrets(list(key_log)),
        ),
        _footer(secrets=secrets),
        tag("script", script),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


_OUTCOMES = {"established": "established", "failed": "failed", "unfinished": "not finished"}


def _outcome(story: Story, error: str, hint: str) -> Html:
    if story.info is not None:
        says = joined(
            "Both sides proved what they had to, and the certificate leads to one that is trusted."
            if story.info.verified_chain
            else None
        )
        content: list[Html | None] = [
            tag("p", tag("strong", "Established")),
            tag("p", says) if says else None,
        ]
    elif story.failure is not None:
        content = _failed(story.failure)
    else:
        content = [
            tag("p", tag("strong", "Not finished")),
            tag("p", _waited(story)),
            tag("p", peer(error, 1000)) if error else None,
        ]
    if hint and story.info is None:
        content.append(tag("p", tag("b", "What to do: "), peer(hint, 1000)))
    return tag("div", *content, class_=f"outcome {story.outcome}", role="status")


def _failed(failure: Failure) -> list[Html | None]:
    where = f" at {failure.phase}" if failure.phase else ""
    who = (
        "this client refused to go on"
        if failure.ours
        else "the other side, or something on the way, ended it"
    )
    meaning = _meanings.of_alert(failure.alert) if failure.alert else None
    return [
        tag("p", tag("strong", f"Failed{where}: "), peer(failure.message, 1000)),
        tag("p", f"Alert {failure.alert}: {meaning.text}") if meaning and meaning.text else None,
        tag("p", f"Here {who}. ", tag("a", "Show the place", href=f"#m{failure.place}")),
    ]


def _waited(story: Story) -> str:
    if not story.events:
        return "There was no connection to make a handshake on: nothing was sent."
    if story.last_received is None:
        return "The server has not said a word. It may be slow, or speak something other than TLS."
    return f"The last that came from the server was {story.last_received}; then the client waited in vain."


def _facts(story: Story) -> Html | None:
    info = story.info
    rows: list[tuple[str, str | None]] = [("Server name", story.server_name or None)]
    if info is None:
        rows.append(("Version", story.version))
    else:
        rows += _facts_of(info)
        rows.append(("Vouched for by", _anchor(info)))
    known = [(name, value) for name, value in rows if value]
    cells = [cell for name, value in known for cell in (tag("dt", name), tag("dd", peer(value)))]
    return tag("dl", *cells, class_="facts") if cells else None


def _facts_of(info: ConnectionInfo) -> list[tuple[str, str | None]]:
    return [
        ("Version", f"TLS 1.{info.version - 0x0301}"),
        ("Cipher suite", info.cipher_suite),
        ("Key exchange", info.group or ("RSA key transport" if not info.resumed else None)),
        ("Signature", info.signature_scheme),
        ("Protocol (ALPN)", info.alpn),
        ("Resumed", "yes: the certificates were verified in an earlier handshake" if info.resumed else None),
    ]


def _anchor(info: ConnectionInfo) -> str:
    if not info.verified_chain:
        return "nobody: verification is off"
    subject = CertificateView.of(info.verified_chain[-1]).subject
    if info.anchor_resource is not None:
        return f"{info.anchor_resource} of the certificate store, {subject}"
    return f"a certificate that was given as trusted, {subject}"


def _found(story: Story, now: datetime) -> Sequence[ConnectionWarning]:
    if story.info is not None:
        return warnings_about(story.info, now, story.events)
    return tuple(chain_warnings(list(views(story.chain[:_MOST_CERTIFICATES])), now))


def _warnings(found: Sequence[ConnectionWarning]) -> Html | None:
    if not found:
        return None
    items = [
        tag(
            "li",
            tag("b", "Warning:" if one.level == "warning" else "Note:"),
            one.text,
            class_=one.level,
        )
        for one in sorted(found, key=lambda one: one.level != "warning")
    ]
    heading = tag("h2", "Worth knowing", id="warnings")
    return tag("section", heading, tag("ul", *items, class_="warnings"), aria_labelledby="warnings")


def _messages(story: Story, *, secrets: bool) -> Html | None:
    if not story.events:
        return None
    more = tag("p", "More happened after this; it is not shown.", class_="more") if story.more else None
    return tag(
        "section",
        tag("h2", "Messages", id="messages", tabindex="-1"),
        tag(
            "div",
            Html('<button type="button" id="all" hidden>Open all messages</button>'),
            tag("span", "Open a message to see its fields beside its bytes.", class_="soft"),
            class_="bar",
        ),
        steps(story, secrets=secrets),
        more,
        aria_labelledby="messages",
    )


def _chain(story: Story, now: datetime) -> Html | None:
    verified = story.info.verified_chain if story.info else ()
    chain = (verified or story.chain)[:_MOST_CERTIFICATES]
    if not chain:
        return None
    resource = story.info.anchor_resource if story.info else None
    last = len(chain) if verified else 0
    wrong = story.failure.certificate if story.failure else None
    items = [
        _certificate(
            view,
            _role(number, resource, anchor=number == last),
            now,
            "anchor" if number == last else "wrong" if view.der == wrong else None,
            sent=view.der in story.chain,
        )
        for number, view in enumerate(views(chain), 1)
    ]
    explained = (
        "The path that was verified, from the server's certificate to one that is trusted."
        if verified
        else "As the server sent them. None of this has been verified."
    )
    return tag(
        "section",
        tag("h2", "Certificates", id="certificates"),
        tag("p", explained, class_="soft"),
        tag("ol", *items, class_="chain" if verified else "chain unproven"),
        aria_labelledby="certificates",
    )


def _role(number: int, resource: str | None, *, anchor: bool) -> str:
    if anchor:
        return (
            f"Trusted: {resource}, from the certificate store" if resource else "Trusted: given by the user"
        )
    return "The server's certificate" if number == 1 else "Intermediate"


def _certificate(view: CertificateView, role: str, now: datetime, kind: str | None, *, sent: bool) -> Html:
    if kind == "wrong":
        role += ": this is the one that was refused"
    rows: list[tuple[str, Html | None]] = [("Unreadable", peer(view.problem) if view.problem else None)]
    if view.not_before is not None and view.not_after is not None:
        more = [f"and {view.more_names + len(view.names) - _MOST_NAMES} more"]
        shown = [*view.names[:_MOST_NAMES], *(more if len(view.names) > _MOST_NAMES else [])]
        rows += [
            ("Subject", peer(view.subject)),
            ("Names", peer(", ".join(shown), 1000) if shown else None),
            ("Issuer", peer(view.issuer)),
            ("Valid", joined(f"{view.not_before:%Y-%m-%d} to {view.not_after:%Y-%m-%d}{_left(view, now)}")),
            ("Key", joined(view.key)),
            ("Signed with", joined(view.signature)),
        ]
    rows += [
        ("SHA-256", tag("code", view.sha256)),
        ("Sent", None if sent else joined("no: it was on this side already")),
    ]
    cells = [cell for name, value in rows if value for cell in (tag("dt", name), tag("dd", value))]
    return tag("li", tag("h3", role), tag("dl", *cells, class_="facts"), class_=kind)


def _left(view: CertificateView, now: datetime) -> str:
    if view.not_after is None or view.not_after < now:
        return ", EXPIRED"
    return f", {time_left(view.not_after - now)} left"


def _secrets(lines: list[str]) -> Html | None:
    if not lines:
        return None
    return tag(
        "section",
        tag("h2", "Secrets", id="secrets"),
        tag("p", tag("b", "Whoever has these lines can read the connection."), " They are for Wireshark."),
        tag("pre", tag("code", *(joined(line, "\n") for line in lines)), tabindex="0"),
        aria_labelledby="secrets",
    )


def _footer(*, secrets: bool) -> Html:
    about = (
        "Session tickets and other secrets are shown: take care where this page goes."
        if secrets
        else "Session tickets and other secrets have been left out."
    )
    return tag("footer", tag("p", f"Made by trio-secure. {about} What peers wrote is cut short and escaped."))
