"""One command for each job: `nox -s test`, `nox -s check`; `nox --list` shows them all.

Each session makes an environment of its own, so nothing but nox has to be installed. `nox -R -s test` uses it again.
"""

from __future__ import annotations

import os
import shutil

import nox

PYTHONS = ["3.11", "3.12", "3.13"]
nox.options.sessions = ["check", "test"]
nox.options.default_venv_backend = "venv"


@nox.session(python=PYTHONS[0])
def build(session: nox.Session) -> None:
    """Builds the sdist and the wheel into dist/."""
    session.install("build")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", "dist")


@nox.session(python=PYTHONS)
def test(session: nox.Session) -> None:
    """Runs the tests against an editable install; arguments go to pytest."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python=PYTHONS[0])
def bench(session: nox.Session) -> None:
    """Runs a benchmark beside its peers: `nox -s bench -- kernels.py --fast`; by default bench.py."""
    session.install(".[perf,cache,processes]")
    program, *arguments = session.posargs or ["bench.py"]
    session.run("python", os.path.join("perf", program), *arguments)


@nox.session(python=PYTHONS)
def fuzz(session: nox.Session) -> None:
    """Compares random programs with plain Python, then random graphs; arguments go to all fuzzers, such as `--seconds 3600`."""
    session.install("-e", ".[test]")
    arguments = session.posargs or ["--seconds", "120", "--jobs", "2"]
    session.run("python", "tools/fuzz.py", *arguments)
    session.run("python", "-m", "tests.support.object_programs", *arguments)
    session.run("python", "-m", "tests.support.whole_programs", *arguments)
    session.run("python", "tools/fuzz_graphs.py", *arguments)


@nox.session(python=PYTHONS[0])
def sanitize(session: nox.Session) -> None:
    """Runs the tests with the address and undefined-behaviour sanitizers, and the extension's own checks."""
    environment = {"CASCADE_SANITIZE": "address,undefined", "CASCADE_ASSERT": "1"}
    session.install("-e", ".[test]", env=environment)
    compiler = os.environ.get("CC", "gcc")
    libraries = [
        str(session.run(compiler, f"-print-file-name={name}", external=True, silent=True)).strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    run_time = {"LD_PRELOAD": " ".join(libraries), "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider", *session.posargs, env=run_time)


@nox.session(python=PYTHONS[0])
def generate(session: nox.Session) -> None:
    """Writes the files that derive from the instruction tables."""
    session.run("python", "tools/generate.py", *session.posargs)


@nox.session(python=PYTHONS[0])
def docs(session: nox.Session) -> None:
    """Draws the pictures, builds the site into build/site, and runs all code of the documents."""
    session.install("-e", ".[test]")
    session.run("python", "perf/plots.py")
    session.run("python", "tools/pictures.py")
    session.run("python", "-m", "sphinx", "-W", "-b", "html", "docs", "build/site")
    session.run(
        "python", "-m", "pytest", "-q", "-k", "documents or reference or examples or docstrings", *session.posargs
    )


@nox.session(python=PYTHONS[0])
def check(session: nox.Session) -> None:
    """Formatter, linter, spelling, types, and generated files: nothing is written."""
    session.install("-e", ".[test,check]")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("codespell")
    session.run("mypy")
    session.run("pyright")
    session.run("python", "tools/generate.py", "--check")
