"""Inputs that make regular expressions and parsers slow, and a measure of how their time grows."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined]

import mirsearch

SMALL, LARGE = 1_000, 8_000
"""Characters of the inputs between which the growth is measured."""
NOISE_SECONDS = 0.02
"""Times below this are not compared: they are too short to tell anything about their growth."""
LINEAR = LARGE / SMALL
MOST_GROWTH = 4 * LINEAR
"""Growth of the time between the two sizes that still counts as about linear. A square grows by LINEAR × LINEAR."""
_FUNCTIONS = ("search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer")
MOST_ATTACKS = 100
_FIRST_SIZES = (12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 512)
_MOST_STEP_GROWTH = 12.0


def compiled_patterns() -> dict[str, tuple[re.Pattern, frozenset[str]]]:
    """Return every compiled pattern that a module of the package holds, and the names of its methods in use.

    Patterns in lists, tuples and dictionaries are among them.
    """
    found: dict[int, tuple[str, re.Pattern]] = {}
    uses: dict[int, set[str]] = {}
    for info in pkgutil.walk_packages(mirsearch.__path__, "mirsearch."):
        if info.name.rpartition(".")[2] == "__main__":
            continue
        try:
            module = importlib.import_module(info.name)
        except ImportError:  # an extra that is not installed
            continue
        called = _called_methods(inspect.getsource(module))
        for name, value in vars(module).items():
            for pattern in _patterns_in(value):
                found.setdefault(id(pattern), (f"{info.name.removeprefix('mirsearch.')}.{name}", pattern))
                uses.setdefault(id(pattern), set()).update(called.get(name, ()))
    return {
        f"{name}#{number}": (pattern, frozenset(uses[key] or {"finditer"}))
        for number, (key, (name, pattern)) in enumerate(found.items())
    }


def _called_methods(source: str) -> dict[str, set[str]]:
    """Return the methods that a module calls of each of its constants."""
    called: dict[str, set[str]] = {}
    for use in re.finditer(r"\b(_?[A-Z][A-Z_]+)\.(\w+)\b", source):
        called.setdefault(use[1], set()).add(use[2])
    return called


def inline_patterns() -> dict[str, tuple[re.Pattern, frozenset[str]]]:
    """Return the patterns that the package gives as texts to functions of `re`, and the names of those functions.

    The texts may be made of constants of their module. `built_patterns` tells of all others.
    """
    found = {}
    for call in _pattern_calls():
        source = _evaluate(call.argument, call.module)
        if isinstance(source, str | bytes):
            flags = re.IGNORECASE if "IGNORECASE" in call.rest else 0
            methods = frozenset((call.function if call.function != "compile" else "finditer",))
            found[f"{call.place}:{call.line}"] = (re.compile(source, flags), methods)
    return found


def built_patterns() -> dict[str, str]:
    """Return the patterns that functions of the package build of their own values: the function, and the expression."""
    return {
        f"{call.place}:{call.holder}": ast.unparse(call.argument)
        for call in _pattern_calls()
        if not isinstance(_evaluate(call.argument, call.module), str | bytes | re.Pattern)
    }


def hidden_imports() -> list[str]:
    """Return the places where `re` is imported under another name, so that its patterns are not seen here."""
    places = []
    for path in _module_paths():
        if "regex" not in (text := path.read_text(encoding="utf-8")) and not re.search(r"from re |\bre as ", text):
            continue
        for node in ast.walk(ast.parse(text)):
            is_part = isinstance(node, ast.ImportFrom) and node.module in ("re", "regex")
            names = node.names if isinstance(node, ast.Import) else []
            if is_part or any(name.name == "regex" or (name.name == "re" and name.asname) for name in names):
                places.append(f"{path.relative_to(_PACKAGE)}:{node.lineno}")
    return places


@dataclass(frozen=True)
class _PatternCall:
    """A call of a function of `re`: where it is, in which function or class, and its first argument."""

    place: str
    line: int
    holder: str
    function: str
    argument: ast.expr
    rest: str
    module: str


_PACKAGE = Path(mirsearch.__file__).parent


def _module_paths() -> list[Path]:
    return sorted(_PACKAGE.rglob("*.py"))


@cache
def _pattern_calls() -> tuple[_PatternCall, ...]:
    """Return the calls whose first argument is a pattern; of `re.compile`, those in functions."""
    return tuple(_find_pattern_calls())


def _find_pattern_calls() -> Iterator[_PatternCall]:
    for path in _module_paths():
        place = "/".join(path.relative_to(_PACKAGE).parts)
        module = ".".join(("mirsearch", *path.relative_to(_PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        if "re." not in (text := path.read_text(encoding="utf-8")):
            continue
        for holder, call in _calls(ast.parse(text), ()):
            function, is_in_module = call.func.attr, not holder
            if call.args and function in (*_FUNCTIONS, "compile") and not (function == "compile" and is_in_module):
                rest = " ".join(map(ast.dump, [*call.args[1:], *call.keywords]))
                yield _PatternCall(place, call.lineno, ".".join(holder), function, call.args[0], rest, module)


def _calls(node: ast.AST, holder: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], ast.Call]]:
    """Yield the calls of `re.…` below a node, each with the names of the functions and classes around it."""
    for child in ast.iter_child_nodes(node):
        is_named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        inner = (*holder, child.name) if is_named else holder
        is_method = isinstance(child, ast.Call) and isinstance(child.func, ast.Attribute)
        if is_method and isinstance(child.func.value, ast.Name) and child.func.value.id == "re":
            yield holder, child
        yield from _calls(child, inner)


def _evaluate(argument: ast.expr, module: str) -> object:
    """Return the value of an expression that is made of a module's constants alone; None for any other."""
    if isinstance(argument, ast.Constant):
        return argument.value
    names = {node.id for node in ast.walk(argument) if isinstance(node, ast.Name)}
    if any(isinstance(node, ast.Call) for node in ast.walk(argument)):
        return None
    try:
        constants = vars(importlib.import_module(module))
    except ImportError:  # an extra that is not installed
        return None
    if not all(name.isupper() and name in constants for name in names):
        return None
    return eval(ast.unparse(argument), {}, {name: constants[name] for name in names})  # our own source


