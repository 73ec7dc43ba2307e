# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The look of the page: one style sheet, and an optional script. Nothing in it comes from outside.

Private to swarmlab.overlay.
"""

from __future__ import annotations

CSS = """
:root {
  --back: #f5f6f8; --card: #fff; --text: #1a222c; --muted: #55606d; --line: #e1e5ea; --soft: #f0f2f5;
    --accent: #3556b8;
  --pass: #0a6b5c; --pass-soft: #dff3ee; --fail: #b3261e; --fail-soft: #fdebe9; --inconclusive: #7d5200;
  --inconclusive-soft: #fcf1d9; --skip: #55606d; --skip-soft: #eceff2;
  --h0: #d9f1eb; --h1: #a8dccf; --h2: #6dc0af; --h3: #217e6e; --ink: #10332c; --ink3: #fff;
  --shadow: 0 1px 2px rgb(16 24 40 / 6%);
  color-scheme: light;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --back: #0e1217; --card: #161b22; --text: #e4e9ef; --muted: #98a4b1; --line: #28303a; --soft: #1d242d;
      --accent: #8fabff;
    --pass: #5ccdb5; --pass-soft: #12302a; --fail: #ff8d83; --fail-soft: #3c1b19; --inconclusive: #eeb958;
    --inconclusive-soft: #372a10; --skip: #98a4b1; --skip-soft: #232b34;
    --h0: #143a33; --h1: #1c5247; --h2: #2b7766; --h3: #5ccdb5; --ink: #e2f6f1; --ink3: #06231d;
    --shadow: none;
    color-scheme: dark;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--back); color: var(--text); overflow-wrap: anywhere;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif;
}
main, footer { max-width: 1120px; margin: 0 auto; padding: 0 20px; }
main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; padding-top: 24px; }
h1, h2, h3 { line-height: 1.25; margin: 0; }
h2 { font-size: 1.1rem; margin-bottom: 12px; }
h3 { font-size: .95rem; margin: 0 0 8px; }
p, ul, dl { margin: 0; }
a { color: var(--accent); text-underline-offset: 2px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
code, pre, .id {
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Noto Mono", "DejaVu Sans Mono", monospace;
  font-size: .86em; }
.muted { color: var(--muted); font-size: .88rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px;
  box-shadow: var(--shadow); min-width: 0; }
.pair { display: grid; gap: 16px; grid-template-columns: minmax(0, 1fr); }
@media (min-width: 900px) { .pair:not(.stacked) { grid-template-columns: auto minmax(0, 1fr); } .pair:not(.stacked)
  > .drawn { max-width: 560px; } }
.drawn .scroll > svg { margin: 0 auto; }
.scroll { overflow-x: auto; max-width: 100%; }
.chip { display: inline-block; font-size: .76rem; font-weight: 500; color: var(--muted); background: var(--soft);
  border-radius: 6px; padding: 1px 7px; margin-left: 6px; }
.badge { display: inline-block; white-space: nowrap; font-size: .8rem; font-weight: 600; border-radius: 6px;
  padding: 1px 8px; }
.badge b { display: inline-block; min-width: .8em; text-align: center; }
.pass { --own: var(--pass); --own-soft: var(--pass-soft); }
.fail { --own: var(--fail); --own-soft: var(--fail-soft); }
.inconclusive { --own: var(--inconclusive); --own-soft: var(--inconclusive-soft); }
.skip { --own: var(--skip); --own-soft: var(--skip-soft); }
.badge { color: var(--own); background: var(--own-soft); }

.answer { border-left: 6px solid var(--own); }
.answer .over { color: var(--muted); font-size: .88rem; }
.answer h1 { font-size: clamp(1.7rem, 5vw, 2.3rem); letter-spacing: -.01em; color: var(--own); display: flex;
  align-items: center; gap: .45em; margin: 2px 0 4px; }
.answer h1 i { flex: none; width: 1.25em; height: 1.25em; border-radius: 50%; background: var(--own);
  color: var(--card); font: 700 .8em/1.55 system-ui, sans-serif; text-align: center; display: inline-grid;
  place-items: center; }
.bar { display: flex; gap: 2px; height: 8px; margin: 14px 0 12px; border-radius: 4px; overflow: hidden; }
.bar i { background: var(--own); min-width: 6px; }
.bar i.fail { background: repeating-linear-gradient(45deg, var(--own) 0 4px, var(--own-soft) 4px 6px); }
.counts { display: flex; flex-wrap: wrap; gap: 6px; list-style: none; padding: 0; }
.counts .badge { font-size: .88rem; padding: 3px 10px; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px 24px;
  margin-top: 18px; padding-top: 16px; border-top: 1px solid var(--line); }
.facts dt { color: var(--muted); font-size: .8rem; }
.facts dd { margin: 0; font-weight: 500; }

.causes { list-style: none; padding: 0; display: grid; gap: 14px; }
.causes > li { border-left: 3px solid var(--own, var(--fail)); padding-left: 12px; }
.causes ul { list-style: none; padding: 0; }
.causes .title { font-size: 1.05rem; margin-right: 4px; }
.causes > li > * + p, .fold { margin-top: 6px; }
.causes .because { list-style: disc; padding-left: 1.2em; color: var(--muted); font-size: .88rem; }
.fold > summary { cursor: pointer; color: var(--accent); font-size: .88rem; width: fit-content; } .fold > ul { margin-top: 4px; }
.rest { margin-top: 18px; } .rest:first-of-type:nth-child(2) { margin-top: 0; }
.hint { display: block; font-weight: 600; margin-bottom: 2px; }
.changes { list-style: none; padding: 0; display: grid; gap: 6px; } .changes + .fold .changes { margin-top: 6px; }
.changes, .asked { margin-top: 8px; }
.arrow { color: var(--muted); }

table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; }
.grid, .plain { width: 100%; font-size: .88rem; }
.grid th, .grid td, .plain th, .plain td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; text-align: left; overflow-wrap: normal; }
.grid tbody tr:last-child > *, .plain tbody tr:last-child > * { border-bottom: 0; }
.grid th, .plain tbody th { overflow-wrap: anywhere; } .grid tbody th, .plain tbody th { min-width: 7em; max-width: 18em; }
.grid thead th { min-width: 5em; max-width: 12em; }
.grid thead th, .plain thead th { color: var(--muted); font-size: .8rem; font-weight: 500; }
.grid .id, .causes .id { white-space: nowrap; }
.grid a { text-decoration: none; }
.grid a:hover .badge { text-decoration: underline; }
.evidence .plain { width: auto; } .plain th, .plain td { padding-right: 20px; }

