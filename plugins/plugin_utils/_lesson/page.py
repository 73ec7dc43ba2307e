# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lesson as one HTML page in both languages: what was said and typed, what came, what it proves, and a picture of every step. Pure.

Private to swarmlab.overlay. It loads nothing and needs no script.
"""

from __future__ import annotations

import time
import typing as t

from ...module_utils._lesson import shapes
from .._report import marks
from .._report.markup import Markup, element
from .._report.page import page_head
from .._report.style import CSS as REPORT_CSS
from . import drawing, exercises, style
from .lesson import LANGUAGES, Lesson, Part, Step, is_command
from .proofs import CONFIRMED, CORRECTED, FAILED
from .story import Said, Story, Told

LOOKS = {CONFIRMED: "pass", CORRECTED: "inconclusive", FAILED: "fail", "skipped": "skip"}
SYMBOLS = {CONFIRMED: "✓", CORRECTED: "✎", FAILED: "✕", "skipped": "·"}
HTML_LANGUAGE = {"pt": "pt-BR", "en": "en"}
ROW = 16  # bytes in a row of a dump


def render(lesson: Lesson, story: Story) -> str:
    """The whole document. Its first language is that of the run."""
    told = {step["id"]: step for step in story["steps"]}
    main = element(
        "main",
        _switch(lesson),
        _head(lesson, story),
        _contents(lesson, told),
        [_part(lesson, part, told) for part in lesson.parts],
        _handout(lesson),
    )
    first = story["language"]
    head = page_head(lesson.title[first], REPORT_CSS + style.CSS)
    choices = [
        element("input", type="radio", name="language", id=language, class_="choice", checked=language == first)
        for language in LANGUAGES
    ]
    body = element("body", choices, main, _footer(lesson, story), element("script", Markup(style.SCRIPT)))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang=HTML_LANGUAGE[first])}\n"


def both(words: t.Mapping[str, t.Any], tag: str = "span", **attributes: t.Any) -> list[Markup]:
    """The same in every language; the page shows one."""
    return [element(tag, words[language], lang=language, **attributes) for language in LANGUAGES]


def _label(lesson: Lesson, key: str, **values: t.Any) -> list[Markup]:
    return both({language: lesson.label(language, key, **values) for language in LANGUAGES})


def _switch(lesson: Lesson) -> Markup:
    return element(
        "div",
        [element("label", lesson.page["language"][language], for_=language) for language in LANGUAGES],
        class_="switch",
    )


def _head(lesson: Lesson, story: Story) -> Markup:
    counts = {verdict: len([step for step in story["steps"] if step["verdict"] == verdict]) for verdict in LOOKS}
    badges = [element("li", _badge(lesson, verdict, count)) for verdict, count in counts.items() if count]
    result = _label(lesson, "complete", count=len(story["steps"]))
    if story["stopped"]:
        number = next(step.number for step in lesson.steps if step.id == story["stopped"])
        result = _label(lesson, "stopped", number=number)
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(story["began"]))
    facts = (
        ("result", result),
        ("when", marks.moment(began)),
        ("took", marks.duration(story["seconds"])),
        ("lab", story["lab"] or _label(lesson, "lab-none")),
        ("nodes", ", ".join(f"{node['name']} ({node['role']}, Docker {node['engine']})" for node in story["nodes"])),
    )
    causes = [
        element("h2", _label(lesson, "causes")),
        element("ul", [element("li", cause) for cause in story["causes"]]),
    ]
    return element(
        "header",
        both(lesson.title, "h1"),
        both(lesson.intro, "p"),
        element("ul", badges, class_="counts"),
        element(
            "dl",
            [element("div", element("dt", _label(lesson, key)), element("dd", value)) for key, value in facts],
            class_="facts",
        ),
        causes if story["causes"] else None,
        class_="card answer " + ("fail" if story["stopped"] else "pass"),
    )


def _badge(lesson: Lesson, verdict: str, count: int = 0) -> Markup:
    """A verdict, of a step or of so many."""
    look = LOOKS[verdict]
    return element(
        "span",
        element("b", SYMBOLS[verdict], aria_hidden="true"),
        " ",
        f"{count} " if count else "",
        both(lesson.page[f"many-{verdict}"] if count > 1 else lesson.verdicts[verdict]),
        class_="badge " + look,
    )


def _contents(lesson: Lesson, told: t.Mapping[str, Told]) -> Markup:
    rows = [
        element(
            "li",
            both(part.title, "b"),
            element("ol", [element("li", _entry(lesson, step, told.get(step.id))) for step in part.steps]),
        )
        for part in lesson.parts
    ]
    return element(
        "nav", element("h2", _label(lesson, "contents")), element("ul", rows, class_="contents"), class_="card"
    )


def _entry(lesson: Lesson, step: Step, told: Told | None) -> list[t.Any]:
    verdict = told["verdict"] if told else "skipped"
    mark = element(
        "span", SYMBOLS[verdict], class_="number " + LOOKS[verdict], style="color:var(--own)", aria_hidden="true"
    )
    name = {language: _short(step, language) for language in LANGUAGES}
    return [mark, element("a", both(name), href=f"#{step.id}")]


def _short(step: Step, language: str) -> str:
    text = step.sentence(language)[0]
    return text if len(text) <= 64 else text[:62].rpartition(" ")[0] + "…"


def _part(lesson: Lesson, part: Part, told: t.Mapping[str, Told]) -> Markup:
    return element(
        "section",
        both(part.title, "h2"),
        [_step(lesson, step, told.get(step.id)) for step in part.steps],
        class_="part",
    )


def _step(lesson: Lesson, step: Step, told: Told | None) -> Markup:
    verdict = told["verdict"] if told else "skipped"
    said = both({language: [_quoted(line) for line in step.sentence(language)] for language in LANGUAGES}, "div")
    belief = both(
        {language: [element("b", lesson.label(language, "belief"), " "), words] for language, words in (step.belief or {}).items()}, "p"
    ) if step.belief else None  # fmt: skip
    heading = element("a", str(step.number), href=f"#{step.id}")
    return element(
        "article",
        element("header", element("h3", heading, _label(lesson, "lesson-says")), _badge(lesson, verdict)),
        element("blockquote", said),
        element("div", belief, class_="belief") if belief else None,
        both(step.text, "p"),
        _transcript(lesson, told["typed"]) if told and told["typed"] else None,
        _figure(lesson, step, told),
        _proof(lesson, step, told) if told else None,
        _wire(lesson, told) if told and told["frames"] else None,
        _more(lesson, step),
        class_="card step " + LOOKS[verdict],
        id=step.id,
    )


def _quoted(line: str) -> Markup:
    return element("div", element("code", line) if is_command(line) else line)


def _transcript(lesson: Lesson, typed: t.Sequence[Said]) -> Markup:
    """What was typed on which node, and what came."""
    lines: list[t.Any] = []
    for row in typed:
        line = row["typed"]
        lines += [
            element("span", line["prompt"], class_="prompt"),
            element("span", line["line"], class_="typed"),
            "\n",
            element("span", line["output"], class_="bad") if line["code"] else line["output"],
            "\n" if line["output"] else "",
        ]
    return element("pre", lines, class_="term", tabindex="0")


def _figure(lesson: Lesson, step: Step, told: Told | None) -> Markup | None:
    if not told or not told["picture"]:
        return None
    label = " / ".join(lesson.label(language, "picture", number=step.number) for language in LANGUAGES)
    looked = both(
        {
            language: [element("b", lesson.label(language, "look"), ": "), step.picture[language]]
            for language in LANGUAGES
        }
    )
    keys = [
        element("li", element("svg", element("circle", cx=8, cy=8, r=6 if kind != drawing.UNKNOWN else 5, class_=f"dot {kind}"), width=16, height=16,
                              aria_hidden="true"), _label(lesson, f"key-{kind}"))
        for kind in (drawing.HELD, drawing.KNOWN, drawing.UNKNOWN)
    ]  # fmt: skip
    return element(
        "figure",
        element(
            "div", drawing.draw(told["picture"], label), class_="scroll", tabindex="0", role="region", aria_label=label
        ),
        element("ul", keys, class_="keys", aria_hidden="true"),
        element("figcaption", looked),
    )


def _proof(lesson: Lesson, step: Step, told: Told) -> Markup:
    rows = [
        element(
            "li",
            both({language: lesson.said(language, piece["key"], **piece["values"]) for language in LANGUAGES}),
            class_=None if piece["good"] else "bad",
        )
        for piece in told["evidence"]
    ]
    proves = both(
        {
            language: [element("b", lesson.label(language, "proves"), ": "), step.proves[language]]
            for language in LANGUAGES
        },
        "p",
    )
    fold = element(
        "details",
        element("summary", _label(lesson, "evidence"), f" ({len(rows)})"),
        element("ul", rows, class_="facts-list"),
        class_="fold",
        open=told["verdict"] == FAILED,
    )
    return element("div", proves, fold if rows else None, class_="shown")


def _wire(lesson: Lesson, told: Told) -> Markup:
    """One frame in clear and one encrypted, byte for byte."""
    boxes = []
    for frame in told["frames"]:
        key, values = ("wire-esp", {}) if frame["kind"] == "esp" else ("wire-clear", {"network": frame["kind"]})
        title = _label(lesson, key, source=frame["source"], target=frame["target"], **values)
        boxes.append(element("div", element("b", title), element("pre", dump(frame, told["words"]), tabindex="0")))
    return element("div", boxes, class_="wire")


def dump(frame: shapes.Frame, words: str) -> list[t.Any]:
    """A frame's bytes in rows of hexadecimal digits and characters; those of the letter are marked."""
    content = bytes.fromhex(frame["bytes"])
    start = content.find(words.encode("ascii")[:8]) if words and frame["kind"] != "esp" else -1
    rows: list[t.Any] = []
    for at in range(0, len(content), ROW):
        row = content[at : at + ROW]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        cut = len(row) if start < 0 else min(max(start - at, 0), len(row))
        rows += [
            f"{at:04x}  {row.hex(' '):<47}  {shown[:cut]}",
            element("mark", shown[cut:]) if shown[cut:] else None,
            "\n",
        ]
    return rows


