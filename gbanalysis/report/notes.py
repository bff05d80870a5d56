"""What a page says of its data and of itself: answer boxes, expectations and the footer on provenance."""

from __future__ import annotations

import platform
from html import escape
from importlib.metadata import version
from typing import TYPE_CHECKING

from gbanalysis.report.opening import comes_along, market_record
from gbanalysis.results import Html, number

if TYPE_CHECKING:
    from gbanalysis.dataset.dataset import Dataset


def glue(**texts: str) -> None:
    """Hand computed texts to the prose: ``report.glue(orders="61,234")`` is read as ``{glue:text}`orders```."""
    from myst_nb import glue as hand_over

    for name, text in texts.items():
        hand_over(name, text, display=False)


def answer(*paragraphs: str) -> Html:
    """Make the box at the head of a chapter: the computed answer, in sentences.

    Examples
    --------
    >>> answer("Sales rose by 3 %.").html
    '<div class="admonition tip gb-answer"><p class="admonition-title">Answer</p><p>Sales rose by 3 %.</p></div>'
    """
    return _box("tip gb-answer", "Answer", *paragraphs)


def data_kind(data: Dataset) -> str:
    """Name the kind of data in one sentence, for the head of a page: simulated, with its seed, or as supplied."""
    record = market_record(data)
    if record is None:
        return f"The figures on this page are computed from the data set {data.source}, as it was supplied."
    seed = record.get("config", {}).get("seed", "unknown")
    return f"The figures on this page come from a simulated market (seed {seed}), not from real trade."


def provenance(data: Dataset) -> Html:
    """Make the footer of a page: source, simulated or real, rows, dates, seed, what was assumed, and versions."""
    from gbanalysis import __version__

    span = data.table("order_lines").ordered_at.date()
    first, last = (data.table("order_lines").aggregate(first=span.min(), last=span.max()).to_pandas()).iloc[0]
    lines = [
        data_kind(data),
        f"{number(data.n_rows('order_lines'))} order lines, ordered from {str(first)[:10]} to {str(last)[:10]}; "
        f"the data are known up to {data.settings.as_of}. Tables: {', '.join(data.tables)}.",
        *assumptions(data),
        f"gbanalysis {__version__}, ibis {version('ibis-framework')}, pandas {version('pandas')}, "
        f"Python {platform.python_version()}.",
    ]
    return Html('<div class="gb-provenance">' + "".join(f"<p>{escape(line)}</p>" for line in lines) + "</div>")


def assumptions(data: Dataset) -> list[str]:
    """Say which settings the data do not state, and what is taken in their place; nothing where all are stated."""
    taken = {
        "as_of": f"the last date seen, {data.settings.as_of}, as the last day known",
        "currency": f"{data.settings.currency} as the currency",
        "presale_cutoff": "the calendar day as the selling day",
        "refund_window_days": f"a refund window of {data.settings.refund_window_days} days",
        "timezone": f"{data.settings.timezone} as the time zone",
    }
    assumed = [text for name, text in taken.items() if not data.has("settings", name)]
    return [f"Not stated by the data, so assumed: {'; '.join(assumed)}."] if assumed else []


def expect(data: Dataset, condition: bool, message: str) -> Html | None:
    """Hold a chapter to its story.

    On the simulated data that come with the book a story that no longer holds is a fault. On other data it is news: the
    page then says in a box that its prose does not fit.

    Parameters
    ----------
    data
        The data that the page runs on.
    condition
        Whether the story holds.
    message
        The story, as a sentence.

    Raises
    ------
    AssertionError
        Where the story does not hold on the data that come with the book.
    """
    if condition:
        return None
    if comes_along(data):
        raise AssertionError(f"The chapter says: {message} Its own data do not show it.")
    return _box(
        "warning", "Your data tell another story", f"The text of this chapter says: {message} Your data do not."
    )


def _box(kind: str, title: str, *paragraphs: str) -> Html:
    body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    return Html(f'<div class="admonition {kind}"><p class="admonition-title">{escape(title)}</p>{body}</div>')
