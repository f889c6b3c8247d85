r"""Text from a peer, made safe to show on a terminal.

Theory of operation: a server chooses its status phrase, its messages and the names in its certificates.
Printed as they are, they could move the cursor, change the title, or turn a line round (bidirectional
overrides). Every character that is not plainly printable is shown as its escape, ``\x1b`` or ``\u202e``;
nothing is dropped, so that what the peer sent can still be told.
"""

from __future__ import annotations

_CAP = 2_000


def printable(text: str, *, keep: str = "", cap: int | None = _CAP) -> str:
    r"""`text` with every unprintable character escaped.

    Args:
        text: what a peer sent.
        keep: characters to leave alone although they are unprintable, such as ``"\n\t"``.
        cap: how many characters are shown before the rest is only counted; None shows all.
    """
    shown = text if cap is None else text[:cap]
    # Unprintable, as Python has it: control, format, surrogate, private use, unassigned, and every separator
    # but the space.
    safe = "".join(
        character if character.isprintable() or character in keep else _escape(character)
        for character in shown
    )
    left_out = len(text) - len(shown)
    return f"{safe}… ({left_out} more characters)" if left_out else safe


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def byte_count(count: int) -> str:
    """A number of bytes as people read it: "512 bytes", "64.0 MiB"."""
    if count < 1024:
        return f"{count} byte{'' if count == 1 else 's'}"
    size = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1024:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} TiB"


def version_name(version: int) -> str:
    """A TLS version number as people call it: "TLS 1.3" for 0x0304."""
    return f"TLS 1.{version - 0x0301}"


def seconds(duration: float) -> str:
    """A duration in seconds as people read it: "0.35 ms", "12 ms", "1.2 s"."""
    if duration < 0.0095:
        return f"{duration * 1000:.2g} ms"
    if duration < 0.9995:
        return f"{duration * 1000:.0f} ms"
    return f"{duration:.1f} s"
