from __future__ import annotations

from trio_certs._json import Document
from trio_certs._manifest_source import ManifestSource

FILE = ManifestSource("m.json", Document.parse('{"resources":\n {"*": ["a", "b"]}}'))


def test_an_error_in_a_file_has_its_line_and_key() -> None:
    error = FILE.error("no such CA", ("resources", "*", 1), entry="b")
    assert str(error) == 'the manifest m.json, line 2, column 14: "resources.*", entry 2 ("b"): no such CA'
    error = FILE.error("unknown", ("resources", "*"), key=True)
    assert str(error) == 'the manifest m.json, line 2, column 3: "resources.*": unknown'


def test_an_error_of_the_whole_file_names_only_the_file() -> None:
    assert str(FILE.error("no object")) == "the manifest m.json: no object"


def test_a_manifest_without_a_file_has_keys_but_no_lines() -> None:
    source = ManifestSource()
    assert source.label == "the manifest"
    assert str(source.error("wrong", ("resources", 0))) == 'the manifest: "resources", entry 1: wrong'


def test_what_stands_in_a_manifest_cannot_move_the_cursor() -> None:
    error = ManifestSource().error("wrong", ("\x1b[2J",), entry="\u202e" * 500)
    assert r"\x1b[2J" in str(error)
    assert len(str(error)) < 1100
