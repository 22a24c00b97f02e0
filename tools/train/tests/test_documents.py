"""Commands in documents and cards name modules that there are, with options that these have."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PLACES = ["README.md", "tools/*.md", "tools/train/*.md", "tests/*.md", "benches/**/*.md", "model/weights/*.md", "tests/golden/*.txt"]


def commands():
    """Page, module, first word and options of each command; a line may go on after a backslash."""
    for path in sorted(path for place in PLACES for path in ROOT.glob(place)):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for found in re.finditer(r"python3? -m (efficientecg_train[\w.]*)([^`\n|;#>]*)", text):
            words = found[2].split()
            yield path.name, found[1], words[:1], [word for word in words[1:] if word.startswith("--")]


@pytest.mark.parametrize("page, name, first, options", list(commands()))
def test_a_command_can_be_typed(page, name, first, options, capsys):
    module = importlib.import_module(name)
    if options:
        # The first word may be a command of its own options.
        with pytest.raises(SystemExit) as end:
            module.main([*first, "--help"])
        said = capsys.readouterr().out
        assert end.value.code == 0 and not [option for option in options if option not in said]


def test_there_are_commands():
    assert len({name for _, name, *_ in commands()}) > 12
