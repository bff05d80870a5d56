"""How many abusers are found while one honest user in a thousand is flagged, and is the honest share told rightly?

The peer ranks users by their raw refund rate. It is tuned in hindsight: of several least numbers of lines, and of
refunds, the best on the very worlds that are judged, anew for each share of honest users. Ties count as drawn by lot.
The markets are the simulated ones of the book, with seeds of their own; the small worlds share nothing with them.
"""

import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

import gbanalysis as gb
from benchmarks.harness import Benchmark, Measure
from benchmarks.worlds.abuse_world import LAWS, make_abuse_world
from gbanalysis.stats.ranking import recall_at

Array = NDArray[np.float64]

FIRST_SEED, N_WORLDS, N_NULL = 770_000, 100, 20
MARKET_SEEDS = (771_001, 771_002, 771_003)
MARKET_LINES, MARKET_DAYS = 150_000, 300
SHARES = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
AT = SHARES.index(0.001)
LEAST_LINES, LEAST_REFUNDS = (1, 2, 3, 5, 8, 10, 15, 20, 30), (2, 3, 4, 5, 6, 8)
JUDGED = (0.3, 0.5, 0.7, 0.9)
CONFIDENCE, SURE = 0.9, 0.99


def peer_scores(n_lines: Array, n_refunded: Array) -> dict[str, Array]:
    """Rankings by the raw rate, users with enough lines or refunds first, and by the raw count."""
    rate = n_refunded / n_lines
    scores = {f"rate, {least} lines": rate + 2 * (n_lines >= least) for least in LEAST_LINES}
    scores |= {f"rate, {least} refunds": rate + 2 * (n_refunded >= least) for least in LEAST_REFUNDS}
    return {**scores, "count": n_refunded}


def judge(data: gb.Dataset, abusers: frozenset[str]) -> dict[str, Any]:
    """Score one world: recalls of ours and the peers, and the honest users told and true at each threshold."""
    scores = gb.quality.score_refund_abuse(data, confidence=CONFIDENCE)
    users = scores.users
    bad = users["user_id"].isin(abusers).to_numpy()
    n_lines, n_refunded = (users[name].to_numpy(dtype=float) for name in ("n_lines", "n_refunded"))
    found: dict[str, Any] = {"abusers": scores.n_abusers[0], "bad": bad.sum()}
    if bad.any():
        found["ours"] = recall_at(users["log_ratio"], bad, SHARES)
        found |= {name: recall_at(score, bad, SHARES) for name, score in peer_scores(n_lines, n_refunded).items()}
    for threshold in JUDGED:
        row = scores.at(threshold)
        honest = float((~bad & (users["probability"] >= threshold).to_numpy()).sum())
        low, high = row["n_honest_ci_lower"], row["n_honest_ci_upper"]
        told = bool(row["n_flagged"])
        outside = max(low - honest, 0) + max(honest - high, 0) if told else np.nan
        found[f"flagged {threshold:g}"] = row["n_flagged"]
        found[f"honest {threshold:g}"] = honest
        found[f"told {threshold:g}"] = row["n_honest"]
        found[f"hit {threshold:g}"] = outside == 0 if told else np.nan
        found[f"score {threshold:g}"] = high - low + 2 / (1 - CONFIDENCE) * outside
    return found


def tuned(judged: Sequence[dict[str, Any]], by: str = "") -> tuple[Array, list[str]]:
    """Recalls [n_worlds, n_shares] of the best raw rate for each share, and which; `by` lines, refunds or any."""
    names = [name for name in judged[0] if name.startswith("rate") and name.endswith(by)]
    every = np.array([[world[name] for name in names] for world in judged])
    best = every.mean(axis=0).argmax(axis=0)
    return np.stack([every[:, best[k], k] for k in range(len(SHARES))], axis=1), [names[k] for k in best]