def apply(pattern: re.Pattern, methods: frozenset[str], text: str) -> None:
    """Use a pattern on a text as the package does: from the beginning only, or everywhere."""
    subject = text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text
    if methods & {"match"}:
        pattern.match(subject)
    if methods & {"fullmatch"}:
        pattern.fullmatch(subject)
    if methods - {"match", "fullmatch"}:
        for _ in pattern.finditer(subject):
            pass


def _patterns_in(value: object) -> Iterator[re.Pattern]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, type) and value.__module__.startswith("mirsearch."):
        yield from (item for item in vars(value).values() if isinstance(item, re.Pattern))
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _patterns_in(item)
    elif isinstance(value, dict):
        yield from _patterns_in(list(value.values()))


def attacks(pattern: re.Pattern) -> list[tuple[str, str, str]]:
    """Return attacks on a pattern: a beginning, a text to repeat, and an end that fails.

    They are made from the pattern: all that may come before a repeat, then what repeats; and each beginning of a match.
    """
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    tree = _parser.parse(
        source, pattern.flags & ~re.DEBUG & (~re.UNICODE if isinstance(pattern.pattern, bytes) else ~0)
    )
    found: dict[tuple[str, str, str], None] = {}
    for before, repeated in _repeats(tree, ""):
        for piece in {repeated, before + repeated, before[-1:]} - {""}:
            for beginning in ("", before):
                for end in ("", "\0"):
                    found[(beginning, piece, end)] = None
    step = max(1, -(-len(found) // MOST_ATTACKS))
    return sorted(found)[::step]


def _repeats(tree: object, before: str) -> Iterator[tuple[str, str]]:
    """Yield (example of all that comes before, example of the repeated part) for each repeat of a parsed pattern."""
    for operation, argument in tree:
        if operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT):
            _, most, inner = argument
            yield from ((before, example) for example in _examples(inner) if most > 1)
            yield from _repeats(inner, before)
        elif operation is _constants.SUBPATTERN:
            yield from _repeats(argument[3], before)
        elif operation is _constants.BRANCH:
            for branch in argument[1]:
                yield from _repeats(branch, before)
        elif operation is _constants.ATOMIC_GROUP:
            yield from _repeats(argument, before)
        elif operation in (_constants.ASSERT, _constants.ASSERT_NOT):
            yield from _repeats(argument[1], before)
        before += next(iter(_examples([(operation, argument)])), "")
    yield before, before


def _examples(tree: object) -> list[str]:
    """Return a few texts that a parsed pattern matches, lookarounds aside."""
    found = [""]
    for operation, argument in tree:
        pieces = [""]
        if operation is _constants.LITERAL:
            pieces = [chr(argument)]
        elif operation is _constants.NOT_LITERAL:
            pieces = ["a" if argument != ord("a") else "b"]
        elif operation is _constants.ANY:
            pieces = ["a"]
        elif operation is _constants.IN:
            pieces = [_member(argument)]
        elif operation is _constants.BRANCH:
            pieces = [example for branch in argument[1] for example in _examples(branch)[:1]][:6]
        elif operation is _constants.SUBPATTERN:
            pieces = _examples(argument[3])
        elif operation is _constants.ATOMIC_GROUP:
            pieces = _examples(argument)
        elif operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT):
            least, most, inner = argument
            pieces = [example * max(least, 1 if most else 0) for example in _examples(inner)]
        found = [text + piece for text in found for piece in pieces][:6]
    return found


