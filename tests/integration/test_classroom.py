# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The classroom on a real lab, in a real browser: a student's whole way through the lesson."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lesson import lesson
from playwright.sync_api import Page, sync_playwright

CHECKOUT = Path(__file__).resolve().parents[2]
SHOTS = CHECKOUT / "tests" / "output" / "classroom"
STEPS = lesson.load().steps
CORRECTED = {"data-encrypted", "on-ingress", "ip-only"}
LABELLED = "label=swarmlab.overlay/lesson"
STARTED = 120  # seconds
PATIENCE = 180_000  # milliseconds for a button to have done its work
IDLE = "body[aria-busy=false]"

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def address(swarm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A classroom that is open."""
    log = tmp_path_factory.mktemp("classroom") / "log"
    argv = [
        sys.executable, str(CHECKOUT / "scripts" / "classroom.py"), "--lab", swarm.lab, "--directory", str(swarm.inventory.parent),
        "--inventory", str(swarm.inventory), "--language", "pt",
    ]  # fmt: skip
    with log.open("w") as handle:
        process = subprocess.Popen(argv, env=swarm.environment, stdout=handle, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + STARTED
        while not (found := re.search(r"classroom: (http\S+)", log.read_text(encoding="utf-8"))):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.2)
        yield found.group(1)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=120)
    assert process.returncode == 0, log.read_text(encoding="utf-8")
    assert swarm.docker("vm1", "service", "ls", "-q", "--filter", LABELLED) == ""
    assert all(swarm.docker(host, "container", "ls", "-aq", "--filter", LABELLED) == "" for host in swarm.nodes)


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Page]:
    chromium = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    assert chromium, "these tests need Chromium: scripts/setup.sh dev installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1500, "height": 1000})
        problems: list[str] = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.goto(address)
        opened.wait_for_selector("nav button[data-step]")
        yield opened
        assert problems == []
        browser.close()


def press(page: Page, what: str, within: str = "article") -> None:
    page.click(f"{within} button[data-act={what}]")
    page.wait_for_selector(IDLE, timeout=PATIENCE)


def test_nobody_gets_in_without_the_token(address: str) -> None:
    bare = address.partition("?")[0]
    for path in ("", "lesson.json", "static/classroom.js", "live", "terminal/vm1", "?token=wrong"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(bare + path, timeout=10)
        assert refused.value.code == 403
    assert bare.startswith("http://127.0.0.1:")


def test_a_student_goes_through_the_whole_lesson(page: Page, swarm) -> None:
    """In Portuguese up to the middle, then in English."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    for step in STEPS:
        if step.number == 16:
            page.click("button[data-language=en]")
        page.click(f"nav button[data-step='{step.id}']")
        if step.typed:
            press(page, "type")
        press(page, "prove")
        verdict = page.query_selector("[data-verdict]")
        text = page.inner_text("article")
        assert verdict, text
        assert verdict.get_attribute("data-verdict") == ("corrected" if step.id in CORRECTED else "confirmed"), text
        assert " ".join(step.proves["pt" if step.number < 16 else "en"].split()) in " ".join(text.split())
        if step.id in ("data-encrypted", "ping-by-name"):
            page.screenshot(path=str(SHOTS / f"{step.id}.png"))
    kept = json.loads((swarm.folder / "lesson" / "progress.json").read_text(encoding="utf-8"))
    assert set(kept) >= {step.id for step in STEPS}


def test_the_picture_follows_what_the_student_types(page: Page, swarm) -> None:
    """Typed by hand, with a correction, in a terminal of the page."""
    page.click("nav button[data-step=network-create]")
    page.click("section[data-node=vm1] .screen")
    page.keyboard.type("docket network create -d overlay minha")
    for dummy in range(len("docket network create -d overlay minha")):
        page.keyboard.press("Backspace")
    page.keyboard.type("docker network create -d overlay minha\n")
    page.wait_for_selector(".picture >> text=minha", timeout=30_000)
    assert swarm.docker("vm1", "network", "ls", "-q", "--filter", LABELLED, "--filter", "name=minha")


def test_what_was_not_typed_is_asked_for(page: Page) -> None:
    page.click("nav button[data-step=exercises]")
    press(page, "restart")
    page.click("nav button[data-step=service-list]")
    press(page, "prove")
    assert "vm1# docker service ls" in [row.inner_text() for row in page.query_selector_all("article pre")], (
        page.inner_text("article")
    )
    press(page, "type")
    press(page, "prove")
    assert page.get_attribute("[data-verdict]", "data-verdict") == "failed", "there is no service yet"


@pytest.mark.rare
def test_an_exercise_is_broken_and_mended(page: Page) -> None:
    page.click("nav button[data-step=exercises]")
    box = "section[data-exercise=not-attachable]"
    for act, good in (
        ("broken", "true"),
        ("checked", "false"),
        ("mended", "true"),
        ("checked", "true"),
        ("absent", "true"),
    ):
        press(page, act, box)
        assert page.get_attribute(f"{box} [data-good]", "data-good") == good, (act, page.inner_text(box))


def test_bad_calls_get_one_line(swarm) -> None:
    for argv, words in (
        (["--lab", "nolab"], "there is no lab nolab"),
        (["--lab", "../x"], "LAB-E-OPTION"),
        (
            ["--lab", swarm.lab, "--directory", str(swarm.inventory.parent), "--port", "1", "--listen", "192.0.2.77"],
            "cannot listen",
        ),
    ):
        done = subprocess.run(
            [sys.executable, str(CHECKOUT / "scripts" / "classroom.py"), *argv],
            env=swarm.environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr, done.stderr
