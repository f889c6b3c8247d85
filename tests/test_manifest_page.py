"""The page about manifests: its examples are read by what they are about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trio_certs import Manifest, ManifestError

PAGE = (Path(__file__).parents[1] / "docs" / "manifest.md").read_text("utf-8")
GOOD, BAD = PAGE.split("## Errors\n")
JSON = re.compile(r"^```json\n(.*?)^```$", re.DOTALL | re.MULTILINE)
REFUSED = re.compile(r"^```json\n(.*?)^```\n\n```text\n(.*?)\n```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("base.json", "elsewhere.json"):
        (tmp_path / name).write_text("{}")
    return tmp_path


@pytest.mark.parametrize("text", JSON.findall(GOOD))
async def test_an_example_is_a_manifest(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    manifest = await Manifest.load("manifest.json", platform="linux")
    assert manifest.includes("ca9.der")
    assert not manifest.includes("ca13.der")


@pytest.mark.parametrize(("text", "message"), REFUSED.findall(BAD))
async def test_an_example_of_an_error_is_that_error(folder: Path, text: str, message: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ManifestError) as caught:
        await Manifest.load("manifest.json")
    assert str(caught.value).replace(str(folder), "FOLDER") == message


def test_there_are_examples() -> None:
    assert len(JSON.findall(GOOD)) == 2
    assert len(REFUSED.findall(BAD)) == len(JSON.findall(BAD)) == 6
