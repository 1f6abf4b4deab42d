"""The style sheet of a report."""

from __future__ import annotations

CSS = """
:root{color-scheme:light dark;--ink:#1f2328;--soft:#57606a;--paper:#fff;--raised:#f6f8fa;--line:#d0d7de;--good:#1a7f37;--bad:#cf222e;--link:#0969da;
--inline:#0969da;--async:#8250df;--blocking:#9a6700;--compute:#1a7f37}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--paper:#0d1117;--raised:#161b22;--line:#30363d;--good:#3fb950;--bad:#ff7b72;
--link:#58a6ff;--inline:#58a6ff;--async:#bc8cff;--blocking:#d29922;--compute:#3fb950}}
*{box-sizing:border-box}html{font:15px/1.5 ui-sans-serif,system-ui,sans-serif;color:var(--ink);background:var(--paper)}
body{margin:0 auto;max-width:75rem;padding:1rem;overflow-wrap:anywhere}table,pre{overflow-wrap:normal}h1{font-size:1.5rem;margin:.2rem 0;overflow-wrap:anywhere}h2{font-size:1.15rem;margin:2rem 0 .5rem}
a{color:var(--link)}a:focus-visible,summary:focus-visible,[tabindex]:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;background:var(--paper);padding:.3rem .6rem}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1rem;list-style:none;padding:0;margin:.5rem 0}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.5rem;margin:1rem 0;padding:0}
.facts div{background:var(--raised);border:1px solid var(--line);border-radius:6px;padding:.5rem .75rem}
.facts dt{color:var(--soft);font-size:.85rem}.facts dd{margin:0;font-size:1.15rem;overflow-wrap:anywhere}.good{color:var(--good)}.bad{color:var(--bad)}
.wide{overflow-x:auto;border:1px solid var(--line);border-radius:6px}.wide svg{display:block}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}caption{text-align:left;color:var(--soft);padding:.4rem .75rem}
th,td{padding:.3rem .75rem;text-align:right;border-top:1px solid var(--line);white-space:nowrap}
th:first-child,.text{text-align:left}td.text,tbody th{white-space:normal;overflow-wrap:anywhere;min-width:8rem}td.text:last-child{min-width:18rem}thead th{background:var(--raised);border-top:0}
tbody th{font-weight:600}pre,code{font:13px/1.45 ui-monospace,monospace}pre{background:var(--raised);border:1px solid var(--line);border-radius:6px;
padding:.75rem;overflow-x:auto}details{margin:.5rem 0}summary{cursor:pointer}.soft{color:var(--soft)}
.timeline text{font:11px ui-sans-serif,system-ui,sans-serif;fill:var(--ink)}.timeline .axis{stroke:var(--line)}.timeline .axis-text{fill:var(--soft)}
.timeline rect{fill:var(--inline);opacity:.5}.timeline .async{fill:var(--async)}.timeline .blocking{fill:var(--blocking)}
.timeline .compute{fill:var(--compute)}.timeline .failed{fill:var(--bad)}.timeline .abandoned{fill:var(--soft)}.timeline polyline{fill:none;stroke:var(--link);stroke-width:1.5}
.key{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin:0 .3em 0 .8em;background:var(--inline)}
.key.async{background:var(--async)}.key.blocking{background:var(--blocking)}.key.compute{background:var(--compute)}.key.failed{background:var(--bad)}.key.abandoned{background:var(--soft)}
.source i{color:var(--soft);font-style:normal;user-select:none}.source b{font-weight:400;color:var(--bad)}.source .call-out{color:var(--blocking)}
@media print{nav,.skip{display:none}}
""".strip()
