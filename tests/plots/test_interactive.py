"""The chart to hover over: escaped, with value, interval and state under the mouse."""

import json
from typing import Any

import pandas as pd

from gbanalysis import plots

from .frames import series


def chart() -> dict[str, Any]:
    frame = pd.concat([series(region=name) for name in ("湖南", "<script>alert(1)</script>")])
    drawn = plots.interactive_series(frame, label="<b>rate</b>", unit="share", group="region")
    return dict(json.loads(drawn.to_json()))


def test_names_from_the_data_cannot_become_markup() -> None:
    said = [trace["name"] for trace in chart()["data"] if "name" in trace]
    assert sorted(said) == ["&lt;script&gt;alert(1)&lt;/script&gt;", "湖南"]
    assert chart()["layout"]["yaxis"]["title"]["text"] == "&lt;b&gt;rate&lt;/b&gt; (%)"


def test_a_dollar_sign_opens_no_formula() -> None:
    drawn = plots.interactive_series(series(region="cost $5$"), label="$x$", unit="share", group="region")
    said = json.loads(drawn.to_json())
    assert "cost &#36;5&#36;" in [trace.get("name") for trace in said["data"]]
    assert "$" not in said["layout"]["yaxis"]["title"]["text"]


def test_hover_gives_value_interval_and_state() -> None:
    lines = [trace for trace in chart()["data"] if trace.get("mode") == "lines+markers"]
    assert len(lines) == 2
    assert [row[2] for row in lines[0]["customdata"]][-3:] == ["", " (not final)", " (not final)"]
    assert lines[0]["marker"]["symbol"][-3:] == ["circle", "circle-open", "circle-open"]
    assert "customdata[0]" in lines[0]["hovertemplate"] and "%" in lines[0]["hovertemplate"]
