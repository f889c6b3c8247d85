"""Adding CAs to the text of a manifest without disturbing the rest of it.

Theory of operation: a manifest is written by a person, who chose its order, its indentation and its line
breaks. So nothing is written anew: the place where the entry belongs is found by the spans of the parsed
document, and the entry is put there with the separator that the entries before it have.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from trio_certs._json import Document, KeyPath, Span

_EMPTY = '{\n  "resources": {\n    "*": [\n      ENTRY\n    ]\n  }\n}\n'
_RESOURCES: KeyPath = ("resources",)
_LIST: KeyPath = ("resources", "*")


def add_entries(text: str | None, entries: Iterable[str]) -> str:
    """The text of a manifest with entries added to `"resources"`, `"*"`.

    Args:
        text: a manifest that `Manifest.load` accepts; `None` begins one.
        entries: such as `$(CERTS)/ca9`.

    Raises:
        ValueError: `text` is not a manifest.
    """
    for entry in entries:
        quoted = json.dumps(entry, ensure_ascii=False)
        text = _EMPTY.replace("ENTRY", quoted) if text is None else _with_item(Document.parse(text), quoted)
    return "{}\n" if text is None else text


def _with_item(document: Document, quoted: str) -> str:
    text = document.text
    if _LIST in document.spans:
        span = document.spans[_LIST]
        if text[span.start] == '"':  # one entry without a list around it
            alone = text[span.start : span.end]
            return f"{text[: span.start]}[{alone}, {quoted}]{text[span.end :]}"
        return _insert(document, _LIST, "[", quoted)
    if _RESOURCES in document.spans:
        return _insert(document, _RESOURCES, "{", f'"*": [{quoted}]')
    return _insert(document, (), "{", f'"resources": {{"*": [{quoted}]}}')


def _insert(document: Document, path: KeyPath, opening: str, item: str) -> str:
    """The text with an item behind the last one of the array or object at `path`."""
    text, span = document.text, document.spans[path]
    if text[span.start] != opening:
        raise ValueError(f"{document.place(path)}: not a manifest")
    items = [
        _with_key(document, one) for one in document.spans if len(one) == len(path) + 1 and one[:-1] == path
    ]
    if not items:
        return text[: span.start + 1] + item + text[span.end - 1 :]
    last = items[-1]
    if len(items) > 1:
        separator = text[items[-2].end : last.start]
    else:
        lead = text[span.start + 1 : last.start]
        separator = "," + (lead if "\n" in lead else " ")
    return text[: last.end] + separator + item + text[last.end :]


def _with_key(document: Document, path: KeyPath) -> Span:
    value = document.spans[path]
    return Span(document.keys[path].start, value.end) if path in document.keys else value