def compare(name: str, judged: Sequence[dict[str, Any]]) -> tuple[list[Measure], str]:
    """Recall at one honest user in a thousand, and the whole curve, ours against the tuned rate and the count."""
    ours, count = (np.array([world[what] for world in judged]) for what in ("ours", "count"))
    peer, chosen = tuned(judged)
    by_lines, _ = tuned(judged, "lines")
    plain = np.array([world["rate, 1 lines"] for world in judged])
    gap = ours - np.maximum(peer, count)
    sure = special.stdtrit(max(len(gap) - 1, 1), 0.5 + SURE / 2) * gap.std(axis=0, ddof=1) / np.sqrt(len(gap))
    at = f"{name}: recall at one honest user in 1,000 flagged"
    measures = [
        Measure(f"{at}, peer tuned in least lines", "share", float(ours[:, AT].mean()), float(by_lines[:, AT].mean())),
        Measure(
            f"{at}, peer tuned in least lines or refunds", "share", float(ours[:, AT].mean()), float(peer[:, AT].mean())
        ),
        Measure(f"{at}, peer ranks by the raw count", "share", float(ours[:, AT].mean()), float(count[:, AT].mean())),
        Measure(f"{name}: recall there of the raw rate, not tuned", "share", float(plain[:, AT].mean())),
        Measure(
            f"{name}: smallest lead over the better peer at any share of honest users, lower end at 0.99",
            "share",
            float((gap.mean(axis=0) - sure).min()),
        ),
    ]
    curve = "; ".join(
        f"{share:g}: {mine:.3f} against {theirs:.3f} ({choice}) and {counted:.3f} (count)"
        for share, mine, theirs, choice, counted in zip(
            SHARES, ours.mean(axis=0), peer.mean(axis=0), chosen, count.mean(axis=0), strict=True
        )
    )
    ratio = ours[:, AT].mean() / peer[:, AT].mean()
    pull = (ours[:, AT] - ratio * peer[:, AT]) / peer[:, AT].mean()
    half = special.ndtri(0.5 + SURE / 2) * pull.std(ddof=1) / np.sqrt(len(pull))
    ahead = float((ours[:, AT] > np.maximum(peer, count)[:, AT]).mean())
    return measures, (
        f"{name}, {len(judged)} worlds: recall by share of honest users flagged {curve}; ratio to the tuned rate at "
        f"0.001 {ratio:.2f} (99 % {ratio - half:.2f} to {ratio + half:.2f}); ahead of both in {ahead:.0%} of worlds."
    )


def coverage(judged: Sequence[dict[str, Any]]) -> tuple[list[Measure], str]:
    """How often the interval of the honest users among the flagged holds them, threshold by threshold."""
    measures, notes = [], []
    for threshold in JUDGED:
        hits = np.array([world[f"hit {threshold:g}"] for world in judged], dtype=float)
        hits = hits[np.isfinite(hits)]
        ends = stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(SURE)
        told, honest, score = (
            float(np.nanmean([world[f"{what} {threshold:g}"] for world in judged]))
            for what in ("told", "honest", "score")
        )
        measures.append(
            Measure(f"threshold {threshold:g}: 90 % interval holds the honest users", "share", float(hits.mean()))
        )
        measures.append(Measure(f"threshold {threshold:g}: honest users flagged, as told", "users", told))
        measures.append(Measure(f"threshold {threshold:g}: honest users flagged, in truth", "users", honest))
        notes.append(
            f"{threshold:g}: {hits.mean():.3f} ({ends.low:.3f} to {ends.high:.3f}, {len(hits)} worlds), "
            f"interval score {score:.2f} users"
        )
    return measures, f"Coverage with its 99 % binomial interval: {'; '.join(notes)}."


def judge_markets() -> list[dict[str, Any]]:
    """Judge simulated markets of the book's kind."""
    judged = []
    for seed in MARKET_SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            market = gb.simulate(seed=seed, n_lines=MARKET_LINES, n_days=MARKET_DAYS, out=f"{folder}/market")
            judged.append(judge(market.dataset, frozenset(market.truth.abusers["user_id"])))
    return judged


def run() -> Benchmark:
    """Judge the small worlds, worlds without an abuser, and markets."""
    seeds = range(FIRST_SEED, FIRST_SEED + N_WORLDS)
    judged, laws = [], []
    for seed in seeds:
        world = make_abuse_world(seed)
        judged.append(judge(gb.read_dataset(world.tables), world.abusers))
        laws.append(world.law)
    null = []
    for seed in range(FIRST_SEED + N_WORLDS, FIRST_SEED + N_WORLDS + N_NULL):
        world = make_abuse_world(seed, share=0.0)
        null.append(judge(gb.read_dataset(world.tables), world.abusers))
    parts = [compare("worlds", judged)]
    parts += [compare(law, [one for one, its in zip(judged, laws, strict=True) if its == law]) for law in LAWS]
    parts += [coverage(judged), compare("markets", judge_markets())]
    accused = [
        Measure(f"worlds without an abuser: users flagged at {threshold:g}", "users", float(np.mean(flagged)))
        for threshold in JUDGED
        for flagged in [[world[f"flagged {threshold:g}"] for world in null]]
    ]
    return Benchmark(
        name="refund_abuse",
        question="How many abusers are found while one honest user in a thousand is flagged?",
        peer="ranking users by raw refund rate, with the best least number of lines or refunds in hindsight",
        seeds=(FIRST_SEED, N_WORLDS, N_NULL, *MARKET_SEEDS),
        packages=("numpy", "pandas", "duckdb"),
        measures=(*(measure for measures, _ in parts for measure in measures), *accused),
        note=" ".join(note for _, note in parts),
    )
