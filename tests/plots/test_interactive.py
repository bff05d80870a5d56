"""The chart to hover over: offline, labelled, escaped."""

import json
import re

import pandas as pd
import pytest

from gbanalysis import plots

from .frames import series


def chart(monkeypatch: pytest.MonkeyPatch, static: str | None = None, **columns: object) -> str:
    if static is None:
        monkeypatch.delenv("GBANALYSIS_STATIC", raising=False)
    else:
        monkeypatch.setenv("GBANALYSIS_STATIC", static)
    frame = pd.concat([series(region=name) for name in ("湖南", "<script>alert(1)</script>")])
    return plots.interactive_series(frame, label="rate", unit="share", group="region", alt='Rates & "more"').html


def test_nothing_is_fetched_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    html = chart(monkeypatch)
    assert re.findall(r'src="([^"]*)"', html) == ["_static/plotly.min.js"]
    assert "https://cdn" not in html
    assert 'src="../_static/plotly.min.js"' in chart(monkeypatch, "../_static/")


def test_the_chart_has_a_label_for_those_who_cannot_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    html = chart(monkeypatch)
    assert 'role="img"' in html and 'aria-label="Rates &amp; &quot;more&quot;"' in html


def test_names_from_the_data_cannot_become_code(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "<script>alert(1)" not in chart(monkeypatch)


def test_hover_gives_value_interval_and_state(monkeypatch: pytest.MonkeyPatch) -> None:
    html = chart(monkeypatch)
    data = json.loads(re.search(r"Plotly\.newPlot\(\s*\"[^\"]+\",\s*(\[.*?\]),\s*\{", html, re.DOTALL)[1])  # type: ignore[index]
    lines = [trace for trace in data if trace.get("mode") == "lines+markers"]
    assert len(lines) == 2
    assert [row[2] for row in lines[0]["customdata"]][-3:] == ["", " (not final)", " (not final)"]
    assert lines[0]["marker"]["symbol"][-3:] == ["circle", "circle-open", "circle-open"]
    assert "customdata[0]" in lines[0]["hovertemplate"] and "%" in lines[0]["hovertemplate"]
