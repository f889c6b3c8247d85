from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.__main__ import SUITES
from benchmarks.figures import Figure

DOCS = Path(__file__).resolve().parents[2] / "docs"
FIGURE = Figure("transfers", "receive", "peer", "MiB", "CPU", 1.0, 2.0, 2.0, 1.0, 3.0, 3, 2.5)


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(page, "circumstances", lambda: "Taken today.")
    markers = [*(f"figures: {suite}" for suite in ("transfers", "https")), "floor"]
    text = "".join(f"Before.\n<!-- {one} -->\nold\n<!-- end of {one} -->\n" for one in markers)
    (tmp_path / "performance.md").write_text(text)
    return tmp_path


def test_figures_go_between_the_markers_and_the_rest_stays(docs: Path) -> None:
    page.write([FIGURE], {"a piece": 1.5}, docs)
    text = (docs / "performance.md").read_text()
    assert text.count("Before.") == 3
    assert "old" not in text
    assert "| receive | peer |" in text
    assert "Taken today." in text
    assert "| a piece | 1.50 |" in text
    assert "Not measured yet." in text
    assert (docs / "performance" / "transfers.svg").exists()


def test_a_second_run_keeps_what_it_did_not_measure(docs: Path) -> None:
    page.write([FIGURE], {"a piece": 1.5}, docs)
    first = (docs / "performance.md").read_text()
    page.write([], {}, docs)
    assert (docs / "performance.md").read_text() == first


def test_a_page_without_its_markers_is_an_error(docs: Path) -> None:
    with pytest.raises(ValueError, match="no marker: figures: shape"):
        page.replace_between((docs / "performance.md").read_text(), "figures: shape", "")


def test_the_circumstances_name_machine_load_and_versions() -> None:
    text = page.circumstances()
    for word in ("processors", "load", "Python", "OpenSSL", "cryptography"):
        assert word in text


def test_the_page_has_a_place_for_every_suite_and_every_drawing() -> None:
    text = (DOCS / "performance.md").read_text()
    places = set(re.findall(r"<!-- figures: (\w+) -->", text))
    assert places == set(SUITES) - {"shape"}
    shown = set(re.findall(r"\(performance/([\w-]+\.svg)\)", text))
    assert shown == {path.name for path in (DOCS / "performance").glob("*.svg")}
