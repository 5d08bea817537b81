"""The embedded servers below a directory, and what is done with them."""

import time

import psutil

from scraping_project.embedded.client import connect


def embedded_processes(base):
    return [process for _, process in named_processes(base)]


def named_processes(base):
    """Every server and supervisor that works below a directory, deleted or not, with its name."""
    found = []
    for process in psutil.process_iter():
        try:
            works_here = process.cwd().startswith(f"{base}/") and process.status() != psutil.STATUS_ZOMBIE
            name = process.name()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if works_here:
            found.append((name, process))
    return found


def servers(base):
    return [process for name, process in named_processes(base) if name.startswith("valkey")]


def supervisors(base):
    return [process for name, process in named_processes(base) if name.startswith("python")]


def eventually(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def client_of(server):
    return connect(server.url, 30, server.credentials)


def write(server, value):
    with client_of(server) as client:
        client.set("written", value)


def read(server):
    with client_of(server) as client:
        return client.get("written")
