# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a student typed, out of a terminal's stream: with corrections, colours, and a shell inside a container."""

from __future__ import annotations

import subprocess

from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lesson import stream


def prompt(code: int, name: str = "vm1") -> str:
    return f"\x1b[?2004h\x1e{code}\x1e{name}# "


def test_lines_have_their_answers_and_codes() -> None:
    text = f"welcome\r\n{prompt(0)}docker network ls\r\n\x1b[?2004l\rNETWORK ID\r\n{prompt(0)}false\r\n{prompt(1)}"
    first, second = stream.typed_lines(text, "vm1")
    assert (first["line"], first["output"], first["code"]) == ("docker network ls", "NETWORK ID", 0)
    assert (second["line"], second["output"], second["code"]) == ("false", "", 1)


def test_what_has_no_answer_yet_is_not_there() -> None:
    assert stream.typed_lines(f"{prompt(0)}docker service ls\r\nNAME", "vm1") == []


def test_corrections_are_made_and_empty_lines_left_out() -> None:
    text = f"{prompt(0)}dockzz\b \b\b \ber ps\r\nx\r\n{prompt(0)}\r\n{prompt(0)}"
    assert [row["line"] for row in stream.typed_lines(text, "vm1")] == ["docker ps"]


def test_a_long_line_goes_on_in_the_next_row() -> None:
    """As readline draws it: at the margin it writes a space and goes back, so that the terminal begins a new row."""
    line = (
        "docker container inspect --format '{{range $name, $at := .NetworkSettings.Networks}}{{$name}}{{end}}' servico.1."
        + "a" * 25
    )
    room = stream.COLUMNS - len("vm1# ")
    text = f"{prompt(0)}{line[:room]} \r{line[room:]}\r\nbridge\r\n{prompt(0)}"
    assert [row["line"] for row in stream.typed_lines(text, "vm1")] == [line]


def test_a_shell_in_a_container_is_read_too() -> None:
    text = (
        f"{prompt(0)}docker exec -it servico.1.abc sh\r\n/ # \x1b[6nping servico.2.def\r\nping: bad address 'servico.2.def'\r\n"
        f"/ # \x1b[6nexit\r\n{prompt(1)}"
    )
    entered, asked, left = stream.typed_lines(text, "vm1")
    assert entered["code"] is None and entered["output"] == ""
    assert (asked["prompt"], asked["line"], asked["output"]) == (
        "/ # ",
        "ping servico.2.def",
        "ping: bad address 'servico.2.def'",
    )
    assert left["line"] == "exit"


def test_a_container_that_is_not_there_has_a_code() -> None:
    text = f"{prompt(0)}docker exec -it x sh\r\nError: No such container: x\r\n{prompt(1)}"
    assert [(row["code"], row["output"]) for row in stream.typed_lines(text, "vm1")] == [
        (1, "Error: No such container: x")
    ]


def test_another_nodes_prompt_is_text() -> None:
    assert stream.typed_lines(f"{prompt(0, 'vm2')}ls\r\n{prompt(0, 'vm2')}", "vm1") == []


def test_the_last_time_counts() -> None:
    text = f"{prompt(0)}docker  service ls\r\nold\r\n{prompt(0)}docker service ls\r\nnew\r\n{prompt(0)}"
    found = stream.last(stream.typed_lines(text, "vm1"), "docker service ls")
    assert found and found["output"] == "new"
    assert stream.last([], "docker service ls") is None


def test_a_real_shell_shows_this_prompt() -> None:
    script = "PS1=$1 bash --norc --noprofile -i"
    done = subprocess.run(
        ["sh", "-c", script, "sh", stream.prompt_of("vm1")], input="false\necho hello\n", capture_output=True, text=True, check=False
    )  # fmt: skip
    assert "\x1e1\x1evm1# " in done.stdout + done.stderr
