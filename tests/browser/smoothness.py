"""How hard a page works, by the processor's clock: on a busy machine the wall clock says nothing about the page."""

from __future__ import annotations

import json
from typing import Any

import psutil
from playwright.sync_api import Browser, Page

TASKS = {"RunTask", "ThreadControllerImpl::RunTask"}


def begin(browser: Browser, page: Page) -> None:
    browser.start_tracing(page=page, categories=["toplevel", "disabled-by-default-devtools.timeline"])


def longest_task_ms(browser: Browser) -> tuple[float, float]:
    """Of the pages' own threads since `begin`: the longest task by the processor's clock, and all tasks together."""
    events: list[dict[str, Any]] = json.loads(browser.stop_tracing())["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks = [
        event["tdur"] / 1000
        for event in events
        if event["name"] in TASKS and "tdur" in event and (event["pid"], event["tid"]) in main
    ]
    if not tasks:
        raise LookupError("The trace has no tasks of a page.")
    return max(tasks), sum(tasks)


def megabytes(page: Page) -> tuple[float, float]:
    """What the page's process has to itself, and what its scripts hold of that."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    renderers = [
        process.memory_full_info().uss
        for process in psutil.Process().children(recursive=True)
        if "--type=renderer" in process.cmdline()
    ]
    return max(renderers) / 1e6, metrics["JSHeapUsedSize"] / 1e6
