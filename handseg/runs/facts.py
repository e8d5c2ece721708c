"""What `run.json` says about where and how a run was started."""

import os
import platform
import subprocess
import sys
import time
import uuid
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from handseg.runs import layout, process

LIBRARIES = (
    "handseg",
    "torch",
    "torchvision",
    "transformers",
    "segmentation-models-pytorch",
    "timm",
    "accelerate",
    "albumentations",
    "numpy",
    "opencv-python-headless",
    "pillow",
)

VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "PYTORCH_CUDA_ALLOC_CONF",
    "SLURM_JOB_ID",
    "SLURM_RESTART_COUNT",
)
"""Of the environment, what shapes a training or tells where it belongs; nothing secret."""


def new_run(name: str, recipe: str) -> dict[str, Any]:
    """The fields of a new run that do not depend on what it trains."""
    now = time.time()
    return {
        "v": layout.VERSION,
        "id": uuid.uuid4().hex,
        "name": name,
        "recipe": recipe,
        "started": now,
        **present_process(now),
    }


def present_process(now: float) -> dict[str, Any]:
    """The fields that name this process and its surroundings."""
    return {
        "process_started": now,
        **process.identity(),
        "argv": list(sys.argv),
        "cwd": str(Path.cwd()),
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "versions": versions(),
        "git": git(Path(__file__).parent),
    }


def versions() -> dict[str, str]:
    """Versions of Python and the libraries that shape a result, without importing them."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def git(folder: Path) -> dict[str, Any] | None:
    """The commit of the checkout and whether tracked files were changed; None outside one."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "changed": bool(changed)}


def _git(folder: Path, *arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
