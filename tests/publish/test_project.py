import shutil
import subprocess
import sys

import pytest

from gbanalysis.publish.project import find_project, package_folder


def test_in_a_checkout_the_sources_and_the_build_lie_in_the_repository():
    project = find_project()
    root = package_folder().parent
    assert (project.root, project.work, project.installed) == (root, root, False)
    assert project.market == root / "data" / "market"
    assert project.build == root / "_build"


@pytest.fixture
def wheel(tmp_path):
    """A folder of installed packages with gbanalysis as a wheel lays it out."""
    site = tmp_path / "site"
    for folder in ("publish", "dataset"):
        (site / "gbanalysis" / folder).mkdir(parents=True)
    modules = ("publish/__init__.py", "publish/project.py", "dataset/__init__.py", "dataset/sample.py")
    for name in ("__init__.py", "errors.py", *modules):
        shutil.copyfile(package_folder() / name, site / "gbanalysis" / name)
    return site


def asked(site, cwd):
    program = (
        "from gbanalysis.publish.project import find_project\n"
        "p = find_project()\n"
        "print(p.root, p.work, p.market, p.installed, sep='\\n')"
    )
    command = [sys.executable, "-c", program]
    environment = {"PYTHONPATH": str(site)}
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)


def test_in_a_wheel_the_sources_come_along_and_nothing_is_written_beside_them(wheel, tmp_path):
    sources = wheel / "gbanalysis" / "_project"
    sources.mkdir()
    for name in ("_config.yml", "_toc.yml"):
        (sources / name).touch()
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    expected = [str(sources), str(cwd), str(cwd / "_build" / "market"), "True"]
    assert asked(wheel, cwd).stdout.splitlines() == expected


def test_a_package_without_its_sources_says_so(wheel, tmp_path):
    assert "does not find its own book and sample" in asked(wheel, tmp_path).stderr
