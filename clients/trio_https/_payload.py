"""The ways to give a body, of which a request has one: as it is, as JSON, as a form.

Theory of operation: each way makes a `Body` and a Content-Type. The caller's own Content-Type wins.
"""

from __future__ import annotations

import json as json_module
from typing import Any

from ._body import Body, BodyLike
from ._forms import FormLike, encoded
from ._headers import Field
from ._multipart import FilesLike, Multipart

NOTHING: Any = object()
"""No JSON: `None` is one of its values."""


def payload(
    body: BodyLike | None, json: Any, data: FormLike | None, files: FilesLike | None
) -> tuple[Body, list[Field]]:
    """The body, and the headers that go with it.

    Args:
        body: sent as it is.
        json: anything `json.dumps` takes, or `NOTHING`.
        data: the fields of a form.
        files: the files of a form.

    Raises:
        TypeError: there are several, or one is of a wrong type.
        ValueError: JSON has no such number.
        OSError: there is no such file.
    """
    ways = [
        name
        for name, given in (
            ("body", body is not None),
            ("json", json is not NOTHING),
            ("data or files", data is not None or files is not None),
        )
        if given
    ]
    if len(ways) > 1:
        raise TypeError(f"a request has one body, and was given {' and '.join(ways)}")
    if json is not NOTHING:
        # RFC 8259 §8.1: UTF-8, and no numbers that are none.
        text = json_module.dumps(json, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return Body.of(text), [(b"Content-Type", b"application/json")]
    if files is not None:
        form = Multipart(data, files)
        return Body(None, form), [(b"Content-Type", form.content_type.encode())]
    if data is not None:
        return Body.of(encoded(data, "data")), [(b"Content-Type", b"application/x-www-form-urlencoded")]
    return Body.of(body), []
