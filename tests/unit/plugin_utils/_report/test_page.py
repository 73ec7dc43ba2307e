# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page: complete without script, network or colour, and safe with any words in it."""

from __future__ import annotations

import copy
import re
from html.parser import HTMLParser

import jsonschema
import pytest
import report_schema
import sized
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._report import (
    build,
    compare,
    evidence,
    junit,
    marks,
    markup,
    matrix,
    page,
    paths,
    picture,
    text,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NODES = ["vm1", "vm2", "vm3"]
NASTY = "</script><img src=//evil.example/x onerror=alert(1)>\"'&\x00\ud800"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def node(name: str) -> dict:
    return {
        "name": name,
        "id": "i-" + name,
        "role": "worker",
        "address": "10.77.0.11",
        "engine": "26.1",
        "kernel": "6.12",
        "problem": None,
        "reason": None,
        "sent": None,
    }


def network(name: str, encrypted: bool = False) -> dict:
    return {
        "id": "n-" + name,
        "name": name,
        "encrypted": encrypted,
        "attachable": True,
        "internal": False,
        "vni": 4097,
        "subnets": ["10.0.1.0/24"],
        "probes": dict.fromkeys(NODES, "10.0.1.9"),
    }


def result(ident: str, status: str = "pass", on: str | None = None, **details) -> dict:
    return {
        "id": ident,
        "status": status,
        "reason": "ok" if status == "pass" else "paths-lost",
        "title": "Title of " + ident,
        "network": on,
        "service": None,
        "nodes": ["vm2"],
        "evidence": dict({"summary": "seen: " + status}, **details),
        "hint": "do this" if status == "fail" else None,
        "seconds": 0.5,
    }


def grid_of(cells: dict, nodes: tuple | list = tuple(NODES)) -> dict:
    """The evidence of a matrix with these cells, and 0.1 s everywhere else."""
    kinds = {
        kind: {source: {target: 0.1 for target in nodes if target != source} for source in nodes}
        for kind in ("icmp", "tcp")
    }
    for (kind, source, target), cell in cells.items():
        kinds[kind][source][target] = cell
    return {"nodes": list(nodes), "kinds": kinds}


def cause(*explains: int, shares: tuple = (), words: str = "vm2 drops ESP") -> dict:
    return {
        "id": "esp-blocked",
        "title": words,
        "nodes": [words],
        "networks": [words],
        "todo": words,
        "because": [words],
        "certainty": "inferred",
        "explains": list(explains),
        "shares": list(shares),
    }


def report(*results: dict, causes: tuple = (), **about) -> dict:
    base = {
        "run": "r1",
        "started": "2026-01-01T00:00:00Z",
        "collection": "swarmlab.overlay",
        "lab": "lab",
        "swarm": "s1",
        "nodes": [node(name) for name in NODES],
        "networks": [network("front"), network("back", True)],
    }
    return build.document(list(results), dict(base, **about), 75, causes)


def rendered(made: dict, previous: object = None) -> str:
    return page.render(made, compare.compare(previous, made))


class Reader(HTMLParser):
    """Reads a page strictly: what is opened is closed, in order."""

    VOID = ("meta", "link", "br", "hr", "input")

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list = []
        self.tags: list = []
        self.cells: list = []
        self.data = ""
        self.titles: list = []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        found = dict(attrs)
        assert len(found) == len(attrs), "an attribute twice"
        self.tags.append((tag, found))
        if tag not in self.VOID:
            self.stack.append(tag)
        if tag == "td":
            self.cells.append([found.get("class"), found.get("title"), ""])

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.stack):
            self.data += data
        if "td" in self.stack:
            self.cells[-1][2] += data

    def all(self, tag: str) -> list[dict]:
        return [found for name, found in self.tags if name == tag]


