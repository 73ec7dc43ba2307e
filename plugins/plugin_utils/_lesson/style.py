# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The look of the lesson's pages, beside that of the report. Nothing in it comes from outside.

Private to swarmlab.overlay.
"""

from __future__ import annotations

CSS = """
.choice { position: absolute; opacity: 0; pointer-events: none; }
#pt:checked ~ main [lang="en"], #en:checked ~ main [lang="pt"], #pt:checked ~ footer [lang="en"], #en:checked ~ footer [lang="pt"]
  { display: none !important; }
.switch { display: flex; gap: 6px; justify-content: flex-end; }
.switch label { cursor: pointer; font-size: .88rem; padding: 4px 12px; border: 1px solid var(--line); border-radius: 8px; background: var(--soft); }
#pt:checked ~ main label[for="pt"], #en:checked ~ main label[for="en"] { background: var(--text); color: var(--card); border-color: var(--text); }
#pt:focus-visible ~ main label[for="pt"], #en:focus-visible ~ main label[for="en"] { outline: 2px solid var(--accent); outline-offset: 2px; }
.contents { columns: 2; padding-left: 0; list-style: none; font-size: .9rem; } .contents ol { padding-left: 0; list-style: none; }
.contents li { break-inside: avoid; } .contents .number { min-width: 1.6em; display: inline-block; color: var(--muted); }
.part > h2 { font-size: 1.35rem; margin: 18px 0 10px; }
.step { margin-bottom: 16px; scroll-margin-top: 12px; }
.step > header { display: flex; gap: 12px; align-items: baseline; justify-content: space-between; margin-bottom: 10px; }
.step h3 { font-size: 1.05rem; margin: 0; }
.step h3 a { color: var(--muted); text-decoration: none; font-weight: 500; margin-right: 8px; }
blockquote { margin: 0 0 10px; padding: 6px 0 6px 14px; border-left: 4px solid var(--accent); font-size: 1.08rem; }
blockquote code { font-size: .92em; } .step p + p { margin-top: 6px; }
.belief { color: var(--inconclusive); background: var(--inconclusive-soft); border-radius: 8px; padding: 7px 12px; margin-bottom: 10px; }
.shown { background: var(--own-soft); border-radius: 8px; padding: 9px 12px; margin-top: 12px; } .shown b { color: var(--own); }
.term { background: #10151c; color: #d7dee6; border-radius: 9px; padding: 12px 14px; margin: 12px 0; overflow-x: auto; font-size: .82rem;
  line-height: 1.45; white-space: pre; overflow-wrap: normal; }
.term .prompt { color: #7ad0bb; } .term .typed { color: #fff; font-weight: 700; } .term .key { color: #eeb958; } .term .bad { color: #ff9d94; }
.term:focus-visible { outline-offset: -2px; }
figure { margin: 14px 0 0; } figcaption { font-size: .9rem; color: var(--muted); margin-top: 6px; } figure .picture { max-width: 100%; height: auto; }
.picture .inside { font-size: 10.5px; fill: var(--accent); font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.dot.held { fill: var(--pass); stroke: var(--pass); stroke-width: 2; } .dot.known { fill: var(--card); stroke: var(--pass); stroke-width: 2.5; }
.dot.unknown { fill: none; stroke: var(--muted); stroke-width: 1; stroke-dasharray: 2 2; }
.keys { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: .82rem; color: var(--muted); margin-top: 4px; }
.keys svg { vertical-align: -3px; margin-right: 4px; }
.facts-list { list-style: none; padding: 0; font-size: .9rem; } .facts-list li::before { content: "\\2713  "; color: var(--pass); }
.facts-list li.bad::before { content: "\\2715  "; color: var(--fail); }
.wire { display: grid; gap: 10px; margin-top: 10px; grid-template-columns: minmax(0, 1fr); }
.wire pre { overflow-x: auto; white-space: pre; font-size: .76rem; background: var(--soft); padding: 10px 12px; border-radius: 8px; overflow-wrap: normal; }
.wire mark { background: var(--fail-soft); color: var(--fail); font-weight: 700; }
.handout ol { padding-left: 1.6em; } .handout li { margin-bottom: 4px; }
.fold { margin-top: 10px; } .fold > p { margin-top: 4px; }
@media (max-width: 560px) { .contents { columns: 1; } .step > header { flex-direction: column; gap: 4px; } }
@media print {
  .switch, .contents, .keys { display: none; } .term { background: #fff; color: #000; border: 1px solid #999; white-space: pre-wrap; }
  .term .prompt, .term .typed, .term .key, .term .bad { color: #000; } .step > header, figure, blockquote { break-inside: avoid; }
  .part > h2 { break-after: avoid; } .handout { break-before: page; }
}
"""

SCRIPT = """
"use strict";
(() => {
  const choices = [...document.querySelectorAll(".choice")];
  const follow = () => { document.documentElement.lang = choices.find(choice => choice.checked).id === "pt" ? "pt-BR" : "en"; };
  for (const choice of choices) choice.addEventListener("change", follow);
  follow();
  let folded = [];
  addEventListener("beforeprint", () => { folded = [...document.querySelectorAll("details:not([open])")]; for (const fold of folded) fold.open = true; });
  addEventListener("afterprint", () => { for (const fold of folded) fold.open = false; });
})();
"""
