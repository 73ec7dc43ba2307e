# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a real run in a real browser: offline, on a phone, in the dark, on paper."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import sized
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._report import compare, page

CHECKOUT = Path(__file__).resolve().parents[2]
SHOTS = CHECKOUT / "tests" / "output" / "report"
PHONE = 360
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND"]  # fmt: skip
DARK = "--blink-settings=preferredColorScheme=0"
# Measures the page from inside a frame as wide as a phone, and hands the numbers to the document around it.
PROBE = """<script>addEventListener("load", () => {
  const root = document.documentElement;
  const wide = [...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll") && e.getBoundingClientRect().right > innerWidth + 1);
  parent.postMessage({scroll: root.scrollWidth, inner: innerWidth, wide: wide.map(e => e.tagName + "." + e.className),
    back: getComputedStyle(document.body).backgroundColor, text: getComputedStyle(document.body).color,
    filter: !document.querySelector(".tools").hidden, open: document.querySelectorAll("details[open]").length,
    loaded: performance.getEntriesByType("resource").map(e => e.name)}, "*");
});</script>"""
AROUND = """<!DOCTYPE html><body style="margin:0"><script>
addEventListener("message", event => { document.body.textContent = JSON.stringify(event.data); });
</script><iframe src="probed.html" style="border:0;width:%dpx;height:9000px"></iframe>"""


@pytest.fixture(scope="module")
def browser() -> str:
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    if not found:
        pytest.fail("these tests need Chromium: scripts/setup.sh dev installs it")
    return found


