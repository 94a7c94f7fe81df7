#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What attnc leaves in the file system, also where it fails or is interrupted, and whatever a model is named."""
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
from safetensors.numpy import save_file

from attnc_suite import Skip, case, linear, main, square


@case
def check_outputs_that_cannot_be_written(bench):
    model = bench.model("m.json", linear())
    (bench.folder / "file").write_text("")
    bench.refuses("cannot write absent/m.o: No such file or directory", model, "-o", "absent/m.o")
    bench.refuses("cannot write file/m.o: Not a directory", model, "-o", "file/m.o")
    bench.refuses("cannot write /dev/full: No space left on device", model, "-o", "/dev/full")
    (bench.folder / "out" / "m.o").mkdir(parents=True)
    bench.refuses("cannot write out/m.o: it is a directory", model, "-o", "out")


@case
def check_unwritable_directory(bench):
    model, closed = bench.model("m.json", linear()), bench.folder / "closed"
    closed.mkdir(mode=0o555)
    options = {}
    if os.geteuid() == 0:
        for folder in (bench.folder, *bench.folder.parents[:2]):
            folder.chmod(0o755)
        options = {"user": 65534, "group": 65534, "extra_groups": []}
        try:
            subprocess.run([bench.attnc, "--version"], capture_output=True, check=True, **options)
            subprocess.run(["cat", model], capture_output=True, check=True, **options)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Skip(f"root may write everywhere, and no other user can run attnc: {error}") from error
    bench.refuses("cannot write closed/m.o: Permission denied", model, "-o", "closed/m.o", **options)


@case
def check_full_disk(bench):
    """A write that fails half-way leaves what was there."""
    square(bench, 512)
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))}
    for name in ("m.o", "m.weights"):
        (bench.folder / name).write_text("before")
    bench.refuses("cannot write m.o: File too large", "m.json", "-o", "m.o", **limit)
    bench.refuses("cannot write m.weights: File too large", "m.json", "-o", "m.o", "--weights", "external", **limit)
    for name in ("m.o", "m.weights"):
        assert (bench.folder / name).read_text() == "before"


@case
def check_failed_compile(bench):
    bench.run(bench.model("m.json", linear()), "-o", "m.o")
    before = [(bench.folder / name).read_bytes() for name in ("m.o", "m.h")]
    bench.model("m.json", linear(inputs={"x": {"shape": [4, 63]}}))
    done = bench.start("m.json", "-o", "m.o")
    assert done.returncode == 1 and "m.json:" in done.stderr, done.stderr
    assert [(bench.folder / name).read_bytes() for name in ("m.o", "m.h")] == before
    assert bench.files() == {"m.json", "m.o", "m.h"}, bench.files()


@case
def check_device(bench):
    model = bench.model("m.json", linear())
    device = os.stat("/dev/null")
    bench.run(model, "-o", "/dev/null")
    after = os.stat("/dev/null")
    assert (device.st_ino, device.st_rdev, device.st_mode) == (after.st_ino, after.st_rdev, after.st_mode)
    assert not os.path.exists("/dev/null.h") and bench.files() == {"m.json"}
    os.mkfifo(bench.folder / "pipe")
    with subprocess.Popen(["cat", "pipe"], cwd=bench.folder, stdout=subprocess.PIPE) as reader:
        bench.run(model, "-o", "pipe")
        received = reader.communicate(timeout=60)[0]
    assert received.startswith(b"\x7fELF") and bench.files() == {"m.json", "pipe"}, bench.files()


