"""Columns of results, as pandas and Arrow take them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from safelight.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    import pyarrow as pa


class Columns(Mapping[str, "list[Any]"]):
    """Columns of equal length by name: ``columns["taken_at"]``.

    A value that is not known is None.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self._columns = {name: list(values) for name, values in columns.items()}

    def __getitem__(self, name: str) -> list[Any]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        rows = len(next(iter(self._columns.values()), []))
        return f"Columns({rows} rows: {', '.join(self._columns)})"

    def to_pandas(self) -> pd.DataFrame:
        """Return a DataFrame.

        Raises
        ------
        UsageError
            pandas is not installed.
        """
        frame: pd.DataFrame = _imported("pandas", "pip install pandas").DataFrame(self._columns)
        return frame

    def to_arrow(self) -> pa.Table:
        """Return an Arrow table.

        Raises
        ------
        UsageError
            pyarrow is not installed.
        """
        arrow = _imported("pyarrow", "pip install 'safelight[parquet]'")
        table: pa.Table = arrow.table({name: arrow.array(each) for name, each in self.items()})
        return table


def _imported(module: str, remedy: str) -> Any:
    try:
        return import_module(module)
    except ImportError as exc:
        raise UsageError(f"This needs {module}: {remedy}", code="missing-extra") from exc
