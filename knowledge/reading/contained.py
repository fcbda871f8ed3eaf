"""Files of strangers are read in a child process that may use so much memory and time and no more.

The child has no database, no settings and no secrets. It gets one job as JSON on its standard input and writes lines of
JSON: progress, then the outcome. Whatever becomes of it, the process that asked goes on with a sentence.
"""

from __future__ import annotations

import json
import os
import resource
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from knowledge.reading.saying import Sentence, translatable
from knowledge.reading.sections import Document, Progress, Section, Unreadable

MEMORY = 480_000_000  # bytes of address space
CPU_SECONDS = 150
WALL_SECONDS = 240
PICTURE_SECONDS = 20  # somebody waits for it
MOST_OUTPUT = 40_000_000  # bytes
LARGEST_FILE = 20_000_000  # bytes that the child may write, such as a picture
ROOT = Path(__file__).resolve().parents[2]

TOO_LARGE = translatable("needs more memory to read than a file may; split it or save it anew")
TOO_SLOW = translatable("takes too long to read; split it or save it anew")
GAVE_UP = translatable("is damaged or too large: its reader gave up")


def quietly(done: int, of: int) -> None:
    """Progress that nobody wants."""


def read(kind: str, path: Path, title: str, progress: Progress = quietly, **options: object) -> Document:
    """The document in the file. Raises Unreadable."""
    found = run({"job": "read", "kind": kind, "path": str(path), "title": title, **options}, progress)
    sections = [Section(**section) for section in found["sections"]]
    return Document(found["title"], sections, [Sentence(**note) for note in found["notes"]])


def look(kind: str, path: Path) -> dict[str, Any]:
    """A table's columns, first rows and a guess. Raises Unreadable."""
    return run({"job": "look", "kind": kind, "path": str(path)})


def picture(path: Path, number: int, target: Path) -> None:
    """A page of a PDF as a PNG. Raises Unreadable."""
    run({"job": "picture", "path": str(path), "number": number, "target": str(target)}, seconds=PICTURE_SECONDS)


def addresses(path: Path, most: int) -> tuple[list[str], bool, bool]:
    """As reading.sitemap.read."""
    found = run({"job": "addresses", "path": str(path), "most": most})
    return found["addresses"], found["has_more"], found["is_index"]


def run(
    job: Mapping[str, object], progress: Progress = quietly, *, memory: int = MEMORY, seconds: float | None = None
) -> Any:
    """What the child made of the job. Raises Unreadable, also if it needed more than `memory` bytes or `seconds`."""
    child = subprocess.Popen(
        [sys.executable, "-m", "knowledge.reading.contained"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"} | _compiled(),
    )
    assert child.stdin
    assert child.stdout
    try:
        child.stdin.write(json.dumps({"memory": memory, **job}).encode())
        child.stdin.close()
        return _outcome(child, progress, seconds or WALL_SECONDS)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def _compiled() -> dict[str, str]:
    """Compiled modules are read and kept where this process does it: compiling them anew takes half of a short job."""
    keeps_none = "1" if sys.dont_write_bytecode else ""
    return {"PYTHONPYCACHEPREFIX": sys.pycache_prefix or "", "PYTHONDONTWRITEBYTECODE": keeps_none}


def _outcome(child: subprocess.Popen[bytes], progress: Progress, seconds: float) -> Any:
    assert child.stdout
    deadline = time.monotonic() + seconds
    received = 0
    rest = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(child.stdout, selectors.EVENT_READ)
        while True:
            if not waiting.select(max(deadline - time.monotonic(), 0)):
                raise Unreadable(TOO_SLOW)
            piece = os.read(child.stdout.fileno(), 1 << 16)
            received += len(piece)
            if received > MOST_OUTPUT:
                raise Unreadable("holds more text than an import may; split it")
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                message = json.loads(line)
                if "progress" in message:
                    progress(*message["progress"])
                elif "unreadable" in message:
                    raise Unreadable(message["unreadable"], **message["facts"])
                else:
                    return message["outcome"]
            if not piece:
                # Killed by the kernel for its time, or by itself for want of memory in C code.
                raise Unreadable(TOO_SLOW if child.wait() in {-24, -9} else GAVE_UP)


# The child


def main() -> None:
    job = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (job["memory"], job["memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = sys.stdout
    sys.stdout = sys.stderr  # a library that prints must not write into the answer
    last = 0.0

    def say(**message: object) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    def progress(done: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last > 0.3:
            last = time.monotonic()
            say(progress=[done, of])

    try:
        outcome = _do(job, progress)
    except Unreadable as error:
        said = Sentence(error.words, error.facts).as_json()
        say(unreadable=said["words"], facts=said["facts"])
    except MemoryError:
        say(unreadable=TOO_LARGE, facts={})
    except RecursionError:
        say(unreadable=GAVE_UP, facts={})
    else:
        say(outcome=outcome)


def _do(job: dict[str, Any], progress: Progress) -> object:
    path = Path(job["path"])
    match job["job"], job.get("kind"):
        case "look", kind:
            from knowledge.reading import table

            return table.look(path, str(kind))
        case "read", ("csv" | "xlsx") as kind:
            from knowledge.reading import table

            return table.read(path, kind, job["title"], job["mapping"], progress).as_json()
        case "read", "docx":
            from knowledge.reading import docx

            return docx.read(path, job["title"]).as_json()
        case "read", "html":
            from knowledge.reading import page

            return page.read(path, job["title"], job.get("charset", "")).as_json()
        case "read", "pdf":
            from knowledge.reading import pdf

            return pdf.read(path, job["title"], progress).as_json()
        case "picture", _:
            from knowledge.reading import pdf

            pdf.picture(path, job["number"], Path(job["target"]))
            return None
        case "addresses", _:
            from knowledge.reading import sitemap

            found, has_more, is_index = sitemap.read(path, job["most"])
            return {"addresses": found, "has_more": has_more, "is_index": is_index}
    raise Unreadable("is of a kind that nobody reads")


if __name__ == "__main__":
    main()