def outside(text: str) -> list[str]:
    """Every address that the page would make a browser call, or could lead away from it."""
    reader = Reader(text)
    links = [
        str(found[key])
        for _tag, found in reader.tags
        for key in ("href", "src", "srcset", "action", "poster", "data")
        if key in found
    ]
    styles = re.findall(r"url\(|@import|https?:|//[a-z]", page.style.CSS + page.style.SCRIPT)
    return [link for link in links if not link.startswith("#") and link != "data:,"] + styles


def test_a_page_answers_first_and_shows_every_check() -> None:
    made = report(
        result("PRE-REACH"), result("SD-VIP", "skip", "front"), result("DP-MATRIX", "fail", "back", matrix=grid_of({}))
    )
    text = rendered(made)
    reader = Reader(text)
    assert outside(text) == []
    assert [found.get("data-id") for found in reader.all("details")] == ["PRE-REACH", "SD-VIP", "DP-MATRIX"]
    assert ["open" in found for found in reader.all("details")] == [False, False, True]
    assert reader.data.index("FAILED") < reader.data.index("do this") < reader.data.index("PRE-REACH")
    for words in ("1 min 15 s", "1 failed", "lab", "s1", "2, 1 encrypted", "seen: skip", "2026-01-01 00:00:00 UTC"):
        assert words in reader.data
    assert len(reader.all("h1")) == 1 and reader.all("html") == [{"lang": "en"}]


def test_a_cause_leads_and_its_results_are_folded_below_it() -> None:
    made = report(
        result("PRE-REACH"), result("DP-MATRIX", "fail", "back"), result("SD-VIP", "fail", "front"), causes=(cause(1),)
    )
    reader = Reader(rendered(made))
    assert [("open" in found, found.get("data-id")) for found in reader.all("details")] == [
        (False, None),
        (False, "PRE-REACH"),
        (False, "DP-MATRIX"),
        (True, "SD-VIP"),
    ]
    words = reader.data
    assert (
        words.index("Most likely: vm2 drops ESP: 1 result depends on it.")
        < words.index("most likely")
        < words.index("No single cause found")
    )
    assert words.count("Because: ") == 1


@pytest.mark.parametrize(
    ("statuses", "word"),
    [
        ((), "NOTHING CHECKED"),
        (("skip",), "NOT VERIFIED"),
        (("pass", "skip"), "VERIFIED"),
        (("pass", "inconclusive"), "NOT VERIFIED"),
        (("pass", "inconclusive", "fail"), "FAILED"),
    ],
)
def test_the_verdict_in_a_word(statuses: tuple, word: str) -> None:
    made = report(*[result("SD-VIP", status) for status in statuses])
    assert page.verdict(made)[0] == word
    assert f"</i>{word}</h1>" in rendered(made)


def test_links_inside_the_page_lead_somewhere() -> None:
    made = report(
        *[
            result("DP-MATRIX", status, on, matrix=grid_of({}))
            for status in build.STATUSES
            for on in ("front", "back", None)
        ]
    )
    reader = Reader(rendered(made))
    ids = [found["id"] for _tag, found in reader.tags if "id" in found]
    assert len(ids) == len(set(ids))
    targets = {found["href"][1:] for found in reader.all("a")}
    named = {word for _tag, found in reader.tags for word in (found.get("aria-labelledby") or "").split()}
    assert targets and targets | named <= set(ids)


@pytest.mark.parametrize("status", build.STATUSES)
def test_a_status_is_a_symbol_and_a_word_besides_its_colour(status: str) -> None:
    badge = Reader(marks.badge(status)).data
    assert badge == f"{marks.SYMBOLS[status]} {marks.WORDS[status]}"
    assert len(set(marks.SYMBOLS.values())) == len(build.STATUSES)


