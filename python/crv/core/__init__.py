"""The contracts of CRV: names, tables, ids, versions, canonical JSON. No IO.

The modules are imported one by one, as in ``from crv.core.grammar import TableName``:

- ``grammar``: the closed vocabularies and the parsing of their values; the grammar of actions and patches
- ``tables``: one descriptor per canonical table
- ``schema``: payloads and rows as pydantic models
- ``ids``, ``typing``: identifiers and small aliases
- ``versioning``, ``constants``: the schema version and the store's defaults
- ``hashing``, ``serde``: canonical JSON and its SHA-256
- ``errors``: the exceptions of these modules

All modules except ``schema`` need only the standard library; ``schema`` and ``PARSED_GRAMMAR`` call the Rust core. The
core has the same lists, and a test compares them.
"""