def _member(items: list) -> str:
    if items[0][0] is _constants.NEGATE:
        matcher = {chr(code) for code in range(32, 127)}
        for operation, argument in items[1:]:
            matcher -= _characters(operation, argument)
        return min(matcher - set(" "), key=lambda character: (not character.isalpha(), character), default="€")
    return min(_characters(*items[0]), default="a")


def _characters(operation: object, argument: object) -> set[str]:
    """Return the characters of one item of a class."""
    if operation is _constants.LITERAL:
        return {chr(argument)}
    if operation is _constants.RANGE:
        return {chr(code) for code in range(argument[0], min(argument[1], argument[0] + 128) + 1)}
    if operation is _constants.CATEGORY:
        name = str(argument).lower()
        classes = {"category_digit": "0123456789", "category_space": " \t\n", "category_word": "abcXYZ019_",
                   "category_not_digit": "ab (", "category_not_space": "a(1", "category_not_word": "(-."}  # fmt: skip
        return set(classes.get(name.removeprefix("sre."), "a"))
    return {"a"}


def text_of(attack: tuple[str, str, str], size: int) -> str:
    """Return an attack of about `size` characters."""
    beginning, piece, end = attack
    return beginning + piece * max(1, size // len(piece)) + end


def growth(action: Callable[[str], object], attack: tuple[str, str, str]) -> tuple[float, float]:
    """Return by how much the time of an action grows, and the size at which it was measured.

    The sizes begin small, so that an exponential growth is seen before it takes for ever.
    """
    previous = 0.0
    for size in _FIRST_SIZES:
        seconds = _seconds(action, text_of(attack, size))
        if seconds > 0.3:  # once more: garbage of earlier tests may have been collected meanwhile
            seconds = min(seconds, _seconds(action, text_of(attack, size)))
        if seconds > 0.3 and seconds > _MOST_STEP_GROWTH * previous:
            return float("inf"), size
        if seconds > 1.0:
            return float("inf"), size
        previous = seconds
    large_text = text_of(attack, LARGE)
    small = max(_seconds(action, text_of(attack, SMALL)), 1e-6)
    if small > 0.5:
        return float("inf"), SMALL
    middle = _seconds(action, text_of(attack, SMALL * 4))
    if middle > NOISE_SECONDS and middle > 12 * small:
        small = min(_seconds(action, text_of(attack, SMALL)) for _ in range(3))
        middle = min(_seconds(action, text_of(attack, SMALL * 4)) for _ in range(3))
        if middle > 10 * small:
            return LINEAR * middle / small, SMALL * 4
    large = _seconds(action, large_text)
    if large < NOISE_SECONDS or large < MOST_GROWTH * small:
        return 1.0, LARGE
    small = min(_seconds(action, text_of(attack, SMALL)) for _ in range(3))
    large = min(large, _seconds(action, large_text))
    return (large / small if large > NOISE_SECONDS else 1.0), LARGE


def _seconds(action: Callable[[str], object], text: str) -> float:
    started = time.thread_time()
    action(text)
    return time.thread_time() - started
