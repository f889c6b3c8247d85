"""The limits on CAs, in words.

Theory of operation: the file `constraints` of the store that comes along has a line for each limit: SHA-256, rule,
name and reason, with tabs between. They hold for a CA wherever it comes from. What a rule does is `trio_certs`'
business; here it is only said.
"""

from __future__ import annotations

from pathlib import Path

from trio_certs import BUNDLED, StoreError


def constraints(folder: Path = BUNDLED.folder) -> dict[bytes, tuple[str, ...]]:
    """By the SHA-256 of a CA: its limits in words. A folder without the file has none.

    Raises:
        StoreError: the file is damaged.
    """
    path = folder / "constraints"
    found: dict[bytes, tuple[str, ...]] = {}
    try:
        for line in path.read_text("utf-8").splitlines()[1:]:
            fingerprint, rule, *_more = line.split("\t")
            root = bytes.fromhex(fingerprint)
            found[root] = (*found.get(root, ()), _in_words(rule))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StoreError(
            f"The certificate store's file {path} is damaged: {error}. Reinstall the package."
        ) from error
    return found


def _in_words(rule: str) -> str:
    kind, _, value = rule.partition(" ")
    if kind == "permit":
        return f"only for names below .{value}"
    return f"not for what it issues after {value[:10]}" if kind == "distrust-after" else rule