@case
def check_signals(bench):
    """Whenever a signal comes, object and header are both the earlier ones or both the next ones, and nothing else is left."""
    tmp = bench.folder / "tmp"
    tmp.mkdir()
    model = bench.model("m.json", linear(inputs={"x": {"shape": [64, 2048]}}, weights="w.safetensors", model=[
        {"type": "Linear", "name": "head", "in_features": 2048, "out_features": 4096}]))
    save_file({"head.weight": np.ones((4096, 2048), np.float32), "head.bias": np.ones(4096, np.float32)}, bench.folder / "w.safetensors")
    pair = [bench.folder / name for name in ("m.o", "m.h")]
    start = time.monotonic()
    bench.run(model, "-o", "m.o")
    seconds = time.monotonic() - start
    after, before = [path.read_bytes() for path in pair], [b"earlier object", b"earlier header"]
    known = bench.files()
    chance, interrupted, staged = random.Random(1), 0, 0
    for i in range(24):
        for path, data in zip(pair, before):
            path.write_bytes(data)
        with subprocess.Popen([bench.attnc, model, "-o", "m.o"], cwd=bench.folder, stdin=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(tmp)}) as process:
            if i % 2:  # As soon as a temporary file is there.
                while process.poll() is None and bench.files() == known:
                    pass
                staged += process.poll() is None
            else:
                time.sleep(chance.uniform(0, seconds))
            sent = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[i % 3]
            process.send_signal(sent)
            code = process.wait(timeout=60)
        assert code in (0, -sent), f"exit code {code} after {sent}"
        interrupted += code != 0
        found = [path.read_bytes() for path in pair]
        assert found in (before, after), f"round {i}: {[len(data) for data in found]} bytes"
        assert bench.files() == known, f"round {i}: {sorted(bench.files() ^ known)}"
    assert interrupted >= 6 and staged >= 3, f"only {interrupted} of 24 interrupted, {staged} of 12 while files were staged"


EVIL = "../../evil'; touch pwned; $(touch pwned) `touch pwned` | > pwned \" %n %s \\ \u00e9*/"


def traced(bench, *words):
    """What attnc and its children start and write, by strace."""
    if not shutil.which("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode:
        raise Skip("strace is not there, or may not trace")
    log = bench.folder.parent / (bench.folder.name + ".strace")
    done = subprocess.run(["strace", "-f", "-s", "4096", "-o", log, "-e", "trace=execve,openat,open,creat,rename,unlink", bench.attnc, *words],
                          cwd=bench.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "TMPDIR": str(bench.folder / "tmp")}, check=False)
    text = log.read_text(errors="replace")
    log.unlink()
    assert done.returncode == 0, done.stderr
    started = re.findall(r'execve\("((?:[^"\\]|\\.)*)".*= 0$', text, re.M)
    written = re.findall(r'(?:open(?:at)?|creat)\((?:AT_FDCWD, )?"((?:[^"\\]|\\.)*)", [^)]*(?:O_WRONLY|O_RDWR|O_CREAT)', text)
    written += re.findall(r'(?:rename|unlink)\("((?:[^"\\]|\\.)*)"', text)
    return started, written


@case
def check_names_are_data(bench):
    """Names from the description reach no shell, no path and no program but the linker."""
    description = linear()
    description["model"][0]["name"] = EVIL
    (bench.folder / "tmp").mkdir()
    (bench.folder / "out").mkdir()
    model = bench.model("a;touch pwned;$(touch pwned)'\".json", description)
    for target, programs in (("out/k ;touch pwned; $(touch pwned).o", {"attnc"}), ("out/k;touch pwned.so", {"attnc", "cc", "collect2", "ld"}),
                             ("out", {"attnc"})):
        before = bench.files()
        started, written = traced(bench, model, "-o", target)
        assert {pathlib.Path(path).name.split("-")[-1] for path in started} <= programs | {"gcc"}, started
        strange = [path for path in written if not path.startswith(("out/", "/proc/self/fd/", "/dev/null", f"{bench.folder}/tmp/"))]
        assert not strange, f"written: {strange}"
        assert any(path.startswith("out/") for path in written) and len(started) >= len(programs), (started, written)
        assert all(name.startswith("out/") for name in bench.files() - before), bench.files() - before
    assert not list(bench.folder.parent.glob("evil*"))
    info = bench.run("out/a_touch_pwned___touch_pwned___.o", "--info", tool="attnc-run").stdout
    assert "evil'; touch pwned" in info, info
    for form in ("attn", "kernels"):
        bench.run(model, "--emit", form, "-o", "m.mlir")
        bench.run("m.mlir", tool="attnc-opt")


if __name__ == "__main__":
    sys.exit(main("attnc-files", __doc__))
