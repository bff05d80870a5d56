import pytest

import gbanalysis as gb
from gbanalysis.errors import GBAnalysisError
from gbanalysis.publish.pages import Page, fit_links, notebook_of, present_in, read_page

TEXT = """---
kernelspec:
  name: python3
gbanalysis:
  tables: [refunds]
---

# Refunds by day

```{code-cell} python
:tags: [parameters]

period = "W"
```
"""


def page(tmp_path, text=TEXT):
    (tmp_path / "a.md").write_text(text)
    return read_page(tmp_path, "a")


def test_a_page_with_a_kernel_is_a_notebook(tmp_path):
    assert page(tmp_path).is_notebook
    assert not page(tmp_path, "# Plain\n").is_notebook


def test_cell_metadata_and_code_come_through_exactly(tmp_path):
    notebook = notebook_of(page(tmp_path), {"refunds"})
    assert notebook.cells[1].source == 'period = "W"'
    assert notebook.cells[1].metadata == {"tags": ["parameters"]}
    assert "gbanalysis" not in notebook.metadata


def test_the_same_page_gives_the_same_bytes(tmp_path):
    assert notebook_of(page(tmp_path), {"refunds"}) == notebook_of(page(tmp_path), {"refunds"})


def test_a_page_whose_table_is_missing_is_its_title_and_one_box(tmp_path):
    (cell,) = notebook_of(page(tmp_path), {"order_lines"}).cells
    assert cell.source.startswith("# Refunds by day\n")
    assert "This chapter needs the table refunds, which your data do not have." in cell.source


def test_an_empty_table_counts_as_absent_and_columns_are_named():
    sample = gb.load_sample()
    frames = {name: sample.to_frame(name) for name in ("order_lines", "products", "sites", "refunds")}
    whole, cut = (gb.read_dataset({**frames, "refunds": frames["refunds"].head(n)}) for n in (1, 0))
    assert {"refunds", "refunds.amount", "order_lines.shipment_id"} <= present_in(whole)
    assert present_in(whole) - present_in(cut) == {"refunds", *(f"refunds.{name}" for name in frames["refunds"])}


def test_a_page_of_the_toc_that_is_not_there_is_named(tmp_path):
    with pytest.raises(GBAnalysisError, match="names the page sales/gone, but book/sales/gone"):
        read_page(tmp_path, "sales/gone")


def test_front_matter_that_is_not_yaml_names_the_page(tmp_path):
    with pytest.raises(GBAnalysisError, match=r"front matter of book/a\.md"):
        page(tmp_path, "---\na: [\n---\n# T\n")


@pytest.mark.parametrize(
    ("text", "fitted"),
    [
        ("[a](b.md)", "[a](b.ipynb)"),
        ("[](../loss/c.md#part)", "[](../loss/c.md#part)"),
        ("[](b.md) and [x](b.md#y)", "[](b.ipynb) and [x](b.ipynb#y)"),
        ("[gone](gone_page.md), [](gone_page.md)", "gone, gone page"),
        ("{glue:text}`./b.md::rate`", "{glue:text}`./b.ipynb::rate`"),
        ("[web](https://example.org/b.md)", "[web](https://example.org/b.md)"),
        ("![picture](b.md.png)", "![picture](b.md.png)"),
    ],
)
def test_links_point_at_staged_pages(text, fitted):
    assert fit_links(text, "sales/a", {"sales/b": ".ipynb", "loss/c": ".md"}) == fitted


def test_tables_come_from_the_front_matter():
    assert Page("a", "", {"gbanalysis": {"tables": ["refunds", "users"]}}).tables == ("refunds", "users")