def _more(lesson: Lesson, step: Step) -> list[t.Any]:
    question = element(
        "details",
        element(
            "summary",
            both(
                {language: f"{lesson.label(language, 'question')}: {step.question[language]}" for language in LANGUAGES}
            ),
        ),
        both(step.answer, "p"),
        class_="fold",
    )
    if not step.fault:
        return [question]
    titles = {
        language: f"{exercises.find(step.fault).title[language]}: make exercise E={step.fault}"
        for language in LANGUAGES
    }
    fault = {
        language: [
            element("b", lesson.label(language, "fault"), ": "),
            lesson.label(language, "try-it", title=titles[language]),
        ]
        for language in LANGUAGES
    }
    return [question, *both(fault, "p", class_="muted")]


def _handout(lesson: Lesson) -> Markup:
    """The commands, to be printed."""
    commands = [line for step in lesson.steps for line in step.lesson if is_command(line)]
    return element(
        "section",
        element("h2", _label(lesson, "handout")),
        element("ol", [element("li", element("code", line)) for line in commands]),
        class_="card handout",
    )


def _footer(lesson: Lesson, story: Story) -> Markup:
    notes = [_label(lesson, "labelled")]
    if story["image"] == "named":
        notes.append(_label(lesson, "image-named"))
    return element("footer", [element("p", note) for note in notes], element("p", "swarmlab.overlay"))
