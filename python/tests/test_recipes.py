"""The tests that docs/recipes.md shows pass with pytest."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_tests_in_the_recipes_pass(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "recipes.md").read_text()
    block = re.search(r"^```python test_numbers\.py\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert block is not None
    (tmp_path / "test_numbers.py").write_text(block[1])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_numbers.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0 and "2 passed" in result.stdout, result.stdout + result.stderr
