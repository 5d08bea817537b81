"""A commit for what is deployed."""

import os
import subprocess


def git(root, *arguments):
    who = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    subprocess.run(["git", *arguments], cwd=root, env=os.environ | who, check=True, capture_output=True)


def commit(root):
    if not (root / ".git").exists():
        git(root, "init", "--initial-branch=main")
        (root / ".gitignore").write_text("build/\n*.egg-info/\n__pycache__/\n")
    git(root, "add", ".")
    git(root, "commit", "--allow-empty", "--message=release")
