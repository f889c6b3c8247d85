"""Forms with files in them: `multipart/form-data`, RFC 7578, streamed.

Theory of operation: a form is a list of parts, each a header and a source. Its length is known if that of each
part is, and then the form is announced with it; nothing of a file is read before it is sent. The boundary is
random, so that nothing in a file can end its part.
"""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import cast

from ._body import Body, BodyLike, BytesLike
from ._forms import FormLike, pairs

FileLike = BodyLike | tuple[str | None, BodyLike] | tuple[str | None, BodyLike, str]
"""What a file may be: content, or a file name and content, or these and a content type."""
FilesLike = Mapping[str, FileLike] | Iterable[tuple[str, FileLike]]
"""What a caller may give: a mapping from names of fields to files, or pairs of them."""

_OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class _Part:
    head: bytes
    body: Body


class Multipart:
    """The body of a form with files.

    Args:
        data: the fields without files; they come first.
        files: the files.

    Raises:
        TypeError: an argument is of none of the shapes accepted.
        OSError: there is no such file.
    """

    def __init__(self, data: FormLike | None, files: FilesLike) -> None:
        self.boundary = secrets.token_hex(16)
        """What is between the parts."""
        self._parts = [
            _Part(_head(name), Body.of(value))
            for name, value in ([] if data is None else pairs(data, "data"))
        ]
        for name, file in _named(files):
            self._parts.append(_file(name, file))

    @property
    def content_type(self) -> str:
        """For the Content-Type header."""
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def length(self) -> int | None:
        """How many bytes it has; `None` if a file is of unknown length."""
        # Each part: two dashes, the boundary, a line end, the header, the body, a line end; and the last line.
        total = 2 + len(self.boundary) + 4
        for part in self._parts:
            length = part.body.length
            if length is None:
                return None
            total += 2 + len(self.boundary) + 2 + len(part.head) + length + 2
        return total

    @property
    def replayable(self) -> bool:
        """Whether it can be sent more than once: if each file can."""
        return all(part.body.replayable for part in self._parts)

    async def pieces(self) -> AsyncGenerator[BytesLike]:
        """The form as it is sent."""
        for part in self._parts:
            yield b"--%s\r\n%s" % (self.boundary.encode(), part.head)
            async with aclosing(part.body.blocks()) as blocks:
                async for block in blocks:
                    yield block
            yield b"\r\n"
        yield b"--%s--\r\n" % self.boundary.encode()


def _named(files: FilesLike) -> list[tuple[str, FileLike]]:
    given = cast("Iterable[object]", files.items() if isinstance(files, Mapping) else files)
    items = list(given)
    for item in items:
        pair = cast("tuple[object, ...]", item) if isinstance(item, tuple) else ()
        if len(pair) != 2 or not isinstance(pair[0], str):
            raise TypeError(f"files must be a mapping or pairs of name and file, and holds {item!r}")
    return cast("list[tuple[str, FileLike]]", items)


def _file(field: str, file: FileLike) -> _Part:
    content_type: str | None = None
    if isinstance(file, tuple):
        parts = cast("Sequence[object]", file)
        if len(parts) not in (2, 3):
            raise TypeError(
                f"files[{field!r}] must be (name, content) or (name, content, type), not {file!r}"
            )
        name, content = cast("tuple[str | None, BodyLike]", (parts[0], parts[1]))
        if len(parts) == 3:
            content_type = cast("str", parts[2])
    else:
        name, content = _name_of(file), file
    guessed = mimetypes.guess_type(name)[0] if name else None
    return _Part(_head(field, name, content_type or guessed or _OCTETS), Body.of(content))


def _name_of(file: object) -> str:
    """The name under which a file is sent if none is given: its own, without folders."""
    name: object = file if isinstance(file, Path) else getattr(file, "name", None)
    return PurePath(name).name if isinstance(name, str | PurePath) else "file"


def _head(field: str, name: str | None = None, content_type: str | None = None) -> bytes:
    text = f'Content-Disposition: form-data; name="{_quoted(field)}"'
    if name is not None:
        text += f'; filename="{_quoted(name)}"'
    if content_type is not None:
        if not content_type.isascii() or not content_type.isprintable():
            raise TypeError(f"the content type of files[{field!r}] is none: {content_type!r}")
        text += f"\r\nContent-Type: {content_type}"
    return f"{text}\r\n\r\n".encode()


def _quoted(text: str) -> str:
    """A name in quotes: RFC 7578 §4.2 with what browsers do (HTML §4.10.21.8), so that it cannot end early."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
