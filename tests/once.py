"""Keep what each new app or database of a test process would make anew: SQL, templates, addresses.

A test opens an app and a database of its own; what they compile is a function of the code alone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

import argon2
import pytest
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Engine
from werkzeug.routing import Rule

from sync.operations import operators
from sync.store import database


@contextmanager
def compiled_once() -> Iterator[None]:
    """Compile each statement, template and address once for whatever this process opens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_open", _sharing(database._open))
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": _Templates()})
        patch.setattr(Rule, "_compile_builder", _remembering(Rule._compile_builder))
        yield


@contextmanager
def cheap_passwords() -> Iterator[argon2.PasswordHasher]:
    """Hash passwords at no cost; gives what hashes them outside of tests, 15 ms each."""
    costly, cheap = operators._HASHER, argon2.PasswordHasher(1, 8, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operators, "_HASHER", cheap)
        patch.setattr(operators, "_NOBODY", cheap.hash("nobody's"))
        yield costly


class _Statements(dict[Any, Any]):
    """Compiled statements for all engines of a dialect's name; SQLAlchemy's own are an engine's."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_of_any_engine(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(_of_any_engine(key), compiled)


def _of_any_engine(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return (key[0].name, *key[1:])


def _sharing(opened: Callable[[str, int], Engine]) -> Callable[[str, int], Engine]:
    compiled = _Statements()

    def sharing(url: str, pool_size: int) -> Engine:
        engine = opened(url, pool_size)
        engine.update_execution_options(compiled_cache=compiled)
        return engine

    return sharing


class _Templates(BytecodeCache):
    """The templates' code in memory, by name and text (jinja2's own key and checksum)."""

    def __init__(self) -> None:
        self._codes: dict[str, tuple[str, CodeType]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        checksum, code = self._codes.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._codes[bucket.key] = bucket.checksum, bucket.code


def _remembering(compile_builder: Callable[..., Any]) -> Callable[..., Any]:
    """What writes an address of a rule is a function of the rule's words; it is told the rule."""
    built: dict[tuple[Any, ...], Any] = {}

    def remembering(self: Rule, append_unknown: bool = True) -> Any:
        defaults = tuple((self.defaults or {}).items())
        key = (self.rule, tuple(self._trace), defaults, append_unknown)
        if key not in built:
            built[key] = compile_builder(self, append_unknown)
        return built[key]

    return remembering
