# SPDX-License-Identifier: MIT
"""The examples of docs/api.md, run as they are written, but for the server's address."""
import pathlib
import re
import shutil
import subprocess
import sys

import mailhatch
import pytest

PAGE = pathlib.Path(__file__).parents[2] / "docs/api.md"
ADDRESS = "127.0.0.1:8080"
# How the examples of a language are run, with the text in a file of that name. Go's when there is Go.
PROGRAMS = {"js": ("example.mjs", ["node"]), "python": ("example.py", [sys.executable]), "go": ("example.go", ["go", "run"])}
LANGUAGES = [language for language, (_, command) in PROGRAMS.items() if shutil.which(command[0])]
# A stream does not end by itself. Of every answer the code is printed on a line of its own.
CURL = 'curl() { command curl --max-time 3 -w "\\n%{http_code}\\n" "$@" || [ $? -eq 28 ]; }\nset -e\n'
MAIL = b"From: a@example.com\r\nTo: b@example.org\r\nSubject: Hi\r\n\r\nHello\r\n"
FILES = {"logo.png": b"\x89PNG\r\n", "report.pdf": b"%PDF-1.4\n", "mail.eml": MAIL}


def examples(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)


@pytest.fixture(scope="module")
def server():
    with mailhatch.running(env={}) as one:
        yield one


def run(server, directory, name, command, text):
    text = text.replace("localhost:8080", ADDRESS).replace(ADDRESS, f"127.0.0.1:{server.port}")
    (directory / name).write_text(text, encoding="utf-8")
    ended = subprocess.run([*command, name], cwd=directory, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_sends_and_prints_what_the_relay_said(server, tmp_path, language):
    (text,) = examples(language)
    assert "ann@example.org sent" in run(server, tmp_path, *PROGRAMS[language], text)
    refused = text.replace("ann@example.org", "nobody").replace("invoice-17", "invoice-18")
    with pytest.raises(AssertionError, match="validation_failed"):
        run(server, tmp_path, *PROGRAMS[language], refused)


@pytest.mark.parametrize("text", examples("sh"), ids=lambda text: text[:40].strip())
def test_a_command_is_answered_well(server, tmp_path, text):
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    printed = run(server, tmp_path, "example.sh", ["bash"], CURL + text)
    codes = re.findall(r"^(\d{3})$", printed, re.M)
    assert len(codes) == len(re.findall(r"^curl ", text, re.M)) > 0, printed
    assert all(code.startswith("2") for code in codes), printed


def test_there_are_examples_in_each_language():
    assert [len(examples(language)) for language in PROGRAMS] == [1, 1, 1] and len(examples("sh")) >= 8
