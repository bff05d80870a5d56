"""Frames in memory (pandas, polars, arrow) as tables of the embedded engine."""

from typing import Any

from gbanalysis.errors import ContractError


def to_arrow(name: str, frame: Any) -> Any:
    """A frame as a pyarrow table.

    A pandas column that mixes types is handed on as text, so that the contract's own reading decides what it holds.

    Raises
    ------
    ContractError
        The object is no frame, or two of its columns have one name.
    """
    import pyarrow as pa

    if hasattr(frame, "to_arrow"):  # polars; a lazy frame is collected first
        table = frame.to_arrow()
    elif hasattr(frame, "collect") and hasattr(frame, "lazy"):
        table = frame.collect().to_arrow()
    elif isinstance(frame, pa.Table):
        table = frame
    elif type(frame).__module__.startswith("pandas") and hasattr(frame, "columns"):
        table = _from_pandas(frame)
    else:
        raise ContractError(f"{name}: a {type(frame).__name__} is not a pandas, polars or arrow table.")
    names = table.column_names
    twice = sorted({column for column in names if names.count(column) > 1})
    if twice:
        raise ContractError(f"{name}: more than one column is named {', '.join(twice)}.")
    return table


def _from_pandas(frame: Any) -> Any:
    import pyarrow as pa

    columns = {}
    for place, name in enumerate(frame.columns):
        values = frame.iloc[:, place]
        if str(name) in columns:
            raise ContractError(f"more than one column is named {name}.")
        try:
            columns[str(name)] = pa.Array.from_pandas(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            columns[str(name)] = pa.array(
                [None if gone else str(v) for v, gone in zip(values, values.isna(), strict=True)]
            )
    return pa.table(columns)
