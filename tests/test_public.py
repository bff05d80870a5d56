"""The public face: its names are pinned, and importing it stays light."""

import subprocess
import sys

import gbanalysis as gb

PUBLIC = ["Dataset", "errors", "load_sample", "overview", "quality", "read_dataset", "simulate", "sources", "validate"]
HEAVY = ("pandas", "ibis", "duckdb", "matplotlib", "scipy", "statsmodels", "dowhy", "econml", "plotly", "sphinx")


def test_the_public_names_are_pinned() -> None:
    assert gb.__all__ == PUBLIC


def test_every_public_name_loads_and_has_a_docstring() -> None:
    for name in PUBLIC:
        assert getattr(gb, name).__doc__, name


def test_unknown_name_is_an_attribute_error() -> None:
    try:
        gb.refund_rat  # noqa: B018
    except AttributeError as error:
        assert "refund_rat" in str(error)
    else:
        raise AssertionError("a name that does not exist was found")


def test_importing_loads_nothing_heavy() -> None:
    code = f"import gbanalysis, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_every_error_of_the_package_has_one_parent() -> None:
    kinds = [kind for kind in vars(gb.errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) == 5
    assert all(issubclass(kind, gb.errors.GBAnalysisError) for kind in kinds)