.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 4px 14px; font-size: .82rem;
  color: var(--muted); margin: 8px 0 18px; }
.key { display: inline-grid; place-items: center; width: 20px; height: 20px; border-radius: 4px; font-style: normal;
  font-weight: 600; vertical-align: -4px; }
.folded > summary, .well > summary { cursor: pointer; } .folded[open] > summary, .well > summary { margin-bottom: 10px; }
.well { margin-top: 14px; }
.network.folded + .folded { margin-top: 10px; padding-top: 10px; }
.network + .network { margin-top: 20px; padding-top: 16px; border-top: 1px solid var(--line); }
.maps { display: flex; flex-wrap: wrap; gap: 18px 32px; }
.map { max-width: 100%; min-width: 0; }
.heat { border-collapse: separate; border-spacing: 2px; font-size: .85rem; overflow-wrap: normal; }
.heat caption { text-align: left; padding-bottom: 5px; white-space: nowrap; }
.heat th { font-weight: 500; color: var(--muted); padding: 0 6px; white-space: nowrap; }
.heat thead th { text-align: center; }
.heat td { width: 50px; height: 40px; border-radius: 5px; text-align: center; line-height: 1.1; font-weight: 600;
  padding: 0 2px; }
.heat small { display: block; font-weight: 400; font-size: .76rem; }
.heat .corner { width: auto; height: auto; }
.dense td { width: 24px; min-width: 24px; height: 24px; font-size: .78rem; }
.dense thead th { vertical-align: bottom; }
.dense thead th span { writing-mode: vertical-rl; transform: rotate(180deg); }
.h0 { background: var(--h0); color: var(--ink); } .h1 { background: var(--h1); color: var(--ink); }
.h2 { background: var(--h2); color: var(--ink); } .h3 { background: var(--h3); color: var(--ink3); }
.f { background: repeating-linear-gradient(45deg, var(--fail-soft) 0 5px, transparent 5px 8px), var(--card);
  color: var(--fail); box-shadow: inset 0 0 0 1.5px var(--fail); }