def test_the_matrix_shows_each_cell_as_it_is() -> None:
    cells = {
        ("tcp", "vm1", "vm2"): "no answer",
        ("tcp", "vm1", "vm3"): None,
        ("tcp", "vm2", "vm1"): 0.3,
        ("tcp", "vm2", "vm3"): 7,
    }
    found = grid_of(cells)
    del found["kinds"]["tcp"]["vm3"]["vm1"]
    found["kinds"].pop("icmp")
    reader = Reader(matrix.section(report(result("DP-MATRIX", "fail", "back", matrix=found))))
    assert reader.cells[1:] == [
        ["self", None, ""],
        ["f", "vm1 to vm2: no answer", "\u2715"],
        ["u", "vm1 to vm3: no observation", "?"],
        ["h1", "vm2 to vm1: answered after 0.30 s", "\u27130.30 s"],
        ["self", None, ""],
        ["h3", "vm2 to vm3: answered after 7.0 s", "\u27137.0 s"],
        ["n", None, "\u00b7"],
        ["h0", "vm3 to vm2: answered after 0.10 s", "\u27130.10 s"],
        ["self", None, ""],
    ]
    assert (
        "TCP \u2715 3 of 5 work slowest 7.0 s" in reader.data
        and "no answer: vm1 \u2192 vm2" in reader.data
        and "encrypted" in reader.data
    )
    assert [found["scope"] for found in reader.all("th")] == ["col"] * 3 + ["row"] * 3


def test_a_matrix_of_nothing_is_no_success() -> None:
    empty = {"nodes": NODES, "kinds": {"tcp": {}}}
    assert "? 0 of 0" in Reader(matrix.section(report(result("DP-MATRIX", "pass", "back", matrix=empty)))).data
    assert matrix.section(report(result("PRE-REACH"))) is None


def test_a_large_swarm_shows_the_nodes_with_trouble() -> None:
    many = [f"vm{number}" for number in range(60)]
    found = grid_of({("tcp", "vm3", "vm7"): "no answer"}, many)
    text = matrix.section(report(result("DP-MATRIX", "fail", "back", matrix=found)))
    reader = Reader(text)
    assert len([cell for cell in reader.cells if cell[0] == "f"]) == 1
    assert "58 nodes without trouble are not drawn" in reader.data and "60 nodes without trouble" in reader.data
    assert len(text) < 20000


def test_a_tunnel_is_what_all_direct_traffic_says() -> None:
    found = grid_of({("tcp", "vm2", "vm1"): "no answer", ("icmp", "vm1", "vm3"): None})
    found["kinds"]["vip"] = {"vm2": {"vm3": "no answer"}}
    made = report(result("DP-MATRIX", "fail", "back", matrix=found))
    tunnels = paths.tunnels(paths.by_network(made)["back"])
    assert tunnels == {("vm1", "vm2"): "fail", ("vm1", "vm3"): "inconclusive", ("vm2", "vm3"): "pass"}
    text = picture.draw(made)
    assert (
        text.count('class="tunnel fail"')
        == text.count('class="tunnel inconclusive"')
        == text.count('class="tunnel pass"')
        == 1
    )
    assert "\u2715 1 of 3 tunnels work" in text and "not tried" in text


def test_the_picture_shows_who_holds_what_and_what_is_encrypted() -> None:
    networks = [network("front"), dict(network("back", True), probes={"vm1": "10.0.2.1"})]
    reader = Reader(picture.draw(report(result("PRE-REACH"), networks=networks)))
    assert "vm1 holds back, probe 10.0.2.1" in reader.data and "vm2 holds nothing of back" in reader.data
    assert (
        reader.data.count("not encrypted") == 1
        and len([found for found in reader.all("path") if found["class"] == "lock"]) == 1
    )
    image = reader.all("svg")[0]
    assert image["role"] == "img" and image["aria-labelledby"] == "picture-title picture-text"


@pytest.mark.parametrize("number", [0, 1, 7, 30])
def test_the_picture_is_drawn_for_any_number_of_nodes(number: int) -> None:
    names = [f"node-{index}.example.org" for index in range(number)]
    made = report(result("DP-MATRIX", "pass", "front", matrix=grid_of({}, names)), nodes=[node(name) for name in names])
    text = picture.draw(made)
    assert (text is None) == (number == 0)
    assert outside(rendered(made)) == []


