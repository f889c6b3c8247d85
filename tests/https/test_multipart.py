from __future__ import annotations

import email
import io
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any  # what is refused is of any type

import pytest

from trio_https._body import Body
from trio_https._multipart import FileLike, Multipart


async def _source() -> AsyncGenerator[bytes]:
    yield b"from "
    yield b"somewhere"


async def _sent(form: Multipart) -> bytes:
    return b"".join([bytes(block) async for block in Body(None, form).blocks()])


def _parts(form: Multipart, sent: bytes) -> list[tuple[str, str | None, str, bytes]]:
    """What Python's own parser finds: name, file name, content type, content."""
    message = email.message_from_bytes(f"Content-Type: {form.content_type}\r\n\r\n".encode() + sent)
    found: list[tuple[str, str | None, str, bytes]] = []
    for part in message.walk():
        if not part.is_multipart():
            content: Any = part.get_payload(decode=True)
            name = part.get_param("name", header="content-disposition")
            found.append((str(name), part.get_filename(), part.get_content_type(), content))
    return found


async def test_fields_and_files_as_a_form(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(b"<p>" * 50_000)
    with path.open("rb") as opened:
        files: dict[str, FileLike] = {
            "path": path,
            "open": opened,
            "bytes": b"raw",
            "named": ("x.png", b"png"),
            "typed": ("x.bin", io.BytesIO(b"bin"), "text/x-own"),
            "bare": (None, "text"),
        }
        form = Multipart({"a": "1", "b": ["2", "3"]}, files)
        sent = await _sent(form)
        assert form.replayable
        assert form.length == len(sent)
        assert await _sent(form) == sent
    assert _parts(form, sent) == [
        ("a", None, "text/plain", b"1"),
        ("b", None, "text/plain", b"2"),
        ("b", None, "text/plain", b"3"),
        ("path", "page.html", "text/html", b"<p>" * 50_000),
        ("open", "page.html", "text/html", b"<p>" * 50_000),
        ("bytes", "file", "application/octet-stream", b"raw"),
        ("named", "x.png", "image/png", b"png"),
        ("typed", "x.bin", "text/x-own", b"bin"),
        ("bare", None, "application/octet-stream", b"text"),
    ]


async def test_a_file_of_unknown_length_leaves_the_form_without_one() -> None:
    form = Multipart(None, [("f", _source())])
    assert form.length is None
    assert not form.replayable
    sent = await _sent(form)
    assert _parts(form, sent) == [("f", "file", "application/octet-stream", b"from somewhere")]


async def test_a_name_cannot_end_its_quotes_or_its_line() -> None:
    form = Multipart(None, {'a"\r\nX: y': ('b"\r\n\r\n', b"")})
    sent = await _sent(form)
    assert b'name="a%22%0D%0AX: y"; filename="b%22%0D%0A%0D%0A"\r\n' in sent


def test_boundaries_differ() -> None:
    assert Multipart(None, {}).boundary != Multipart(None, {}).boundary


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([("a",)], "and holds"),
        ([(1, b"")], "and holds"),
        (["ab"], "and holds"),
        ({"a": ("x",)}, r"files\['a'\] must be \(name, content\)"),
        ({"a": ("x", b"", "t", "u")}, r"files\['a'\] must be"),
        ({"a": ("x", b"", "text/plain\r\nX: y")}, "the content type"),
        ({"a": 7}, "a body must be"),
    ],
)
def test_other_shapes_are_refused(files: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Multipart(None, files)