.u { background: var(--inconclusive-soft); color: var(--inconclusive);
  box-shadow: inset 0 0 0 1.5px var(--inconclusive); }
.n { background: var(--soft); color: var(--muted); }
.self { background: none; box-shadow: inset 0 0 0 1px var(--line); }
.reasons { list-style: none; padding: 0; font-size: .82rem; color: var(--muted); max-width: 24em; margin-top: 4px; }
.reasons b { color: var(--fail); font-weight: 600; }

.tools { display: flex; flex-wrap: wrap; gap: 8px; margin-bottom: 12px; align-items: center; }
.tools[hidden] { display: none; }
.tools button, .tools input { font: inherit; font-size: .88rem; color: inherit; background: var(--soft);
  border: 1px solid var(--line); border-radius: 8px; padding: 5px 11px; min-width: 0; }
.tools button { cursor: pointer; }
.tools button[aria-pressed="true"] { background: var(--text); color: var(--card); border-color: var(--text); }
.tools input { flex: 1 1 12em; }
.check { border: 1px solid var(--line); border-radius: 9px; margin-top: 8px; }
.check[open] { border-color: var(--own); }
.check > summary { cursor: pointer; padding: 10px 12px; list-style: none; display: grid;
  grid-template-columns: auto minmax(0, 1fr) auto; gap: 0 12px; align-items: baseline; border-radius: 9px; }