def nasty(words: str, found: object) -> dict:
    """A report that has these words and this evidence wherever a person or a node may put any."""
    odd = dict(
        result("SD-VIP", "fail", words, found=found, **{words: words}),
        title=words,
        service=words,
        nodes=[words],
        hint=words,
    )
    odd["evidence"].update(summary=words, matrix={"nodes": [words], "kinds": {words: {words: {words: words}}}})
    strange = dict(node(words), **dict.fromkeys(("id", "address", "engine", "kernel", "problem"), words))
    return report(
        odd,
        odd,
        causes=(cause(0, shares=(1,), words=words),),
        nodes=[strange],
        networks=[dict(network(words), probes={words: words}, subnets=[words])],
        lab=words,
        swarm=words,
    )


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.text() | st.just(NASTY), ANYTHING)
def test_any_words_stay_words(words: str, found: object) -> None:
    made = nasty(words, found)
    report_schema.validate(made)
    text = rendered(made, nasty("other", None))
    plain = Reader(rendered(nasty("x", None), nasty("other", None)))
    reader = Reader(text)
    assert outside(text) == []
    assert (
        len(reader.all("script")) == len(reader.all("style")) == 1
        and not reader.all("img")
        and not reader.all("iframe")
    )
    assert not [found for _tag, found in reader.tags if any(name.startswith("on") for name in found)]
    assert len(reader.all("details")) == len(plain.all("details")) and len(reader.all("section")) == len(
        plain.all("section")
    )
    text.encode("utf-8")
    junit.render(made)


def test_a_script_in_a_name_is_shown_as_its_letters() -> None:
    text = rendered(nasty(NASTY, None))
    assert "<img" not in text and "&lt;/script&gt;&lt;img src=//evil.example/x" in text
    assert "\x00" not in text and "\ud800" not in text


@settings(max_examples=25)
@given(st.dictionaries(st.text(), ANYTHING, max_size=4))
def test_any_evidence_has_a_form(found: dict) -> None:
    shown = evidence.render(found)
    assert (shown is None) == (set(found) <= {"summary", "matrix"})
    if shown:
        Reader(shown)


def test_new_evidence_of_a_new_check_is_shown() -> None:
    made = report(
        result(
            "KEY-ROTATE2",
            "pass",
            "back",
            key_age={"vm1": 3},
            rows=[{"spi": "1"}, {"spi": "2", "age": None}],
            deep=[[1, {"a": []}]],
        )
    )
    report_schema.validate(made)
    words = Reader(rendered(made)).data
    for part in ("KEY-ROTATE2", "key age", "vm1", "spi", "age", '"a"'):
        assert part in words


def test_evidence_without_end_is_cut() -> None:
    shown = evidence.render(
        {"rows": [{"name": "x" * 10000}] * 1000, "list": list(range(1000)), "deep": {"a": {"b": ["y" * 9] * 9000}}}
    )
    assert len(shown) < 200000 and shown.count("950 more in report.json") == 2


