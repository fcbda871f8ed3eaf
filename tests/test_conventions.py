"""Rules worth repeating in review. Each failure says why the rule is there."""

import ast
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("concierge", "knowledge", "voice", "agent_worker")  # each may import from itself and from those before it
WIRING = re.compile(r"(settings|urls|asgi|health)\.py$|/management/|/templatetags/")
EMPTY_NAMES = {"utils", "util", "helpers", "common", "services", "misc"}
PATHS_OF_A_MACHINE = re.compile(r"/(?:home|Users|root|work)/[\w.-]+|/tmp/w\b")
# The first address of either kind of host: it shows nothing, it sends visitors and staff on to their own page.
WITHOUT_A_DOOR = {"home"}


@cache
def modules() -> list[tuple[Path, list[ast.AST]]]:
    """All of ours, each with what stands in it."""
    return [
        (path.relative_to(ROOT), list(ast.walk(ast.parse(path.read_text()))))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
    ]


@cache
def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


def imports(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute, so that a moved file is found by its readers"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_point_one_way():
    turned = [
        f"{path} imports {name}"
        for path, nodes in modules()
        if not WIRING.search(str(path))
        for name in imports(nodes)
        if name.partition(".")[0] in PACKAGES[PACKAGES.index(path.parts[0]) + 1 :]
    ]
    assert not turned, f"imports go {' -> '.join(reversed(PACKAGES))}; a cycle is a design question"


def test_what_rows_call_knows_no_row():
    """voice.models tells others what was stored: that way only, also within functions."""
    trees = {".".join(path.with_suffix("").parts): without_names_of_types(nodes[0]) for path, nodes in modules()}
    asked = {name for name in trees if name.startswith("voice.models")}
    called: set[str] = set()
    while asked:
        called |= asked
        named = {imported for name in asked for imported in imports(trees[name])}
        asked = {name for name in trees if any(f"{imported}.".startswith(f"{name}.") for imported in named)} - called
    turned = [
        f"{name} imports {imported}"
        for name in sorted(called)
        if name.startswith("voice.") and not name.startswith("voice.models")
        for imported in imports(trees[name])
        if imported.startswith("voice.models")
    ]
    assert called > {"voice.live", "voice.masking", "voice.meters"}
    assert not turned, "what models import must not import models; let voice.apps hang it on what is stored"


def without_names_of_types(module: ast.AST) -> list[ast.AST]:
    def is_for_types(node: ast.AST) -> bool:
        return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"

    parts = [part for part in ast.iter_child_nodes(module) if not is_for_types(part)]
    return [node for part in parts for node in ast.walk(part)]


def test_nothing_imports_the_wiring():
    wiring = ("concierge.urls", "concierge.asgi", "concierge.health", "concierge.settings")
    found = [
        f"{path} imports {name}"
        for path, nodes in modules()
        if not WIRING.search(str(path))
        for name in imports(nodes)
        if name.startswith(wiring)
    ]
    assert not found, (
        "the wiring may import everything, so that whoever imports it is in a cycle (settings: django.conf)"
    )


def test_files_are_named_after_their_work():
    empty = [str(path) for path in tracked() if EMPTY_NAMES & {part.partition(".")[0] for part in path.parts}]
    assert not empty, "a module is named after the work; `utils` and its kin collect what nobody can find again"


def test_the_environment_is_read_in_settings_only():
    found = [
        f"{path}:{node.lineno}"
        for path, nodes in modules()
        if path.name != "settings.py"
        for node in nodes
        if is_environment(node)
    ]
    assert not found, "a setting is read in concierge/settings.py, where docs/settings.md and its test see it"


def is_environment(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return isinstance(node.ctx, ast.Load) and ast.unparse(node.value) == "os.environ"
    return isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.getenv", "os.environ.get")


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, Callable]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            yield prefix + str(entry.pattern), entry.callback
        else:
            yield from routes(entry, prefix + str(entry.pattern))


def doors_of(view: Callable) -> int:
    count = 0
    while view is not None:
        count += view.__code__.co_name == "door"
        view = getattr(view, "__wrapped__", None)
    return count


OUR_ROUTES = [
    (route, view)
    for route, view in routes(get_resolver())
    if getattr(view, "__module__", "").split(".")[0] in PACKAGES and view.__name__ not in WITHOUT_A_DOOR
]


@pytest.mark.parametrize(("route", "view"), OUR_ROUTES, ids=[route or "/" for route, _ in OUR_ROUTES])
def test_every_view_is_behind_one_door(route, view):
    assert doors_of(view) == 1, "each view passes exactly one door of concierge.access, which says who may come here"
    assert view.door, "the door's name stands on the view, for the test that walks all routes"


def test_a_bool_is_passed_by_name():
    found = [
        f"{path}:{function.lineno} {function.name}({argument.arg})"
        for path, nodes in modules()
        for function in nodes
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for argument, default in by_position(function.args)
        if is_bool(argument, default)
    ]
    assert not found, "nobody can guess what True means at a call: make it keyword-only"


def by_position(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    names = [*arguments.posonlyargs, *arguments.args]
    yield from zip(names, [None] * (len(names) - len(arguments.defaults)) + arguments.defaults, strict=True)


def is_bool(argument: ast.arg, default: ast.expr | None) -> bool:
    annotated = argument.annotation is not None and ast.unparse(argument.annotation) == "bool"
    return annotated or (isinstance(default, ast.Constant) and isinstance(default.value, bool))


def test_each_style_sheet_of_a_component_is_there_and_in_use():
    named = set()
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        for names in re.findall(r"{% styles (.+?) %}", text):
            named |= set(re.findall(r'"([\w-]+)"', names))
        named |= set(re.findall(r"css/components/([\w-]+)\.css", text))
    there = {path.stem for path in (ROOT / "static" / "css" / "components").glob("*.css")}
    assert not named - there, "a sheet that is missing is a 404 that nobody sees, and a page without its look"
    assert not there - named, "what no page draws with is deleted: git remembers"


def test_the_sheets_leave_left_and_right_to_the_page():
    physical = re.compile(r"^\s*(?:[a-z]+-)?(?:left|right):|(?:float|text-align): (?:left|right);", re.MULTILINE)
    found = [
        f"{path.relative_to(ROOT)}: {match[0].strip()}"
        for path in sorted((ROOT / "static" / "css").rglob("*.css"))
        for match in physical.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found, "a page in Arabic runs the other way: inline-start and inline-end"


def test_no_file_names_a_path_of_somebodys_machine():
    found = []
    for path in tracked():
        if path == Path(__file__).relative_to(ROOT):
            continue
        try:
            text = (ROOT / path).read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path}: {match[0]}" for match in PATHS_OF_A_MACHINE.finditer(text)]
    assert not found, "what works on one machine only is found here, not by the next reader"


def test_the_lock_file_is_in_step_with_pyproject():
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on PATH")
    checked = subprocess.run([uv, "lock", "--check", "--offline"], cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, f"run `uv lock`: {checked.stderr}"
