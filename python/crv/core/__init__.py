"""The contracts of CRV: names, tables, ids, versions, canonical JSON. No IO.

The modules are imported one by one, as in ``from crv.core.grammar import TableName``:

- ``grammar``: the closed vocabularies and how their values are parsed; the grammar of actions and patches
- ``tables``: one descriptor per canonical table
- ``schema``: payloads and rows as pydantic models
- ``ids``, ``typing``: identifiers and small aliases
- ``versioning``, ``constants``: the schema version and the store's defaults
- ``hashing``, ``serde``: canonical JSON and its SHA-256
- ``errors``: what they raise

All of it but ``schema`` is plain Python over the standard library; ``schema`` and ``PARSED_GRAMMAR`` ask the Rust core.
The same lists exist there, and a test proves them equal.
"""
