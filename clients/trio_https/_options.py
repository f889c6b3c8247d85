"""What a request may be given beside its method and URL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from ._auth import Auth
from ._body import BodyLike
from ._forms import FormLike
from ._headers import HeadersLike
from ._informational import Informational
from ._limits import Deadlines
from ._multipart import FilesLike
from ._outgoing import TrailersLike


class DownloadOptions(TypedDict, total=False):
    """What a request for a file may be given beside its URL, all of it optional."""

    params: FormLike | None
    """Names and values for the URL's query, behind those it has."""
    headers: HeadersLike | None
    """A mapping, or pairs of name and value; in place of the client's of the same name."""
    auth: Auth | None
    """In place of the client's; `Auth()` says nothing to anybody."""
    deadlines: Deadlines | None
    """In place of the client's."""


class WithoutBody(DownloadOptions, total=False):
    """What every request may be given beside method, URL and body, all of it optional."""

    json: Any  # whatever `json.dumps` takes
    """In place of `body`: sent as `application/json`."""
    data: FormLike | None
    """In place of `body`: the fields of a form."""
    files: FilesLike | None
    """Beside `data`: files by field. A file is content, or a tuple of file name, content and perhaps its type."""
    trailers: TrailersLike | None
    """Fields behind the body, which is then chunked; a function is called when the body has been sent."""
    expect: bool
    """Whether a body waits for the server's `100 Continue`, for `Deadlines.expect` at most."""
    decode: bool
    """Whether gzip and the like are undone, as they are by default."""
    follow: bool
    """Whether redirects are followed, as they are by default."""
    on_informational: Callable[[Informational], object] | None
    """Called with each interim response, when it comes."""


class RequestOptions(WithoutBody, total=False):
    """What every request may be given beside method and URL, all of it optional."""

    body: BodyLike | None
    """Bytes, `str` (sent as UTF-8), a `Path`, a binary file, or an asynchronous iterable of bytes. Sent with its
    length if that is known or a Content-Length header announces it, else chunked."""
