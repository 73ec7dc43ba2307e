# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lesson as the browser gets it: texts in every language, and what stands in them of this lab. Pure."""

from __future__ import annotations

import typing as t

from plugins.plugin_utils._lesson import exercises, lesson, proofs, stream

WORDS = ("text", "belief", "proves", "picture", "question", "answer")


def told(
    taught: lesson.Lesson, looks: t.Mapping[str, t.Any], language: str, snapshots: t.Sequence[str]
) -> dict[str, t.Any]:
    """The lesson. ``looks``: the last look at each node; ``snapshots``: those of the lab, oldest first."""
    place = exercises.stage(looks)
    return {
        "language": language,
        "nodes": list(looks),
        "size": [stream.ROWS, stream.COLUMNS],
        "snapshots": list(snapshots),
        "title": taught.title,
        "page": taught.page,
        "verdicts": taught.verdicts,
        "parts": [{"title": part.title, "steps": [_step(step) for step in part.steps]} for part in taught.parts],
        "exercises": [
            {
                "id": found.id,
                "title": found.title,
                "scene": place.filled_in(dict(found.scene)),
                "question": place.filled_in(dict(found.question)),
                "hints": [place.filled_in(dict(hint)) for hint in found.hints],
            }
            for found in exercises.load().values()
        ],
    }


def _step(step: lesson.Step) -> dict[str, t.Any]:
    words = {key: getattr(step, key) for key in WORDS}
    sentences = {language: step.sentence(language) for language in lesson.LANGUAGES}
    typed = [{"at": typing.at, "lines": typing.lines} for typing in step.typed]
    return {"id": step.id, "number": step.number, "sentence": sentences, "typed": typed, **words}


def evidence(taught: lesson.Lesson, finding: proofs.Finding) -> list[dict[str, t.Any]]:
    """What a verdict rests on, a sentence a row."""
    return [
        {"good": row.good, **{language: taught.said(language, row.key, **row.values) for language in lesson.LANGUAGES}}
        for row in finding.evidence
    ]
