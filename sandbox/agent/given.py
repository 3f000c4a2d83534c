"""Names that the judges of LeetCode, LiveCodeBench and APPS give a program without its imports.

A program gets only those that it uses, and what it defines goes before them. None is what is to be
called: a program without `gcd` does not pass by the library's.
"""

import ast
import builtins
import sys
from types import ModuleType
from typing import Any, Final

SOURCE: Final = """
import bisect, collections, copy, datetime, functools, heapq, io, itertools, json, math, operator
import random, re, statistics, string, sys
from re import *
from string import *
from operator import *
from statistics import *
from random import *
from copy import *
from datetime import *
from math import *
from bisect import *
from collections import *
from functools import *
from heapq import *
from itertools import *
from sys import maxsize, stdin, stdout
from typing import *
"""
MARK: Final = "_plumb_given"
_NAMES: dict[str, Any] = {}


def prepare() -> None:
    """Import it all, once, before there are programs."""
    exec(SOURCE, _NAMES)  # noqa: S102


def give(module: ModuleType, source: bytes) -> None:
    """Give a module, before it runs, the names that its source takes for granted."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # running it will say so
    if not _NAMES:
        prepare()
    loaded = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names = {name for name in loaded if name in _NAMES and not hasattr(builtins, name)}
    streams = {name: getattr(sys, name) for name in names & {"stdin", "stdout"}}
    vars(module).update({name: _NAMES[name] for name in names} | streams)
    setattr(module, MARK, names)


def is_given(module: ModuleType, name: str) -> bool:
    """Whether a name of a module means what it was given."""
    return name in getattr(module, MARK, ()) and getattr(module, name, None) is _NAMES.get(name)