def test_what_changed_is_told() -> None:
    before = report(result("PRE-REACH"), result("SD-VIP", "fail", "front"), result("OLD-ONE", "fail"))
    after = report(result("PRE-REACH"), result("SD-VIP", "pass", "front"), result("NEW-ONE"))
    found = compare.compare(before, after)
    assert found.changes == (
        compare.Change(("SD-VIP", "front", "Title of SD-VIP"), "fail", "pass"),
        compare.Change(("NEW-ONE", None, "Title of NEW-ONE"), None, "pass"),
        compare.Change(("OLD-ONE", None, "Title of OLD-ONE"), "fail", None),
    )
    words = Reader(page.render(after, found)).data
    assert "\u2715 failed \u2192 \u2713 passed SD-VIPfront Title of SD-VIP" in words and "1 verdict changed" in words
    assert "1 result was not asked for before: \u2713 1 passed" in words
    assert "1 result was no longer asked for: \u2715 1 failed" in words
    assert "no verdict changed" in Reader(rendered(after, after)).data


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (None, "no earlier report"),
        ({"checks": 3}, "cannot be read"),
        ({"schema_version": "2.0"}, "another format"),
        ({"swarm": "s2"}, "another swarm"),
    ],
)
def test_what_cannot_be_compared_is_told(change: dict | None, words: str) -> None:
    made = report(result("PRE-REACH"))
    assert words in rendered(made, dict(made, **change) if change else None)


@settings(max_examples=25)
@given(
    ANYTHING
    | st.fixed_dictionaries(
        {
            "schema_version": st.just("1.0"),
            "swarm": ANYTHING,
            "started": ANYTHING,
            "checks": st.lists(
                ANYTHING
                | st.fixed_dictionaries(
                    {"id": ANYTHING, "status": ANYTHING | st.sampled_from(build.STATUSES), "title": ANYTHING}
                )
            ),
        }
    )
)
def test_any_earlier_file_is_survived(previous: object) -> None:
    Reader(rendered(report(result("PRE-REACH")), previous))


def test_the_schema_knows_the_matrix() -> None:
    made = report(
        result(
            "DP-MATRIX",
            "pass",
            "back",
            matrix=grid_of({("tcp", "vm1", "vm2"): None, ("tcp", "vm1", "vm3"): "no answer"}),
        )
    )
    report_schema.validate(made)
    wrong = copy.deepcopy(made)
    wrong["checks"][0]["evidence"]["matrix"]["kinds"]["tcp"]["vm1"]["vm2"] = [1]
    with pytest.raises(jsonschema.ValidationError):
        report_schema.validate(wrong)


@given(st.text(), st.text())
def test_only_markup_is_not_escaped(name: str, text: str) -> None:
    made = markup.element("p", text, [markup.element("b", text)], title=name)
    reader = Reader(made)
    assert [tag for tag, _found in reader.tags] == ["p", "b"]
    assert reader.tags[0][1]["title"] == markup.printable(name)


LOOKS = ("green", "red", "mixed")


@pytest.mark.parametrize("look", LOOKS)
def test_a_large_swarm_is_whole_and_short(look: str) -> None:
    made = sized.swarm(20, 10, look)
    report_schema.validate(made)
    page_text = rendered(made, sized.swarm(20, 1, "green"))
    Reader(page_text)
    assert page_text.count('<details class="check ') == len(made["checks"])
    assert "results were not asked for before:" in page_text and page_text.count('<li><span class="badge') < 60
    assert all(item["name"] in page_text for item in made["nodes"] + made["networks"])
    assert len(page_text) < 600_000


def test_of_many_networks_only_those_in_trouble_have_a_column() -> None:
    for look, columns in (
        ("green", [None, "10 networks"]),
        ("mixed", [None, "8 more networks", "net6", "net9"]),
    ):
        found = text.grid(sized.swarm(20, 10, look))
        assert sorted(map(str, found.columns)) == sorted(map(str, columns))
    red = text.grid(sized.swarm(20, 10, "red"))
    assert red.columns == [None, *sized.names("net", 5), "5 more networks"]
    assert red.cells["DP-MATRIX", "5 more networks"] == "fail" and red.cells["CP-TLS", None] == "pass"


def test_the_table_in_the_terminal_fits_with_the_longest_names() -> None:
    lines = text.table(sized.swarm(20, 10, "red"))
    assert max(len(line.text) for line in lines) < 100


