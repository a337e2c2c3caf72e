"""Every message of the package: each is provoked, has the usual form, and is listed in messages.txt.

    pytest -s tests/test_messages.py    # prints them
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

pytest.importorskip("numpy")

import provoke_files
import provoke_options
import provoke_values
import shm
from provoke import Act, Place

PACKAGE = Path(shm.__file__).parent
LIST = Path(__file__).with_name("messages.txt")
ACTS = [*provoke_files.ACTS, *provoke_options.ACTS, *provoke_values.ACTS]


def message(act: Act, directory: Path) -> str:
    """Returns the class and text of the error that `act` raises, without the parts that differ between machines and runs."""
    directory.mkdir()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SHM_DIR", str(directory))
        with pytest.raises(shm.Error) as caught:
            act(Place(directory, monkeypatch))
    text = str(caught.value).replace(str(directory), "DIRECTORY")
    return f"{type(caught.value).__name__}: " + re.sub(r"\b(user|process) \d+", r"\1 1000", text)


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    base = tmp_path_factory.mktemp("messages")
    return list(dict.fromkeys(message(act, base / str(index)) for index, act in enumerate(ACTS)))


def test_the_messages_are_those_in_the_list(messages: list[str]) -> None:
    print("", *messages, sep="\n")
    assert messages == LIST.read_text().splitlines(), "if the new texts are better, copy the output of -s to the list"


FORM = re.compile(
    r"""cannot\ (?:
        (?:open|inspect|follow|remove|seek\ in|use|publish\ to|receive\ from|(?:read|view)\ the\ newest\ value\ of)\ region\ '.*?'
        (?:\ for\ writing)?
        |decode\ value\ [1-9][0-9]*\ of\ region\ '.*?'
        |list\ the\ regions\ in\ [^:]+
        |create\ a\ view
    ):\ (?P<fault>[^;]*[^;.]);\ (?P<advice>[^;]*[^;.])""",
    re.VERBOSE,
)
ADVICE = re.compile(
    "append|ask|call|choose|clear|copy|close|continue|convert|correct|create|find|free|give|have|leave|mount|open|protect"
    "|publish|replace|reshape|run"
    "|start|stop|take|try|use|wait|write"
)


def test_a_message_names_the_action_and_the_region_then_the_fault_then_what_to_do(messages: list[str]) -> None:
    for line in messages:
        name, text = line.split(": ", 1)
        assert issubclass(getattr(shm, name), shm.Error)
        found = FORM.fullmatch(text)
        assert found, text
        assert found["fault"][0] in "'[{" or found["fault"][0].islower() or found["fault"].startswith(("JSON", "Python")), text
        assert ADVICE.match(found["advice"]), text
        assert not re.search(r"failed to|Errno|Traceback|shm-writer|shm-reader|\b(?:delete|rm)\b|  ", text), text
        assert len(text) <= 420, text


def test_every_text_in_the_sources_is_in_a_message(messages: list[str]) -> None:
    everything = "\n".join(messages)
    missing = [text for text, pattern in texts_in_the_sources() if not re.search(pattern, everything)]
    assert missing == []


RAISED = {*shm.__all__, "Misfit", "SchemaError", "_NotJson", "_WrongType", "misfit_of"}


def texts_in_the_sources() -> list[tuple[str, str]]:
    """The first arguments of the calls that make errors, each with a pattern that its text matches."""
    found = []
    for file in sorted(PACKAGE.glob("*.py")):
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            texts: list[ast.expr] = []
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED:
                texts = node.args[:1]
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("fault", "advice"):
                texts = [node.value]
            for text in texts:
                if isinstance(text, (ast.Constant, ast.JoinedStr)):
                    found.append((f"{file.name}: {ast.unparse(text)}", pattern_of(text)))
    return found


def pattern_of(text: ast.expr) -> str:
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*?" for part in parts)
