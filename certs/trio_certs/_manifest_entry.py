"""An entry of a manifest: which CAs of a store `$(CERTS)/ca9` or `$(CERTS)/ca1*` means.

Theory of operation: an entry is a name or a pattern of names, with or without the extension. An entry that
means nothing is an error, because it is a CA that its author believes to be included. There is one exception:
what is excluded may have been retired since, and then is excluded all the better.
"""

from __future__ import annotations

import re

from trio_certs._store import Store

_ENTRY = re.compile(
    r"\$\(CERTS\)/(?:ca(?P<number>0|[1-9][0-9]{0,5})|(?P<pattern>\*|ca[0-9*]{1,12}))(?:\.der)?", re.ASCII
)


def numbers_of(entry: str, store: Store, *, excluding: bool = False) -> frozenset[int]:
    """The numbers of the CAs that an entry means.

    Args:
        entry: `$(CERTS)/ca9`, with or without `.der`; a `*` stands for any digits, and alone for every CA.
        store: the store with the CAs.
        excluding: the entry excludes, so that retired CAs count as known.

    Raises:
        ValueError: the entry is malformed, or means no CA; the message says why and what to do.
        StoreError: the store's index cannot be read.
    """
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise ValueError(_what_is_wrong(entry))
    if match["number"] is not None:
        return _one(int(match["number"]), store, excluding=excluding)
    if "*" not in match["pattern"]:
        raise ValueError("the numbers of CAs have no leading zeros and at most six digits")
    return _some(match["pattern"].removeprefix("ca"), store, excluding=excluding)


def _one(number: int, store: Store, *, excluding: bool) -> frozenset[int]:
    known = store.index().entries
    if number in known:
        return frozenset([number])
    retired = store.retired().get(number)
    if retired is None:
        raise ValueError(
            f"there is no such CA: the store's last is ca{max(known, default=0)}, see store/LIST.md"
        )
    if not excluding:
        raise ValueError(f"{retired.name} was retired and is not trusted any more: remove the entry")
    return frozenset()


def _some(pattern: str, store: Store, *, excluding: bool) -> frozenset[int]:
    digits = re.compile(re.sub(r"\*+", "[0-9]*", pattern), re.ASCII)
    found = frozenset(number for number in store.index().entries if digits.fullmatch(str(number)))
    if not found and not (excluding and any(digits.fullmatch(str(number)) for number in store.retired())):
        raise ValueError("no CA of the store has such a number, see store/LIST.md")
    return found


def _what_is_wrong(entry: str) -> str:
    if entry.startswith("~"):
        return 'what is excluded stands in a list of its own, under "~"'
    if "$(" in entry and not entry.startswith("$(CERTS)/"):
        return "the only variable is $(CERTS), for the store: an entry has the form $(CERTS)/ca9"
    if entry.endswith((".der", ".pem", ".crt", ".cer")) and not entry.startswith("$("):
        return (
            "a manifest selects from the store; a certificate of your own goes into a connection's "
            '"certificate". An entry has the form $(CERTS)/ca9'
        )
    return (
        "an entry has the form $(CERTS)/ca9, with a number from store/LIST.md, or $(CERTS)/ca1* for several"
    )