def test_folded_paths_are_in_order_and_say_what_they_hold() -> None:
    made = sized.swarm(20, 10, "mixed")
    shown = matrix.section(made)
    folded = re.findall(r'<details id="(paths-\d+)" class="network folded"><summary><b>([^<]*)', shown)
    assert len(folded) == 9 and folded[0][1] == "net6" and "1520 of 1520 work: ICMP, TCP, UDP, VIP" in shown
    assert shown.index(">net9<") < shown.index(">net6<") < shown.index(">net1<")
    assert set(matrix.anchors(made).values()) == {*(ident for ident, _name in folded), "paths-9"}
    assert shown.count("ICMP, TCP, UDP, VIP</b>") == 10


def test_kinds_that_differ_in_one_pair_stay_apart() -> None:
    alike = [paths.Kind(name, NODES, grid_of({})["kinds"]["icmp"]) for name in ("icmp", "tcp")]
    odd = paths.Kind("udp", NODES, grid_of({("icmp", "vm1", "vm2"): "lost"})["kinds"]["icmp"])
    assert [kind.name for kind in paths.merged([*alike, odd])] == ["icmp, tcp", "udp"]
    slow = paths.Kind("tcp", NODES, grid_of({("icmp", "vm1", "vm2"): 4.0})["kinds"]["icmp"])
    assert paths.merged([alike[0], slow])[0].cells["vm1"]["vm2"] == 4.0


def test_the_nodes_that_all_broken_tunnels_end_at_are_few() -> None:
    pairs = {("a", "b"): "fail", ("b", "c"): "inconclusive", ("b", "d"): "fail", ("e", "f"): "inconclusive"}
    found = paths.ends(pairs)
    assert found["b"] == "fail" and len(found) == 2 and set(found.values()) == {"fail", "inconclusive"}


def test_the_picture_of_many_nodes_keeps_the_worst() -> None:
    made = sized.swarm(20, 10, "red")
    made["nodes"][19]["problem"] = "no answer"
    shown = [item["name"] for item in picture.columns(made)]
    assert len(shown) == picture.COLUMNS and {"node3", "node20"} <= set(shown) and "node19" not in shown
    drawn = picture.draw(made)
    assert "6 more nodes and 4 more networks with less trouble or none" in drawn
    assert drawn.count('class="tunnel fail"') == 2 * picture.LANES_OF_MANY


def test_many_changed_verdicts_are_folded_behind_the_worst() -> None:
    was, now = sized.swarm(20, 10, "green"), sized.swarm(20, 10, "red")
    words = Reader(rendered(now, was)).data
    assert "45 verdicts changed" in words and "33 more" in words and "not asked" not in words
    worst = compare.compare(sized.swarm(20, 10, "green"), sized.swarm(20, 10, "mixed")).verdicts
    assert [change.after for change in worst] == ["fail"] * 4 + ["inconclusive"] * 2


@pytest.mark.parametrize(
    ("names", "room", "expected"),
    [
        (["node1", "node2"], 18, ["node1", "node2"]),
        (["a" * 30 + "1", "a" * 30 + "2"], 9, ["aaaa\u2026aaa1", "aaaa\u2026aaa2"]),
        (["x" * 10 + "1" + "x" * 10, "x" * 10 + "2" + "x" * 10], 9, ["xxxxxxxxxx1xxxxxxxxxx", "xxxxxxxxxx2xxxxxxxxxx"]),
        (["n1.example.org", "n2.example.org"], 9, ["n1", "n2"]),
    ],
)
def test_names_are_shortened_as_long_as_they_differ(names: list, room: int, expected: list) -> None:
    assert list(marks.fitting(names, room).values()) == expected


def test_what_a_node_holds_is_told_in_few_words() -> None:
    made = sized.swarm(20, 10, "green")
    del made["networks"][2]["probes"]["node5"]
    for net in made["networks"][:-2]:
        net["probes"].pop("node7", None)
    words = Reader(rendered(made)).data
    assert "all 10 networks" in words and "all but net3" in words and "net9, net10" in words
