"""Names that the judges of LeetCode, LiveCodeBench and APPS give a program without its imports.

A program gets only those that it uses, and finds them as it finds builtin names: behind all that it
defines or imports itself. So none is what is to be called: a program without `gcd` does not pass by
the library's, and one that imports it does.
"""

import ast
import builtins
import sys
import types
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
_NAMES: dict[str, Any] = {}
_GIVEN: set[str] = set()


def prepare() -> None:
    """Import it all, once, before there are programs."""
    exec(SOURCE, _NAMES)  # noqa: S102


def give(source: bytes) -> None:
    """Give this process's program, before it runs, the names that its source takes for granted."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # running it will say so
    if not _NAMES:
        prepare()
    loaded = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names = {name for name in loaded if name in _NAMES and not hasattr(builtins, name)}
    streams = {name: getattr(sys, name) for name in names & {"stdin", "stdout"}}
    vars(builtins).update({name: _NAMES[name] for name in names} | streams)
    _GIVEN.update(names)


def lent(name: str) -> Any:
    """What a test finds of what the program was given: no function, as it may ask for that.

    Returns:
        None if there is nothing of that name.
    """
    found = _NAMES[name] if name in _GIVEN else None
    is_function = isinstance(found, types.FunctionType | types.BuiltinFunctionType)
    return None if is_function else found