.check > summary::-webkit-details-marker { display: none; }
.check > summary:hover { background: var(--soft); }
.check .badge { min-width: 6.6em; text-align: center; }
.check .what { font-weight: 600; }
.check .what .id { font-weight: 500; color: var(--muted); margin-right: 6px; }
.check .line { grid-column: 2 / 4; color: var(--muted); font-size: .88rem; }
.check .took { color: var(--muted); font-size: .84rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
.check .took::after { content: " \\25b8"; } .check[open] .took::after { content: " \\25be"; }
.body { padding: 2px 14px 14px; display: grid; grid-template-columns: minmax(0, 1fr); gap: 10px;
  border-top: 1px solid var(--line); margin-top: 2px; padding-top: 12px; }
.todo { background: var(--own-soft); border-radius: 8px; padding: 9px 12px; }
.todo b { color: var(--own); }
.evidence { display: grid; grid-template-columns: minmax(6em, max-content) minmax(0, 1fr); gap: 6px 16px;
  font-size: .9rem; }
.evidence dt { color: var(--muted); } .evidence dd { margin: 0; min-width: 0; }
.evidence ul { padding-left: 1.1em; } pre { margin: 0; white-space: pre-wrap; }
footer { color: var(--muted); font-size: .84rem; padding-top: 18px; padding-bottom: 40px; }

.picture { display: block; max-width: none; font-size: 13px; }
.picture text { fill: var(--text); } .picture .name { font-weight: 600; }
.picture .small { font-size: 10.5px; fill: var(--muted); } .picture .state { font-size: 11px; font-weight: 600;
  fill: var(--own); }
.picture .box { fill: var(--card); stroke: var(--line); stroke-width: 1.5; } .node.fail .box { stroke: var(--fail);
  stroke-dasharray: 5 3; }
.stem { stroke: var(--line); stroke-width: 2; } .band { fill: var(--soft); fill-opacity: .82; }
.lane.encrypted .band { stroke: var(--accent); stroke-opacity: .45; }
.lock { fill: var(--accent); } .bus { stroke: var(--muted); stroke-width: 1.5; stroke-opacity: .5; }
.port { fill: var(--card); stroke: var(--muted); stroke-width: 2.5; } .lane.encrypted .port { stroke: var(--accent); }
.port.empty { stroke-width: 1; stroke-dasharray: 2 2; }
.tunnel path { fill: none; } .tunnel .wire { stroke: var(--own); stroke-width: 2; } .tunnel .wall {
  stroke: var(--own); stroke-width: 5; } .tunnel .core { stroke: var(--soft); stroke-width: 2; }
.tunnel.fail .wire, .tunnel.fail .wall, .tunnel.inconclusive .wire, .tunnel.inconclusive .wall {
  stroke-dasharray: 5 4; }
.spot { fill: var(--card); stroke: var(--own); stroke-width: 1.5; } .picture .cross { fill: var(--own);
  font-size: 10.5px; font-weight: 700; }

@media (max-width: 560px) {
  main { padding: 12px 10px 0; gap: 10px; } .card { padding: 14px; border-radius: 10px; } footer {
    padding: 16px 14px 32px; }
  .check > summary { grid-template-columns: minmax(0, 1fr) auto; } .check .badge { justify-self: start; }
  .check .took { grid-row: 1; grid-column: 2; } .check .what, .check .line { grid-column: 1 / 3; }
  .evidence { grid-template-columns: minmax(0, 1fr); gap: 2px; } .evidence dd { margin-bottom: 8px; }
}
@media print {
  @page { margin: 14mm; }
  body { background: #fff; font-size: 9.5pt; } main, footer { max-width: none; padding: 0; display: block; }
  .card { box-shadow: none; margin-bottom: 10pt; padding: 10pt; } .pair { display: block; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
  .tools, .check .took::after { display: none !important; } .check .took::after { content: none !important; }
  .check, .map, .causes > li, .picture, tr, .facts { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; } a { color: inherit; text-decoration: none; }
}
@media (forced-colors: active) { .badge, .heat td, .check { border: 1px solid; } }
"""

SCRIPT = """
"use strict";
(() => {
  const checks = [...document.querySelectorAll("details.check")], tools = document.querySelector(".tools");
  const search = tools.querySelector("input"), buttons = [...tools.querySelectorAll("button[data-status]")];
  const fold = tools.querySelector("button[data-fold]"), count = tools.querySelector("output");
  const wells = [...document.querySelectorAll("details.well")];
  let status = "";
  const filter = () => {
    const words = search.value.toLowerCase();
    let shown = 0;
    for (const check of checks) {
      check.hidden = Boolean(status && check.dataset.status !== status)
        || !check.textContent.toLowerCase().includes(words);
      shown += check.hidden ? 0 : 1;
    }
    if (status || words) for (const well of wells) well.open = true;
    count.textContent = shown === checks.length ? "" : shown + " of " + checks.length;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.status === status));
  };
  const aim = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement) { status = ""; search.value = ""; filter(); target.open = true;
      target.closest("details.well")?.setAttribute("open", ""); target.scrollIntoView(); }
  };
  for (const button of buttons) button.addEventListener("click", () => { status = button.dataset.status; filter(); });
  search.addEventListener("input", filter);
  fold.addEventListener("click", () => {
    const open = checks.some(check => !check.hidden && !check.open);
    if (open) for (const well of wells) well.open = true;
    for (const check of checks) if (!check.hidden) check.open = open;
  });
  let folded = [];
  addEventListener("beforeprint", () => { folded = [...document.querySelectorAll("details:not([open])")]; for (const check of folded)
    check.open = true; });
  addEventListener("afterprint", () => { for (const check of folded) check.open = false; });
  addEventListener("hashchange", aim);
  tools.hidden = false;
  aim();
})();
"""
