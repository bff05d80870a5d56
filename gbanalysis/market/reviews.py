"""Reviews: a rating and a sentence, in Chinese or English, by what the goods were like.

    reviewed    with chance 0.08 of the lines that were picked up, 0.30 of those complained of
    rating      5 - round(8 * deficit + noise), within 1 to 5; complained lines at most 3
    text        a phrase of the cause (spoiled, damaged, poor, short, late) or of praise; one in five says nothing

Which naive estimator it fools: the mean rating. Those who were let down write four times as often: the mean of what
is written is 0.10 below the mean of what was felt. (Measured by tests/market/test_fooled_chain.py.)
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gbanalysis.market.chain import Shipped
from gbanalysis.market.ids import line_ids
from gbanalysis.market.orders import Lines
from gbanalysis.market.refunds import Refunds
from gbanalysis.market.streams import stream
from gbanalysis.market.world import World

REVIEW_SHARE, COMPLAINT_REVIEW_SHARE = 0.08, 0.30
POINTS_PER_DEFICIT, RATING_SD = 8.0, 0.7
SILENT_SHARE, LONGEST_WAIT = 0.2, 4

PHRASES: dict[str, tuple[str, ...]] = {
    "praise": (
        "很新鲜，下次还买",
        "分量足，团长服务好",
        "性价比高",
        "Fresh and good value",
        "Well packed, will buy again",
    ),
    "plain": ("还可以", "一般般，价格合适", "和图片差不多", "It is fine for the price", "As expected"),
    "spoiled": ("收到已经坏了", "叶子发黄了，不新鲜", "有异味，不敢吃", "Spoiled on arrival", "Wilted and smelly"),
    "damaged": ("包装破了", "压坏了好几个", "磕碰严重", "The box was crushed", "Bruised in transport"),
    "poor_quality": ("品质不如以前", "个头太小，不甜", "和描述不符", "Worse than last time", "Small and tasteless"),
    "short": ("少发了", "数量不对，缺货", "One was missing"),
    "late": ("第二天才到", "送得太晚了", "Arrived a day late"),
}
CAUSES = tuple(PHRASES)
PRAISE, PLAIN, SPOILED, DAMAGED, POOR, SHORT, LATE = range(len(CAUSES))


def review_day(world: World, lines: Lines, shipped: Shipped, refunds: Refunds, day: int) -> pa.Table:
    """Give the day's `reviews` rows, known by the last day."""
    rng = stream(world.seed, "reviews", day)
    n = len(lines)
    u = rng.random((5, n))
    noise = RATING_SD * rng.standard_normal(n)
    late = shipped.journey.transit.late
    share = np.where(refunds.complained, COMPLAINT_REVIEW_SHARE, REVIEW_SHARE)
    reviewed_day = shipped.promised_day + late + np.floor(u[1] * (LONGEST_WAIT + 1)).astype(np.int64)
    chosen = np.flatnonzero(shipped.picked_up & (u[0] < share) & (reviewed_day < world.n_days))

    quality = shipped.journey.freshness
    rating = np.clip(5 - np.round(POINTS_PER_DEFICIT * quality.deficit + noise), 1, 5).astype(np.int64)
    rating = np.where(refunds.complained, np.minimum(rating, 3), rating)[chosen]
    worst = np.argmax(np.stack([quality.ageing, quality.bruise, quality.start]), axis=0)[chosen]
    cause = np.where(rating >= 4, PRAISE, np.where(rating == 3, PLAIN, np.array([SPOILED, DAMAGED, POOR])[worst]))
    cause = np.where(late[chosen] & (u[2][chosen] < 0.5), LATE, cause)
    cause = np.where((shipped.units_received < lines.quantity)[chosen], SHORT, cause)
    texts = [PHRASES[CAUSES[c]][int(v * len(PHRASES[CAUSES[c]]))] for c, v in zip(cause, u[3][chosen], strict=True)]
    silent = u[4][chosen] < SILENT_SHARE
    dates = world.dates[0].astype(np.int64) + reviewed_day[chosen]
    return pa.table(
        {
            "line_id": line_ids(day, chosen),
            "reviewed_on": pa.array(dates.astype(np.int32), pa.int32()).cast(pa.date32()),
            "rating": pa.array(rating, pa.int64()),
            "text": pa.array(["" if quiet else text for quiet, text in zip(silent, texts, strict=True)], pa.string()),
        }
    )
