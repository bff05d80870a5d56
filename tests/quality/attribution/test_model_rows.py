"""The rows of the refund model against the sparse matrix that they stand for."""

import numpy as np
import pytest

from gbanalysis.quality.attribution import model_rows as module
from gbanalysis.quality.attribution.design import lay_out
from gbanalysis.quality.attribution.mechanisms import encode_cells
from gbanalysis.quality.attribution.model_rows import ModelRows, model_rows
from tests.quality.attribution.small_chain import small_cells


@pytest.fixture(params=[7, 100_000])
def rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModelRows:
    monkeypatch.setattr(module, "PIECE", request.param)
    cells = encode_cells(small_cells(5, easier=0.5))
    return model_rows(lay_out(cells), cells)


def test_every_term_of_a_row_is_written_out_once(rows: ModelRows) -> None:
    matrix = rows.written_out(slice(None))
    assert matrix.shape == (rows.n_rows, rows.design.n_columns)
    assert (np.diff(matrix.indptr) == len(rows.design.terms)).all()
    for place, term in enumerate(rows.design.terms):
        own = matrix[:, rows.design.columns(place)].toarray()
        level = np.zeros(rows.n_rows, dtype=int) if term.key is None else rows.codes[term.key]
        assert own.sum(axis=1) == pytest.approx(rows.values[rows.factor[place]])
        assert own[np.arange(rows.n_rows), level] == pytest.approx(own.sum(axis=1))


def test_products_are_those_of_the_matrix(rows: ModelRows) -> None:
    rng = np.random.default_rng(1)
    effects, weights = rng.normal(size=rows.design.n_columns), rng.random(rows.n_rows)
    matrix = rows.written_out(slice(None)).toarray()
    np.testing.assert_allclose(rows @ effects, matrix @ effects, atol=1e-12)
    np.testing.assert_allclose(rows.project(weights), matrix.T @ weights, atol=1e-9)
    np.testing.assert_allclose(rows.gram(weights), matrix.T @ (weights[:, None] * matrix), atol=1e-8)


def test_groups_are_summed_whole_and_in_order(rows: ModelRows) -> None:
    rng = np.random.default_rng(2)
    group, weights = rng.integers(0, 40, rows.n_rows) * 3, rng.normal(size=rows.n_rows)
    matrix, extra = rows.written_out(slice(None)).toarray(), rng.normal(size=(rows.n_rows, 2))
    found = list(rows.sums(group, weights))
    sums = np.concatenate([part.toarray() for part, _ in found])
    also = np.concatenate([adding @ extra for _, adding in found])
    for place, name in enumerate(np.unique(group)):
        here = group == name
        np.testing.assert_allclose(sums[place], weights[here] @ matrix[here], atol=1e-9)
        np.testing.assert_allclose(also[place], weights[here] @ extra[here], atol=1e-9)
    assert len(sums) == len(np.unique(group))
