# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a lesson: well-formed, complete in both languages, safe, and without anything from outside."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lesson import drawing, lesson, page, story
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._report.markup import VOID

from . import walked

STEPS = walked.LESSON.steps


class Checked(HTMLParser):
    """Tags must close in their order, and ids be unique. Keeps the text of each language."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.text: dict[str, str] = {"pt": "", "en": "", "": ""}

    def handle_starttag(self, tag: str, attrs: list) -> None:
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        if tag not in VOID:
            self.open.append((tag, found.get("lang", "") if tag != "html" else ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if not any(tag in ("style", "script") for tag, dummy in self.open):
            self.text[next((own for dummy, own in reversed(self.open) if own), "")] += data


def told() -> story.Story:
    return walked.tell(walked.load())


def checked(text: str) -> Checked:
    parser = Checked()
    parser.feed(text)
    assert parser.open == [] and len(set(parser.ids)) == len(parser.ids)
    return parser


@pytest.mark.parametrize("language", lesson.LANGUAGES)
def test_every_step_is_on_the_page_in_each_language(language: str) -> None:
    parser = checked(page.render(walked.LESSON, told()))
    for step in STEPS:
        assert step.id in parser.ids
        for text in (step.text, step.proves, step.picture, step.question, step.answer):
            assert " ".join(text[language].split()) in " ".join(parser.text[language].split()), step.id
    assert all(title.title[language] in parser.text[language] for title in walked.LESSON.parts)


def test_one_verdict_and_several_have_their_words() -> None:
    proven = [row for row in told()["steps"] if row["verdict"] == "confirmed"]
    for steps, word in ((proven, f"{len(proven)} provados"), (proven[:1], "1 provado")):
        text = page.render(walked.LESSON, {**told(), "steps": steps})
        assert re.search(rf"{word.partition(' ')[0]} <span[^>]*>{word.partition(' ')[2]}</span>", text)


def test_what_was_typed_and_what_came_is_there() -> None:
    text = checked(page.render(walked.LESSON, told())).text[""]
    for step in told()["steps"]:
        for row in step["typed"]:
            assert row["typed"]["line"] in text and row["typed"]["output"] in text


def test_the_page_opens_in_the_language_of_the_run() -> None:
    for language, code in (("pt", "pt-BR"), ("en", "en")):
        text = page.render(walked.LESSON, {**told(), "language": language})
        assert f'<html lang="{code}">' in text
        assert re.search(rf'id="{language}" class="choice" checked', text)


def test_nothing_comes_from_outside() -> None:
    text = page.render(walked.LESSON, told())
    assert not re.findall(r'(?:src|href)="(?!#|data:)', text) and "http://" not in text and "https://" not in text
    assert "default-src &#x27;none&#x27;" in text


def test_output_of_nodes_is_text_and_never_markup() -> None:
    evil = told()
    evil["steps"][0]["typed"][0]["typed"]["output"] = "</pre><script>alert(1)</script>"
    evil["nodes"][0]["name"] = "<b>vm1</b>"
    text = page.render(walked.LESSON, evil)
    assert "<script>alert" not in text and "<b>vm1" not in text and "&lt;script&gt;alert" in text


def test_a_lesson_that_stopped_says_so_and_shows_the_rest_as_not_run() -> None:
    stopped = told()
    stopped["steps"] = stopped["steps"][:5]
    stopped["steps"][-1]["verdict"] = "failed"
    stopped["stopped"], stopped["causes"] = stopped["steps"][-1]["id"], ["vm2 drops <udp/4789>"]
    parser = checked(page.render(walked.LESSON, stopped))
    assert "parou no passo 5" in parser.text["pt"] and "stopped at step 5" in parser.text["en"]
    assert "vm2 drops <udp/4789>" in parser.text[""]
    assert parser.text["en"].count("not run") >= len(STEPS) - 5


def test_the_frame_in_clear_shows_the_letter() -> None:
    frame = next(row for step in told()["steps"] for row in step["frames"] if row["kind"] == "clara")
    words = next(step["words"] for step in told()["steps"] if step["frames"])
    marked = "".join(part for part in page.dump(frame, words) if part and "<mark>" in part)
    assert "swarmlab" in re.sub(r"</?mark>", "", marked) and "lesson" not in marked
    assert "<mark>" not in "".join(part for part in page.dump({**frame, "kind": "esp"}, words) if part)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("servico.1.yebcw70cf0ptl7kj5ghrro4xj", "servico.1.yebc…"),
        ("carta.h67v2w48vkz9xy0sfmavtiuf6.mv6b6u4hcj6nxho1", "carta.mv6b…"),
        ("avulso", "avulso"),
        ("x" * 40, "x" * 23 + "…"),
    ],
)
def test_names_fit_into_the_picture(name: str, short: str) -> None:
    assert drawing.short(name) == short


def test_dots_say_what_a_node_knows() -> None:
    node = {"name": "vm1", "role": "manager", "held": ["a"], "known": ["a", "b"], "containers": []}
    assert [drawing.state(node, name) for name in "abc"] == ["held", "known", "unknown"]
    text = drawing.draw(
        {"nodes": [node], "networks": [{"name": name, "encrypted": name == "b"} for name in "abc"]}, "label"
    )
    assert [text.count(f'class="dot {kind}"') for kind in ("held", "known", "unknown")] == [1, 1, 1]
    assert text.count('class="lock"') == 1
