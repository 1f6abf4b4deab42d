"""The picture of the README: `python tools/pictures.py` has Cascade draw it into docs/pictures.

`--check` writes nothing, and ends with status 1 where the picture is not that of the code in the README.
"""

from __future__ import annotations

import argparse
import re
import runpy
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "pictures" / "graph.svg"


def code_of_the_picture() -> str:
    """Returns the first block of Python in the README, which makes the graph."""
    found = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert found is not None
    return found[1]


def drawn() -> str:
    """Returns the picture of the result that the block names `graph`, by Cascade's own drawing, not by Graphviz."""
    with tempfile.TemporaryDirectory() as directory:
        block = Path(directory) / "block.py"
        block.write_text(code_of_the_picture())
        graph = runpy.run_path(str(block), {"print": lambda *values: None})["graph"]
    return str(graph._repr_mimebundle_()["image/svg+xml"]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        PICTURE.write_text(drawn())
    elif not PICTURE.exists() or PICTURE.read_text() != drawn():
        print(f"{PICTURE.relative_to(ROOT)} is not that of the README: run python tools/pictures.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
