"""The versions of the programs that write a run. What tells them takes long to import: only when they are asked for."""


def versions() -> dict[str, str | None]:
    """Returns the versions of Python, Polars and pyarrow; None for a package that is not installed. Imports none."""
    import platform

    return {"python": platform.python_version(), "polars": _installed("polars"), "pyarrow": _installed("pyarrow")}


def _installed(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None
