"""The environment is stated once: pyproject.toml, environment.yml and requirements.lock say the same."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
LOCK = [
    Requirement(line)
    for line in (ROOT / "requirements.lock").read_text().splitlines()
    if line.strip() and not line.startswith("#")
]


def test_conda_has_the_python_bounds_of_pyproject() -> None:
    python = next(item for item in CONDA["dependencies"] if isinstance(item, str) and item.startswith("python"))
    assert python == f"python{PROJECT['requires-python']}"


def test_conda_installs_the_lock_and_the_package() -> None:
    pip = next(item for item in CONDA["dependencies"] if isinstance(item, dict))["pip"]
    assert pip == ["-r requirements.lock", "-e ."]


def test_every_requirement_has_a_lower_bound() -> None:
    asked = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    without = [text for text in asked if not any(s.operator in (">=", "<") for s in Requirement(text).specifier)]
    assert without == []


def test_the_lock_pins_every_requirement_within_its_bounds() -> None:
    pinned: dict[str, list[Requirement]] = {}
    for requirement in LOCK:
        pinned.setdefault(requirement.name.lower(), []).append(requirement)
    for text in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]:
        asked = Requirement(text)
        assert asked.name.lower() in pinned, f"{asked.name} is not in requirements.lock"
        for pin in pinned[asked.name.lower()]:
            (exact,) = pin.specifier
            assert exact.operator == "=="
            assert exact.version in asked.specifier


def test_the_lock_names_no_address() -> None:
    assert not re.search(r"https?:|file:|--index|--find-links", (ROOT / "requirements.lock").read_text())


def test_the_card_s_packages_are_there() -> None:
    named = {Requirement(text).name for text in PROJECT["dependencies"]}
    card = {"jupyter-book", "pandas", "numpy", "statsmodels", "dowhy", "econml", "matplotlib", "seaborn"}
    assert card <= named
