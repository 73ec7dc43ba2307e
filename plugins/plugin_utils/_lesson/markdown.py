# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lesson as a page of the documentation, in one language, with the output of a real run. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

from . import drawing, exercises
from .lesson import Lesson, Step, is_command
from .story import Picture, Story, Told

SYMBOLS = {drawing.HELD: "●", drawing.KNOWN: "○", drawing.UNKNOWN: "·"}
NOTES = {
    "pt": (
        "Esta página é feita por `python scripts/lesson_docs.py` a partir do registro de uma execução real (`run.json`). Para a sua própria:"
        " `make lesson`. [In English](en.md)."
    ),
    "en": (
        "This page is made by `python scripts/lesson_docs.py` from the record of a real run (`run.json`). For one of your own:"
        " `make lesson LESSON=en`. [Em português](pt.md)."
    ),
}
EXERCISES = {
    "pt": (
        "Exercícios",
        "`make exercise E=ID` quebra algo no lab; `DO=checked` diz se está resolvido, `DO=mended` conta a resposta e conserta, `DO=absent` desfaz tudo.",
    ),
    "en": (
        "Exercises",
        "`make exercise LESSON=en E=ID` breaks something on the lab; `DO=checked` tells whether it is solved, `DO=mended` gives the answer and mends"
        " it, `DO=absent` takes everything back.",
    ),
}
KEYS = {
    "pt": "Nas tabelas, ● tem a rede, ○ conhece o seu registro, · não a conhece.",
    "en": "In the tables, ● holds the network, ○ knows its record, · does not know it.",
}


def render(lesson: Lesson, story: Story, language: str) -> str:
    """The whole page."""
    told = {step["id"]: step for step in story["steps"]}
    blocks = [
        "<!-- SPDX-FileCopyrightText: 2026 swarmlab contributors -->\n<!-- SPDX-License-Identifier: GPL-3.0-or-later -->",
        f"# {lesson.title[language]}",
        lesson.intro[language],
        NOTES[language],
        KEYS[language],
        *_notes(lesson, story, language),
    ]
    before: Picture | None = None
    for part in lesson.parts:
        blocks.append(f"## {part.title[language]}")
        for step in part.steps:
            own = told[step.id]
            blocks += _step(lesson, step, own, language)
            if own["picture"] and own["picture"] != before:
                before = own["picture"]
                blocks.append(table(before))
                blocks.append(f"{lesson.label(language, 'look')}: {step.picture[language]}")
            blocks.append(f"*{lesson.label(language, 'question')}: {step.question[language]}* {step.answer[language]}")
    blocks += _exercises(language)
    return "\n\n".join(blocks) + "\n"


def _exercises(language: str) -> list[str]:
    """The exercises, without their answers."""
    blocks = [f"## {EXERCISES[language][0]}", EXERCISES[language][1]]
    place = exercises.Stage({}, {"manager": "vm1", "worker1": "vm2", "worker2": "vm3"})
    for found in exercises.load().values():
        blocks += [
            f"### {found.id}: {found.title[language]}",
            place.filled(found.scene[language]),
            place.filled(found.question[language]),
        ]
    return blocks


def _notes(lesson: Lesson, story: Story, language: str) -> list[str]:
    notes = [lesson.label(language, "labelled")]
    if story["image"] == "named":
        notes.append(lesson.label(language, "image-named"))
    return notes


def _step(lesson: Lesson, step: Step, told: Told, language: str) -> list[str]:
    verdict = lesson.verdicts[told["verdict"]][language]
    quoted = [f"`{line}`" if is_command(line) else line for line in step.sentence(language)]
    blocks = [f"### {step.number}. {step.id}: {verdict}", "\n>\n".join(f"> {line}" for line in quoted)]
    if step.belief:
        blocks.append(f"**{lesson.label(language, 'belief')}** {step.belief[language]}")
    blocks.append(step.text[language])
    if told["typed"]:
        blocks.append("```console\n" + "\n".join(_lines(told)) + "\n```")
    blocks.append(f"**{lesson.label(language, 'proves')}:** {step.proves[language]}")
    evidence = [lesson.said(language, piece["key"], **piece["values"]) for piece in told["evidence"]]
    if evidence:
        blocks.append("\n".join(f"- {line}" for line in evidence))
    return blocks


def _lines(told: Told) -> list[str]:
    lines = []
    for row in told["typed"]:
        lines.append(row["typed"]["prompt"] + row["typed"]["line"])
        lines += row["typed"]["output"].splitlines()
    return lines


def table(picture: Picture) -> str:
    """The picture as a table: a row for each network, a column for each node."""
    nodes = picture["nodes"]
    rows = [["", *(node["name"] for node in nodes)], ["---"] * (len(nodes) + 1)]
    for network in picture["networks"]:
        rows.append([network["name"], *(SYMBOLS[drawing.state(node, network["name"])] for node in nodes)])
    inside = [", ".join(drawing.short(found["name"]) for found in node["containers"]) for node in nodes]
    if any(inside):
        rows.append(["", *inside])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
