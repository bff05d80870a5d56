"""The entity diagram: a box a table, an arrow a foreign key, nothing invented and nothing left out."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from gbanalysis.dataset.contract import CONTRACT
from gbanalysis.plots.entity_diagram import plot_entity_diagram


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture
def contract():
    rows = [
        (table.name, column.name, table.required, column.name in table.key, not column.optional, column.references)
        for table in CONTRACT.values()
        for column in table.columns.values()
    ]
    return pd.DataFrame(rows, columns=["table", "column", "required", "is_key", "must", "references"])


def _written(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_tables_joined_to_the_centre_are_drawn_and_no_others(contract):
    joined = {"order_lines"}
    joined |= {c.references for c in CONTRACT["order_lines"].columns.values() if c.references}
    joined |= {
        table.name for table in CONTRACT.values() if "order_lines" in {c.references for c in table.columns.values()}
    }
    assert set(_written(plot_entity_diagram(contract))) & set(CONTRACT) == joined


def test_every_foreign_key_of_the_tables_drawn_has_its_arrow(contract):
    ax = plot_entity_diagram(contract)
    drawn = set(_written(ax)) & set(CONTRACT)
    keys = contract[contract["table"].isin(drawn) & contract["references"].isin(drawn)]
    keys = keys[keys["table"] != keys["references"]]
    arrows = [text for text in ax.texts if getattr(text, "arrow_patch", None) is not None]
    assert len(arrows) == len(keys)


def test_optional_columns_are_counted(contract):
    ax = plot_entity_diagram(contract)
    columns = CONTRACT["products"].columns.values()
    hidden = sum(c.optional and c.references is None for c in columns)
    assert f"+ {hidden} optional" in _written(ax)


def test_boxes_do_not_overlap(contract):
    boxes = [p for p in plot_entity_diagram(contract).patches if isinstance(p, Rectangle) and not p.get_fill()]
    spans = [(b.get_x(), b.get_y(), b.get_y() + b.get_height()) for b in boxes]
    for one, (x, low, high) in enumerate(spans):
        for other_x, other_low, other_high in spans[one + 1 :]:
            assert x != other_x or high <= other_low or other_high <= low


def test_another_centre(contract):
    written = _written(plot_entity_diagram(contract, centre="nodes"))
    assert set(written) & set(CONTRACT) == {"nodes", "vehicles"}
