"""How results are shown: short on a terminal, as tables in a notebook.

Names and values come from runs, and may be anything: they are shown as text, never as markup, and characters that would
change how the rest of a line is shown are written as their codes.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

__all__ = ["Shown", "cell", "plain", "table"]

_LONGEST = 120
"""Characters of a value in a short form."""
_ITEMS = 3
"""Items of a collection in a short form; a longer one is shown by its length."""
_ROWS = 50
"""Rows of a table in a notebook."""


class Shown:
    """A dataclass with a short ``repr``, and a table in notebooks."""

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        told = ", ".join(f"{field.name}={_short(getattr(self, field.name))}" for field in fields)
        return f"{type(self).__name__}({told})"

    def _repr_html_(self) -> str:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return table(type(self).__name__, None, [[field.name, getattr(self, field.name)] for field in fields])


def plain(text: str) -> str:
    r"""Returns the text without characters that control how it is shown.

    >>> plain("a\x1b[31mb\u202ec")
    'a\\x1b[31mb\\u202ec'
    """
    # Only when something is shown: an import of crv loads few modules.
    import unicodedata

    return "".join(
        ascii(char)[1:-1] if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") else char for char in text
    )


def _escaped(text: str) -> str:
    """Returns the text as HTML."""
    import html

    return html.escape(plain(text))


def cell(value: object) -> str:
    """Returns a value as HTML."""
    if isinstance(value, Shown):
        return value._repr_html_()
    if value is None:
        return '<span style="opacity:.5">–</span>'
    if isinstance(value, Enum):
        return _escaped(str(value.value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return table(None, None, [[key, item] for key, item in value.items()]) if value else cell(None)
    if isinstance(value, tuple | list):
        return _items(value)
    return _escaped(str(value))


def _items(values: Sequence[Any]) -> str:
    if not values:
        return cell(None)
    if all(dataclasses.is_dataclass(value) for value in values):
        names = [field.name for field in dataclasses.fields(values[0])]
        return table(None, names, [[getattr(value, name, None) for name in names] for value in values])
    shown = [cell(value) for value in values[:_ROWS]]
    return ", ".join(shown) + (f", … {len(values) - _ROWS:,} more" if len(values) > _ROWS else "")


def table(caption: str | None, header: Iterable[str] | None, rows: Sequence[Sequence[object]]) -> str:
    """Returns a table as HTML; the first column is the header of each row if there is no ``header``."""
    lines = ['<table style="border-collapse:collapse">']
    if caption is not None:
        lines.append(f'<caption style="text-align:left;font-weight:bold">{_escaped(caption)}</caption>')
    if header is not None:
        lines.append("<tr>" + "".join(f"<th>{_escaped(name)}</th>" for name in header) + "</tr>")
    for row in rows[:_ROWS]:
        first = "td" if header is not None else "th"
        cells = [f'<{first if place == 0 else "td"} style="text-align:left">{cell(value)}</{first if place == 0 else "td"}>'
                 for place, value in enumerate(row)]
        lines.append("<tr>" + "".join(cells) + "</tr>")
    if len(rows) > _ROWS:
        lines.append(f"<tr><td>… {len(rows) - _ROWS:,} more</td></tr>")
    lines.append("</table>")
    return "".join(lines)


def _short(value: object) -> str:
    if isinstance(value, tuple | list | dict | set | frozenset | Mapping) and len(value) > _ITEMS:
        return f"<{len(value):,} items>"
    told = repr(value)
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"
