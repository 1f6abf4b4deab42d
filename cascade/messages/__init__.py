"""Pages about the errors and the codes of messages: what each means, an example, and what to do.

There is a file in Markdown for each class of `cascade.errors`, each code of docs/lowering.md, and each reason of a skip. They are a part of the package, so the
page that a message names can be read without a network: `cascade explain CycleError`. The site of the documents has them as well.
"""

from __future__ import annotations

from importlib.resources import files


def page(name: str) -> str | None:
    """Returns the page about an error class or a code, in Markdown; None if there is none of that name."""
    if not name.isidentifier():
        return None
    path = files(__name__) / f"{name}.md"
    return path.read_text(encoding="utf-8") if path.is_file() else None


def names() -> list[str]:
    """Returns the names of all pages."""
    return sorted(path.name.removesuffix(".md") for path in files(__name__).iterdir() if path.name.endswith(".md"))
