"""Reports in a real browser: what is seen, what a screen reader reads, what keys do, and that nothing runs or is loaded.

With CASCADE_SCREENSHOTS=FOLDER, what is seen is kept there, to be looked at.
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from tests.support.browser import PROGRAM, Browser

pytestmark = [pytest.mark.once, pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium here")]
HOSTILE = (
    "</pre></title></style></svg><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
)


class Odd:
    def __format__(self, spec: str) -> str:
        return f"<b>{HOSTILE}</b>"


ODD = Odd()


@cs.task
def add(a: int, b: int = 1) -> int:
    return a + b


@cs.task
async def fetch(x: int) -> int:
    await asyncio.sleep(0.01)
    return x


@cs.task(mode="blocking")
def read(x: int) -> int:
    return x


@cs.task(lower=True)
def calls_out(n: int) -> int:
    total = 0
    for i in range(n):
        if i % 4 == 0:
            total += len(f"{ODD}")  # <script>document.title = "taken"</script>
        total += i
    return total


@cs.task
def spin(seconds: float, begun: float = 0.0) -> Any:
    begun = begun or time.perf_counter()
    return spin.tail(seconds, begun) if time.perf_counter() - begun < seconds else 1


@cs.task
def fails(text: str) -> int:
    raise ValueError(text)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    hostile = cs.task(name=HOSTILE)(lambda x: x)
    everything = cs.task(lambda *parts: 1, name="merge")(
        add(1), fetch(1), read(2), add.map(range(1000)), calls_out(20_000), hostile(HOSTILE), spin(0.25), fails(HOSTILE)
    )
    with pytest.raises(ValueError, match="taken"):
        cs.run(everything, observers=[cs.report(folder / "all.html", memory=True)])
    loads = [add(add(n)) for n in range(1000)]
    cs.run(cs.task(len, name="size")([*loads, hostile(1)]), report=folder / "large.html")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture(params=["all", "large"])
def name(request):
    return request.param


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_it_fits_narrow_and_wide_windows_in_light_and_dark(browser, reports, name, scheme, width):
    browser.open(reports / f"{name}.html", width, scheme=scheme)
    assert browser.value("document.documentElement.scrollWidth") <= width
    colours = (
        "['background-color', 'color'].map(name => getComputedStyle(document.documentElement).getPropertyValue(name))"
    )
    light = ["rgb(255, 255, 255)", "rgb(31, 35, 40)"]
    assert browser.value(colours) == (light if scheme == "light" else ["rgb(13, 17, 23)", "rgb(230, 237, 243)"])
    image = browser.screenshot()
    assert image.startswith(b"\x89PNG") and struct.unpack(">I", image[16:20])[0] >= width
    if folder := os.environ.get("CASCADE_SCREENSHOTS"):
        Path(folder, f"{name}-{width}-{scheme}.png").write_bytes(image)


def test_nothing_runs_and_nothing_is_loaded(browser, reports, name):
    browser.open(reports / f"{name}.html")
    assert browser.value("document.title").startswith("Run of ")
    assert browser.value("document.querySelectorAll('script, img, iframe, link, object').length") == 0
    requests = [each["request"]["url"] for each in browser.events["Network.requestWillBeSent"]]
    assert requests == [(reports / f"{name}.html").as_uri()]
    assert not browser.events.keys() & {"Page.javascriptDialogOpening", "Runtime.consoleAPICalled", "Log.entryAdded"}


def test_a_screen_reader_finds_landmarks_headings_tables_and_descriptions_of_pictures(browser, reports):
    browser.open(reports / "all.html")
    found = browser.accessible()
    roles = Counter(each["role"] for each in found)
    assert roles["main"] == roles["banner"] == roles["contentinfo"] == 1
    assert [each["name"] for each in found if each["role"] == "navigation"] == ["Sections"]
    headings = [(each["level"], each["name"]) for each in found if each["role"] == "heading"]
    assert headings[0] == (1, "Run of merge")
    sections = ["Failures", "Graph", "Timeline", "Tasks", "Loops and maps", "Kernels", "Memory"]
    assert [name for level, name in headings if level == 2] == sections
    assert [each["name"] for each in found if each["role"] == "region" and each["name"] in sections] == sections
    pictures = [each["name"] for each in found if each["role"] == "image" and each["name"]]
    for beginning in ("graph of merge: ", "Timeline of ", "Memory of the process"):
        assert sum(name.startswith(beginning) for name in pictures) == 1
    tables = {each["name"] for each in found if each["role"] == "table"}
    assert tables > {"How each task ran.", "Tasks, those that took the longest first."}
    focusable = [each for each in found if each.get("focusable") and each["role"] != "RootWebArea"]
    assert [each for each in focusable if not each["name"] and each["role"] in ("link", "region", "button")] == []
    assert any("of the time" in each["name"] for each in found)  # a call-out below its line


def test_keys_reach_the_content_and_each_part_that_scrolls(browser, reports):
    browser.open(reports / "all.html")
    browser.press("Tab", 9)
    assert browser.value("document.activeElement.textContent") == "Skip to the content"
    assert browser.value("document.activeElement.getBoundingClientRect().left >= 0")
    browser.press("Enter", 13)
    assert browser.value("location.hash") == "#content"
    reached = set()
    for _ in range(40):
        browser.press("Tab", 9)
        reached.add(
            browser.value("document.activeElement.getAttribute('aria-label') || document.activeElement.tagName")
        )
    assert {"Picture of the graph", "Picture of the timeline", "How each task ran.", "SUMMARY", "PRE"} <= reached


def test_a_large_graph_is_a_picture_of_its_tasks(browser, reports):
    browser.open(reports / "large.html")
    texts = "[...document.querySelectorAll('.cascade-graph text')].map(each => each.textContent)"
    shown = browser.value(texts)
    assert "2,000 calls" in shown and "1 call" in shown
    assert (reports / "large.html").stat().st_size < 300_000
