"""The whole book, built once a session: on the sample, and on the sample with hostile names and marked people."""

import os
from pathlib import Path

import pandas as pd
import pytest

from gbanalysis.publish.build import build_book
from gbanalysis.publish.project import Project

REPOSITORY = Path(__file__).parents[2]
SAMPLE = REPOSITORY / "data" / "sample"
MARK = "planted-person-"
PEOPLE = ("user_id", "leader_id", "referrer_id", "initiator_id", "inviter_id", "invitee_id", "invited_by")
HOSTILE = '<script>alert("fruit")</script>'
FORMULA = "=cmd()|'/C calc'!A0"


@pytest.fixture(scope="session")
def book(tmp_path_factory):
    """The folder of the built book: the one that GBANALYSIS_BOOK names, or one made of the sample."""
    named = os.environ.get("GBANALYSIS_BOOK")
    return Path(named).resolve() if named else _built(tmp_path_factory.mktemp("book"), SAMPLE)


@pytest.fixture(scope="session")
def hostile_book(tmp_path_factory):
    """The book on data whose names try to run something and whose people can be found again."""
    return _built(tmp_path_factory.mktemp("hostile"), plant(tmp_path_factory.mktemp("data") / "hostile"))


def plant(folder):
    """Copy the sample with hostile names and marked people."""
    folder.mkdir()
    for path in sorted(SAMPLE.glob("*.parquet")):
        frame = pd.read_parquet(path)
        for column in frame.columns.intersection(PEOPLE):
            frame[column] = MARK + frame[column]
        if "category" in frame:
            frame["category"] = frame["category"].replace(frame["category"].min(), HOSTILE)
        if path.stem in ("products", "suppliers"):
            frame["name"] = [f"{HOSTILE} {FORMULA} {number}" for number in range(len(frame))]
        if "region" in frame:
            frame["region"] = frame["region"].replace(frame["region"].min(), FORMULA)
        frame.to_parquet(folder / path.name, index=False)
    return folder


def _built(work, data):
    project = Project(root=REPOSITORY, work=work, installed=False)
    assert build_book(data=data, project=project, quiet=True) == 0
    return work / "_build" / "html"
