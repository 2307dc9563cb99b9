"""Names of tables: members of `TableName`, or the names of declared tables."""

from crv.core.grammar import TableName

__all__ = ["name_of", "table_of"]


def table_of(name: str) -> TableName | str:
    """Returns the canonical table of this name, or the name of a declared one."""
    try:
        return TableName(name)
    except ValueError:
        return name


def name_of(table: TableName | str) -> str:
    """Returns the name of a table."""
    return table.value if isinstance(table, TableName) else str(table)
