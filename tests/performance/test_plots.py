from __future__ import annotations

import xml.etree.ElementTree as ET

from benchmarks.figures import Figure
from benchmarks.plots import bars, draw_all, lines, ticks


def figure(
    suite: str = "transfers", case: str = "receive <&>", ratio: float = 2.0, goal: float = 2.5
) -> Figure:
    return Figure(suite, case, "peer", "MiB", "CPU", 1.0, ratio, ratio, ratio / 2, ratio * 2, 3, goal)


def elements(drawing: str, tag: str) -> list[ET.Element]:
    return list(ET.fromstring(drawing).iter(f"{{http://www.w3.org/2000/svg}}{tag}"))  # noqa: S314  # ours


def test_ticks_enclose_the_values() -> None:
    assert ticks(0.9, 3) == [0.5, 1, 2, 5]
    assert ticks(1, 10) == [1, 2, 5, 10]


def test_bars_begin_at_one_and_are_as_long_as_their_ratios() -> None:
    drawing = bars("title", [figure(ratio=2.0), figure(ratio=4.0), figure(ratio=0.5)])
    twice, four_times, half = elements(drawing, "rect")
    assert abs(float(four_times.attrib["width"]) - 2 * float(twice.attrib["width"])) < 0.2
    assert twice.attrib["x"] == four_times.attrib["x"]
    assert float(half.attrib["x"]) < float(twice.attrib["x"])
    assert any("receive <&>" in (one.text or "") for one in elements(drawing, "text"))


def test_a_goal_that_is_not_met_has_another_colour() -> None:
    met, missed = elements(bars("title", [figure(goal=1.0), figure(goal=3.0)]), "rect")
    assert met.attrib["fill"] != missed.attrib["fill"]


def test_a_flat_curve_is_drawn_flat() -> None:
    (curve,) = elements(lines("title", "unit", "across", {"name": [(1, 5.0), (100, 5.0)]}), "polyline")
    first, last = (point.split(",") for point in curve.attrib["points"].split())
    assert first[1] == last[1]
    assert float(first[0]) < float(last[0])


def test_a_single_size_can_be_drawn() -> None:
    assert elements(lines("title", "unit", "across", {"name": [(1, 5.0)]}), "circle")


def test_each_suite_has_its_drawing_and_growth_its_own() -> None:
    shape = [figure("shape", f"{kind} {size} of it") for kind in ("receive", "open") for size in (1, 10)]
    assert set(draw_all([figure(), *shape])) == {"transfers.svg", "shape-receive.svg", "shape-open.svg"}
    assert draw_all([]) == {}
