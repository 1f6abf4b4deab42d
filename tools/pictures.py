"""The pictures of graphs: `python tools/pictures.py` has Cascade draw them into docs/pictures.

They are the graph of the README's first example, and those of the examples that make no picture themselves. `--check` writes nothing, and ends
with status 1 where a picture is not that of the code.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import re
import runpy
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PICTURES = ROOT / "docs" / "pictures"


def of_the_readme() -> Any:  # a LazyResult, as all that are drawn
    """Returns the result that the first block of Python in the README names `graph`."""
    found = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert found is not None
    with tempfile.TemporaryDirectory() as directory:
        block = Path(directory) / "block.py"
        block.write_text(found[1])
        return runpy.run_path(str(block), {"print": lambda *values: None})["graph"]


def example(name: str) -> Any:  # a module
    """Returns an example as a module."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        specification = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert specification is not None and specification.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        return module
    finally:
        sys.path.pop(0)


def turn_of_the_agent() -> Any:
    """Returns the graph that a turn of the agent returns."""
    agent = example("agent")
    return agent.turn.func(agent.Notes("the height of Everest in feet"))


GRAPHS: dict[str, Callable[[], Any]] = {
    "graph": of_the_readme,
    "agent": turn_of_the_agent,
    "airports": lambda: example("airports").report,
    "fireflies": lambda: example("fireflies").night,
    "sweep": lambda: example("sweep").curve,
}


def drawn(name: str) -> str:
    """Returns a picture by Cascade's own drawing, not by Graphviz."""
    return str(GRAPHS[name]()._repr_mimebundle_()["image/svg+xml"]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check, status = parser.parse_args().check, 0
    with (
        tempfile.TemporaryDirectory() as directory,
        contextlib.chdir(directory),
    ):  # where the caches of examples are made
        drawings = {name: drawn(name) for name in GRAPHS}
    for name, drawing in drawings.items():
        picture = PICTURES / f"{name}.svg"
        if not check:
            picture.write_text(drawing)
        elif not picture.exists() or picture.read_text() != drawing:
            print(f"{picture.relative_to(ROOT)} is not that of the code: run python tools/pictures.py", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
