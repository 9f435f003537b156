"""Where the sources lie, and which of them there are."""

import ast
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGE = CHECKOUT / "jaxmicro"
PHYSICS = ("_core", "fields", "solvers", "orientations", "materials", "microstructures", "homogenization", "io", "descriptors")


def modules() -> list[Path]:
    """Every Python file of the library."""
    return sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def rooms() -> list[str]:
    """The rooms' names: packages directly inside the library."""
    return sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def module_name(path: Path) -> str:
    """The dotted name of a file of the library."""
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def documented(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """Name, docstring and line of the module, its classes and its functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield getattr(node, "name", "module"), text, node.body[0].lineno
