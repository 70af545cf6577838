"""The answer is a program that passes its tests, in the form of HumanEval."""

import ast
import asyncio
import os
import re
import secrets
import textwrap
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.records.units import Count, Seconds
from bakeoff.sandbox import Limits, Reply, is_confined, once
from bakeoff.scorers import _fences

_PYTHON = frozenset({"", "py", "python", "python3"})
_NAME = re.compile(r"[A-Za-z_]\w*")


class CodeExecution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Run the Python program of an answer with its tests, each in a process of its own.

    The program is the last fenced block that defines the function asked for, else the answer goes on where
    the prompt ends, as in HumanEval. The process has no network, writes only into a folder that is removed,
    starts no other program, and is ended when its time or memory is over. Where the system gives no
    namespaces, a guard inside the interpreter takes their place: enough for programs of models, not against
    an attacker. The reason says which it was. In a job of a service it has a root of its own as well, or
    does not run.

    Attributes:
        prompt: the field with the start of the program.
        test: the field with the tests; a function `check` in it is called with the function asked for.
        entry_point: the field with the function's name.
        allow_code: must be true, as the programs of models are run.
        timeout: seconds for one answer.
        memory_mb: memory of the process.
        metric: the metric that it feeds.
    """

    prompt: str = "prompt"
    test: str = "test"
    entry_point: str = "entry_point"
    allow_code: bool = False
    timeout: Seconds = 10.0
    memory_mb: Count = 512
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        if not self.allow_code:
            raise ValueError("`code-execution` runs what models write: set `allow_code: true` to let it")

    async def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return whether the program passed its tests, and if not, why."""
        test, name = case.fields.get(self.test), case.fields.get(self.entry_point, "")
        if not isinstance(test, str) or not test.strip():
            return Grade(value=None, passed=None, reason=f"the case has no `{self.test}` with its tests")
        if not isinstance(name, str) or (name and not _NAME.fullmatch(name)):
            return Grade(value=None, passed=None, reason=f"`{self.entry_point}` is no name of a function")
        prompt = case.fields.get(self.prompt)
        code = program(answer, prompt if isinstance(prompt, str) else "", name)
        if not code.strip():
            return Grade(value=None, passed=False, reason="there is no code in the answer")
        call = f"\n\ncheck({name})\n" if name and re.search(r"^def check\b", test, re.MULTILINE) else "\n"
        token = secrets.token_hex(8)
        job = {"kind": "program", "code": f"{code}\n\n{test}{call}", "token": token}
        limits = Limits(seconds=self.timeout, memory_mb=self.memory_mb)
        reply = await asyncio.get_running_loop().run_in_executor(
            _threads(), partial(once, job, limits, confined=is_confined())
        )
        return _grade(reply, token, code)


@cache
def _threads() -> ThreadPoolExecutor:
    """Return the threads that wait for programs: as many as can run at once, whatever the scorers."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="code-execution")


def _grade(reply: Reply, token: str, code: str) -> Grade:
    if not reply.isolation:
        return Grade(value=None, passed=None, reason=reply.error, failed=True)
    passed = reply.outcome == "ok" and reply.value == token
    what = {
        "ok": "passed its tests" if passed else "ended before its tests were through",
        "error": f"failed: {reply.error}",
        "timeout": f"timeout: {reply.error}",
    }.get(reply.outcome, f"ended before its tests were through: {reply.error}")
    reason = f"the program {what} (kept apart by {reply.isolation})"
    return Grade(value=float(passed), passed=passed, reason=reason, parsed=code[:2000])


def program(answer: str, prompt: str, name: str) -> str:
    """Return the program that an answer stands for; empty where it holds no code.

    Args:
        answer: of the model.
        prompt: the start of the program.
        name: the function asked for, empty where any code will do.
    """
    found = _fences.blocks(answer)
    python = [block.code for block in found if block.language in _PYTHON] or [block.code for block in found]
    whole = [code for code in python or [answer] if name and _defines(code, name)]
    if whole:
        return f"{_head(prompt, name)}\n{whole[-1]}"
    code = "\n".join(python) if found else answer
    if not code.strip() or not name or not _defines(prompt, name):
        return code
    body = code if code[:1] in {" ", "\t", "\n"} else textwrap.indent(code, "    ")
    return f"{prompt.rstrip()}\n{body}" if body[:1] != "\n" else f"{prompt.rstrip()}{body}"


def _defines(code: str, name: str) -> bool:
    return re.search(rf"^(?:(?:async )?def {name}\b|{name}\s*=)", code, re.MULTILINE) is not None


def _head(prompt: str, name: str) -> str:
    """Return what stands before the function in the prompt: imports and helpers that answers leave out."""
    head = re.split(rf"^(?:async )?def {name}\b", prompt, maxsplit=1, flags=re.MULTILINE)[0]
    try:
        ast.parse(head)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return head
