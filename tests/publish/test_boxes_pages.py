"""Every page on data that lack something: each optional table empty, each optional column of the lines absent."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis import report
from gbanalysis.dataset.contract import CONTRACT
from gbanalysis.publish.pages import Page, notebook_of, present_in, read_page
from gbanalysis.publish.scarcity import Scarcity
from gbanalysis.publish.toc import pages_of, read_toc

REPOSITORY = Path(__file__).parents[2]
SITES, USERS = 12, 3
"""How many sites, and which part of their users, the cut of the sample keeps: all its days, a tenth of its lines."""


READ_BY_OVERVIEW = ("refunds", "stage_flows", "leaders", "settings", "supplier_id", "shipment_id")


@cache
def frames() -> dict:
    """The sample, cut to some sites and users; what refers to lines and users that are gone goes too."""
    sample = gb.load_sample()
    found = {name: sample.to_frame(name) for name in sample.tables}
    sites = found["order_lines"]["site_id"].value_counts().index[:SITES]
    lines = found["order_lines"]
    lines = lines[lines["site_id"].isin(sites) & (lines["user_id"].str[-1].isin(list("0123456789")[:USERS]))]
    found["order_lines"] = lines
    for name, frame in found.items():
        for column, kept in (("line_id", lines["line_id"]), ("shipment_id", lines["shipment_id"])):
            if name != "order_lines" and column in frame:
                found[name] = found[name][found[name][column].isin(kept)]
    return found


@cache
def pages() -> dict[str, Page]:
    """The pages with code."""
    found = [read_page(REPOSITORY / "book", name) for name in pages_of(read_toc(REPOSITORY / "_toc.yml"))]
    return {page.name: page for page in found if page.is_notebook}


def pages_for(lack: str) -> list[str]:
    """The pages to run without a table or column: those with sections that need data and that read this one.

    A page reads it that names it, or that asks the overview where that reads it. Without anything all pages run.
    """
    if lack == "all":
        return list(pages())
    name = lack.rpartition(".")[2]
    named, asked = (re.compile(found) for found in (rf'"{name}"|_\.{name}\b|needs-\S*{name}\b', r"gb\.overview\."))
    return [
        page.name
        for page in pages().values()
        if "needs-" in page.text and (named.search(page.text) or (name in READ_BY_OVERVIEW and asked.search(page.text)))
    ]


@cache
def lacks() -> list[str]:
    """What data may lack: each optional table that the sample has, each optional column of the lines, all of them."""
    tables = [name for name in gb.load_sample().tables if not CONTRACT[name].required]
    columns = [f"order_lines.{name}" for name, column in CONTRACT["order_lines"].columns.items() if column.optional]
    return [*tables, *(name for name in columns if gb.load_sample().has(*name.split("."))), "all"]


def data_without(lack: str) -> gb.Dataset:
    gone = lacks() if lack == "all" else [lack]
    cut = {name: frame.head(0) if name in gone else frame for name, frame in frames().items()}
    columns = [name.partition(".")[2] for name in gone if "." in name]
    return gb.read_dataset({**cut, "order_lines": cut["order_lines"].drop(columns=columns)})


def run(page: Page, data: gb.Dataset) -> dict[str, Any]:
    """Run the cells of a page in order as the build does on a user's data, draw its figures, give what it made."""
    scarce, names = Scarcity(), dict[str, Any](__name__="__main__")
    for cell in notebook_of(page, present_in(data)).cells:
        if scarce.skips(cell) or cell.cell_type != "code":
            continue
        try:
            exec(compile(cell.source, f"{page.name}: {cell.source}", "exec"), names)
            for number in plt.get_fignums():
                plt.figure(number).draw_without_rendering()
        except Exception as error:
            if not scarce.excuses(cell, type(error).__name__, str(error)):
                raise
        finally:
            plt.close("all")
    return names


@pytest.mark.slow
@pytest.mark.parametrize("lack", lacks())
def test_every_page_runs_on_data_that_lack(lack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mpl.use("Agg")
    data = data_without(lack)
    monkeypatch.setattr(report, "open_data", lambda: data)
    monkeypatch.setattr(report, "glue", lambda **texts: None)
    for name in pages_for(lack):
        run(pages()[name], data)


def test_the_pages_that_are_run_are_those_that_read_the_table() -> None:
    assert set(pages_for("order_lines.shipment_id")) >= {"foundations/business_at_a_glance"}
    assert pages_for("stockouts") == ["practice/recipes"]
    assert set(pages_for("refunds")) == {f"foundations/{n}" for n in ("business_at_a_glance", "metrics")} | {
        "practice/recipes",
        "quality/refund_rate",
    }


@pytest.mark.slow
@pytest.mark.parametrize("is_gone", [True, False])
def test_the_parts_of_a_rates_change_add_up_when_a_category_comes_or_goes(
    is_gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One category has no pickup from February on, or none before: the whole rate moves by within and mix alone."""
    mpl.use("Agg")
    lines, products = frames()["order_lines"], frames()["products"]
    category = lines.merge(products, on="sku_id")["category"].mode()[0]
    of_it = lines["sku_id"].isin(products.loc[products["category"] == category, "sku_id"])
    later = pd.to_datetime(lines["fulfilled_on"]) >= "2024-02-01"
    kept = lines[~(of_it & (later == is_gone))]
    refunds = frames()["refunds"]
    refunds = refunds[refunds["line_id"].isin(kept["line_id"])]
    data = gb.read_dataset({**frames(), "order_lines": kept, "refunds": refunds})
    monkeypatch.setattr(report, "open_data", lambda: data)
    monkeypatch.setattr(report, "glue", lambda **texts: None)
    made = run(pages()["foundations/business_at_a_glance"], data)
    base, current = (
        gb.overview.key_figures(data, period="M", metrics=["refund_rate"]).at("refund_rate", month)["value"].iloc[0]
        for month in ("2024-01-01", "2024-02-01")
    )
    assert len(made["mix"]) == lines.merge(products, on="sku_id")["category"].nunique()
    assert made["mix"].sum() + made["within"].sum() == pytest.approx(current - base, abs=1e-12)
    assert abs(current - base) > 1e-4
