"""Imports: their cost, the modules they load, and the layout of the package."""

import subprocess
import sys
import textwrap
from importlib.machinery import ModuleSpec
from pathlib import Path

import crv
import crv.io


# A bare import of the standard library that crv.io needs takes half of them.
MODULES = 100


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, capture_output=True, text=True)
    return done.stdout


def test_importing_pulls_in_no_heavy_package() -> None:
    found = run(
        """
        import sys
        import crv.io, crv.io.paths, crv.io.read, crv.io.write, crv.io._cli, crv.io.artifacts, crv.io.run_manifest
        heavy = {"polars", "pydantic", "numpy", "pyarrow", "pandas", "asyncio", "email"}
        print(sorted(heavy & set(sys.modules)))
        """
    )
    assert found.strip() == "[]"


def test_importing_loads_few_modules() -> None:
    """The time of an import differs from machine to machine; the modules that it loads do not."""
    script = """
        import sys
        before = set(sys.modules)
        import crv.io
        print(len(set(sys.modules) - before))
        """
    assert int(run(script)) < MODULES


def test_append_and_read_work_without_pyarrow_numpy_and_pandas(tmp_path: Path) -> None:
    run(
        f"""
        import sys

        class Absent:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in ("pyarrow", "numpy", "pandas"):
                    raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

        sys.meta_path.insert(0, Absent())
        import polars as pl
        from crv.io import Dataset, IoSettings

        dataset = Dataset(IoSettings(root_dir={str(tmp_path)!r}), "r")
        for tags in (["x"], []):
            frame = pl.DataFrame({{
                "tick": [0], "sender_agent_id": "A", "channel_name": "c", "visibility_scope": "public",
                "audience": [{{"a": 1}}], "speech_act": "s", "topic_label": "t", "claims": [{{"tags": tags}}], "style": [{{}}],
            }}, schema_overrides={{"style": pl.Struct({{}})}})
            dataset.append("messages", frame)
        assert dataset.read("messages")["claims"].to_list() == [{{"tags": ["x"]}}, {{"tags": []}}]
        """
    )


def test_crv_is_a_namespace_package() -> None:
    spec: ModuleSpec | None = crv.__spec__
    assert spec is not None and spec.origin is None
    assert getattr(crv, "__file__", None) is None
    assert crv.io.__file__ is not None
    root = Path(crv.io.__file__).parent
    assert (root / "py.typed").exists()
    assert not (root.parent / "__init__.py").exists()


def test_every_exported_name_is_there_and_documented() -> None:
    assert crv.io.__all__ == sorted(crv.io.__all__)
    for name in crv.io.__all__:
        assert getattr(crv.io, name).__doc__, name


def test_nothing_of_the_higher_layers_is_imported() -> None:
    found = run(
        """
        import sys
        import crv.io, crv.core, polars
        print([name for name in sys.modules if name.startswith("crv.") and name.split(".")[1] not in ("io", "core", "_native")])
        """
    )
    assert found.strip() == "[]"