@pytest.fixture(scope="module")
def folder(swarm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What role verify wrote, twice, about a network with a name as long as names get."""
    long = "page-" + "x" * 58
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", "-o", "encrypted", long)
    try:
        made = tmp_path_factory.mktemp("page") / "report"
        for checks in (["PRE-*", "CP-TLS"], ["PRE-*", "DP-MATRIX", "ENC-WIRE"]):
            variables = {
                "verify_directory": str(made),
                "verify_networks": [long],
                "verify_checks": checks,
                "verify_convergence_timeout": 4,
            }
            _code, output = swarm.playbook("swarmlab.overlay.verify", variables)
            assert f"page:        {made}/report.html" in output
    finally:
        swarm.docker("vm1", "network", "rm", long)
    return made


def run(browser: str, profile: Path, *argv: str) -> str:
    done = subprocess.run(
        [browser, *FLAGS, f"--user-data-dir={profile}", *argv], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def measured(browser: str, folder: Path, tmp_path: Path, *flags: str) -> dict:
    text = (folder / "report.html").read_text(encoding="utf-8")
    (tmp_path / "probed.html").write_text(text.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    (tmp_path / "around.html").write_text(AROUND % PHONE, encoding="utf-8")
    dump = run(
        browser,
        tmp_path / "profile",
        "--virtual-time-budget=5000",
        *flags,
        "--dump-dom",
        (tmp_path / "around.html").as_uri(),
    )
    found = re.search(r"<body[^>]*>(\{.*\})</body>", dump, re.DOTALL)
    assert found, dump[-2000:]
    return json.loads(html.unescape(found.group(1)))


def brightness(colour: str) -> float:
    red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_files_agree(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    cases = ElementTree.parse(folder / "junit.xml").getroot().findall("testsuite/testcase")
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert len(cases) == report["summary"]["total"] == text.count('<details class="check ')
    matrices = [item["evidence"]["matrix"] for item in report["checks"] if item["id"] == "DP-MATRIX"]
    assert [list(matrix["kinds"]) for matrix in matrices] == [["icmp", "tcp", "udp"], ["vip"]]
    assert text.count('<table class="heat">') == 4
    assert set(report["networks"][0]["probes"]) == {"vm1", "vm2", "vm3"}
    assert "Compared with" in text and (folder / "report.previous.json").exists()


def test_a_phone_shows_the_page_without_sideways_scrolling(browser: str, folder: Path, tmp_path: Path) -> None:
    seen = measured(browser, folder, tmp_path)
    assert seen["inner"] == PHONE and seen["scroll"] <= seen["inner"] and seen["wide"] == [], seen
    assert seen["loaded"] == [] and seen["filter"]


def test_the_page_is_dark_where_the_reader_wants_it_dark(browser: str, folder: Path, tmp_path: Path) -> None:
    light, dark = measured(browser, folder, tmp_path), measured(browser, folder, tmp_path, DARK)
    assert brightness(light["back"]) > 200 > 100 > brightness(light["text"])
    assert brightness(dark["back"]) < 50 < 150 < brightness(dark["text"])


def pages(browser: str, text: str, style: str, tmp_path: Path) -> int:
    """Sheets of paper, every check folded and no script at work."""
    text = re.sub("<script>.*?</script>", "", text, flags=re.DOTALL).replace(" open>", ">")
    page, paper = tmp_path / "folded.html", tmp_path / "page.pdf"
    page.write_text(text.replace("</style>", style + "</style>"), encoding="utf-8")
    run(browser, tmp_path / "profile", f"--print-to-pdf={paper}", page.as_uri())
    return len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))


def test_paper_shows_what_the_screen_folds(browser: str, folder: Path, tmp_path: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    checks = text.count('<details class="check ')
    assert checks >= 5
    assert pages(browser, text, ".body { min-height: 200mm }", tmp_path) >= checks
    assert pages(browser, text, ".body { min-height: 200mm } .body { display: none }", tmp_path) < checks


@pytest.mark.parametrize(
    ("name", "size", "flags"), [("light", "1200,2400", []), ("dark", "1200,2400", [DARK]), ("narrow", "500,2400", [])]
)
def test_pictures_of_the_page_for_a_person_to_look_at(
    browser: str, folder: Path, tmp_path: Path, name: str, size: str, flags: list
) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    shot = SHOTS / f"{name}.png"
    shot.unlink(missing_ok=True)
    run(
        browser,
        tmp_path / "profile",
        *flags,
        f"--window-size={size}",
        f"--screenshot={shot}",
        (folder / "report.html").as_uri(),
    )
    assert shot.stat().st_size > 20000


@pytest.fixture(params=["green", "red", "mixed"])
def large(request, tmp_path: Path) -> Path:
    """The page of 20 nodes and 10 networks with names as long as names get, after a run that asked for less."""
    made = sized.swarm(20, 10, request.param)
    text = page.render(made, compare.compare(sized.swarm(20, 1, "green"), made))
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    (tmp_path / "look").write_text(request.param, encoding="utf-8")
    return tmp_path


def test_a_phone_shows_a_large_swarm_without_sideways_scrolling(browser: str, large: Path) -> None:
    seen = measured(browser, large, large)
    assert seen["inner"] == PHONE and seen["scroll"] <= seen["inner"] and seen["wide"] == [], seen


def test_what_is_folded_opens_for_links_and_filters(browser: str, large: Path) -> None:
    """A link from the table leads to a check that is folded, and a filter shows what it finds."""
    text = (large / "report.html").read_text(encoding="utf-8")
    target = re.findall(r'<details class="check pass" id="(check-[0-9]+)"', text)[-1]
    act = """<script>addEventListener("load", () => { const seen = e => e.checkVisibility();
      const hit = document.getElementById("%s"), before = seen(hit); location.hash = "%s";
      setTimeout(() => { const after = seen(hit); const box = document.querySelector(".tools input");
        box.value = "CP-TLS"; box.dispatchEvent(new Event("input"));
        const shown = [...document.querySelectorAll("details.check")].filter(seen).length;
        document.body.textContent = JSON.stringify({before, after, shown}); }, 100); });</script>"""
    acted = large / "acted.html"
    acted.write_text(text.replace("</body>", act % (target, target) + "</body>"), encoding="utf-8")
    dump = run(browser, large / "profile", "--virtual-time-budget=5000", "--dump-dom", acted.as_uri())
    found = json.loads(html.unescape(re.search(r"<body[^>]*>(\{.*?\})", dump, re.DOTALL).group(1)))
    assert found == {"before": False, "after": True, "shown": 1}


@pytest.mark.parametrize(("name", "size"), [("wide", "1200,3400"), ("phone", "500,3400")])
def test_pictures_of_a_large_swarm_for_a_person_to_look_at(browser: str, large: Path, name: str, size: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    shot = SHOTS / f"large-{(large / 'look').read_text(encoding='utf-8')}-{name}.png"
    shot.unlink(missing_ok=True)
    page_at = (large / "report.html").as_uri()
    run(browser, large / "profile", f"--window-size={size}", f"--screenshot={shot}", page_at)
    assert shot.stat().st_size > 20000
