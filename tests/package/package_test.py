#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Installs the build in an empty folder and uses what is there as a stranger would: examples/first-model through the CMake
package and by plain commands in C99, without the build folder or this tree's headers."""
import argparse
import pathlib
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from junit import Suite, command  # noqa: E402

EXAMPLE = ROOT / "examples/first-model"
EXPECTED = ["apple is red (1.000)", "banana is yellow (1.000)", "plum is blue (1.000)", "kiwi is green (1.000)"]


SANITIZE = []  # what a program must be compiled with when the runtime archive was


def check_files(prefix):
    for name in ("bin/attnc", "bin/attnc-opt", "bin/attnc-run", "bin/attnc-bench", "bin/attnc-cold-start", "lib/libattnc_rt.a", "lib/attnc/libHalide.so",
                 "include/attnc/runtime.h", "include/attnc/profile.h", "share/attnc/peers.py", "lib/cmake/attnc/attncConfig.cmake", "lib/cmake/attnc/attncConfigVersion.cmake",
                 "share/attnc/model.schema.json", "share/doc/attnc/README.md"):
        assert (prefix / name).is_file(), f"{name} is not installed"
    assert sorted(path.name for path in (prefix / "include").rglob("*.h")) == ["profile.h", "runtime.h"], "more headers than the runtime's"


def check_tools(prefix):
    for tool in ("attnc", "attnc-opt", "attnc-run", "attnc-bench"):
        assert "--help" in command(prefix / "bin" / tool, "--help"), f"{tool} --help"
        linked = command("ldd", prefix / "bin" / tool)
        assert "not found" not in linked, f"{tool}: {linked}"
        halide = [pathlib.Path(line.split()[2]).resolve() for line in linked.splitlines() if "libHalide" in line]
        assert halide in ([], [(prefix / "lib/attnc/libHalide.so").resolve()]), f"{tool} loads {halide}"


def check_relocatable(prefix, build):
    """Nothing that CMake or the loader reads names the build folder or this tree."""
    for path in (prefix / "lib/cmake/attnc").iterdir():
        text = path.read_text()
        assert str(ROOT) not in text and str(build) not in text, f"{path.name} names a folder of the build"
    for tool in ("attnc", "attnc-opt", "attnc-run", "attnc-bench"):
        paths = [line for line in command("readelf", "-d", prefix / "bin" / tool).splitlines() if "PATH)" in line]
        assert not any(str(ROOT) in line for line in paths), f"{tool}: {paths}"


def check_cmake(prefix, folder, cmake, generator):
    command(cmake, "-S", EXAMPLE, "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}", *generator,
            f"-DCMAKE_C_FLAGS={' '.join(SANITIZE)}")
    command(cmake, "--build", folder)
    assert command(folder / "first-model").splitlines() == EXPECTED
    assert "attnc" not in command(cmake, "--build", folder), "a build without changes compiles the model again"


def check_cmake_mixed(prefix, folder, cmake, generator):
    """In a project that has C++ as well, a C program is still linked without the C++ library."""
    folder.mkdir()
    (folder / "languages.cmake").write_text("enable_language(CXX)\n")
    command(cmake, "-S", EXAMPLE, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}", *generator,
            f"-DCMAKE_C_FLAGS={' '.join(SANITIZE)}", f"-DCMAKE_PROJECT_INCLUDE={folder}/languages.cmake")
    command(cmake, "--build", folder / "build")
    needed = command("readelf", "-d", folder / "build/first-model")
    assert "libc.so" in needed and "libstdc++" not in needed, needed


def check_cmake_cplusplus(prefix, folder, cmake, generator):
    """A project in C++ alone; a dimension and a processor of its own."""
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(plus LANGUAGES CXX)\nfind_package(attnc 0.1 REQUIRED)\n"
        f"attnc_add_model(graph {ROOT}/examples/models/graph.json CPU x86-64-v3 DIMS batch=4 seq=16)\n"
        "add_executable(plus plus.cpp)\ntarget_link_libraries(plus PRIVATE graph)\n")
    (folder / "plus.cpp").write_text('#include "graph.h"\nint main() { return GRAPH_X_DIM0 == 4 && GRAPH_X_DIM1 == 16 && graph_workspace_size(1) ? 0 : 1; }\n')
    command(cmake, "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}", *generator,
            f"-DCMAKE_CXX_FLAGS={' '.join(SANITIZE)}")
    command(cmake, "--build", folder / "build")
    command(folder / "build/plus")


def check_cmake_refuses(prefix, folder, cmake, generator):
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.20)\nproject(wrong LANGUAGES C)\n"
                                           "find_package(attnc REQUIRED)\nattnc_add_model(nothing absent.json)\n")
    try:
        command(cmake, "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}", *generator)
    except RuntimeError as error:
        assert "attnc_add_model(nothing): there is no" in str(error), error
        return
    raise AssertionError("a model that is not there is accepted")


def check_plain_commands(prefix, folder):
    """The steps of the README: write JSON, compile, link from C, run."""
    shutil.copytree(EXAMPLE, folder)
    command(prefix / "bin/attnc", "memory.json", "-o", "memory.o", cwd=folder)
    command("cc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", *SANITIZE, "main.c", "memory.o", f"-I{prefix}/include",
            prefix / "lib/libattnc_rt.a", "-pthread", "-o", "first-model", cwd=folder)
    assert command(folder / "first-model").splitlines() == EXPECTED


def map_weights(program, path):
    """Makes the example's main.c map a weights file, whose name is this C expression."""
    text = program.read_text()
    changed = text.replace("if (memory_init(&instance, NULL, &error)",
                           f"attnc_weights weights;\n  if (memory_map_weights(&weights, {path}, &error) != ATTNC_OK ||\n"
                           "      memory_init(&instance, &weights, &error)")
    assert changed != text, "main.c has another call of memory_init()"
    program.write_text(changed)


def check_cmake_external_weights(prefix, folder, cmake, generator):
    """EXTERNAL_WEIGHTS: the weights file is made with the object, and the target knows where it is."""
    shutil.copytree(EXAMPLE, folder)
    description = folder / "CMakeLists.txt"
    text = description.read_text()
    changed = text.replace("memory.json DEPENDS", "memory.json EXTERNAL_WEIGHTS DEPENDS") + \
        "target_compile_definitions(first-model PRIVATE WEIGHTS=\"$<TARGET_PROPERTY:memory,ATTNC_WEIGHTS>\")\n"
    assert changed.count("EXTERNAL_WEIGHTS") == 1, "CMakeLists.txt has another call of attnc_add_model()"
    description.write_text(changed)
    map_weights(folder / "main.c", "WEIGHTS")
    command(cmake, "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}", *generator, f"-DCMAKE_C_FLAGS={' '.join(SANITIZE)}")
    command(cmake, "--build", folder / "build")
    assert command(folder / "build/first-model").splitlines() == EXPECTED
    assert "attnc" not in command(cmake, "--build", folder / "build"), "a build without changes compiles the model again"
    (folder / "build/memory.attnc/memory.weights").unlink()
    command(cmake, "--build", folder / "build")
    assert command(folder / "build/first-model").splitlines() == EXPECTED


def check_external_weights(prefix, folder):
    """The same program with its weights in a file, as the header's comment says."""
    shutil.copytree(EXAMPLE, folder)
    command(prefix / "bin/attnc", "memory.json", "--weights", "external", "-o", "memory.o", cwd=folder)
    assert "memory_map_weights(&weights, \"memory.weights\", &error)" in (folder / "memory.h").read_text()
    map_weights(folder / "main.c", '"memory.weights"')
    command("cc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", *SANITIZE, "main.c", "memory.o", f"-I{prefix}/include",
            prefix / "lib/libattnc_rt.a", "-pthread", "-o", "first-model", cwd=folder)
    assert command("./first-model", cwd=folder).splitlines() == EXPECTED


def check_cplusplus(prefix, folder):
    """The generated header serves C++ as well."""
    shutil.copytree(EXAMPLE, folder)
    command(prefix / "bin/attnc", "memory.json", "-o", "memory.o", cwd=folder)
    (folder / "main.cpp").write_text('#include "memory.h"\nint main() { return memory_workspace_size(1) ? 0 : 1; }\n')
    command("c++", "-std=c++17", "-pedantic", "-Wall", "-Wextra", "-Werror", *SANITIZE, "main.cpp", "memory.o", f"-I{prefix}/include",
            prefix / "lib/libattnc_rt.a", "-pthread", "-o", "cplusplus", cwd=folder)
    command(folder / "cplusplus")


def check_shared_library(prefix, folder):
    """attnc finds the installed runtime when it links a library; attnc-run loads that without a compiler around."""
    shutil.copytree(EXAMPLE, folder)
    command(prefix / "bin/attnc", "memory.json", "-o", "memory.so", cwd=folder)
    described = command(prefix / "bin/attnc-run", "memory.so", "--info", cwd=folder)
    assert "question" in described and "answer" in described, described
    command(prefix / "bin/attnc-run", "memory.so", "--random-inputs", "1", cwd=folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--sanitize", default="", help="the build's SANITIZE")
    parser.add_argument("--results", help="JUnit file to write")
    args = parser.parse_args()
    suite = Suite("package")
    if args.sanitize:
        SANITIZE.append(f"-fsanitize={args.sanitize}")
    ninja = next((line.split("=", 1)[1] for line in (args.build / "CMakeCache.txt").read_text().splitlines()
                  if line.startswith("CMAKE_MAKE_PROGRAM:")), "ninja")
    generator = ("-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        prefix = folder / "prefix"
        # Installed in one place and used in another.
        suite.run("install", command, args.cmake, "--install", args.build, "--prefix", folder / "staged")
        (folder / "staged").rename(prefix)
        suite.run("files", check_files, prefix)
        suite.run("tools", check_tools, prefix)
        suite.run("relocatable", check_relocatable, prefix, args.build)
        suite.run("find_package", check_cmake, prefix, folder / "cmake", args.cmake, generator)
        suite.run("find_package with C and C++", check_cmake_mixed, prefix, folder / "mixed", args.cmake, generator)
        suite.run("find_package with C++ alone", check_cmake_cplusplus, prefix, folder / "plus", args.cmake, generator)
        suite.run("attnc_add_model with external weights", check_cmake_external_weights, prefix, folder / "weights", args.cmake, generator)
        suite.run("attnc_add_model refuses a missing model", check_cmake_refuses, prefix, folder / "refused", args.cmake, generator)
        suite.run("plain commands in C99", check_plain_commands, prefix, folder / "plain")
        suite.run("external weights", check_external_weights, prefix, folder / "external")
        suite.run("shared library", check_shared_library, prefix, folder / "shared")
        suite.run("C++", check_cplusplus, prefix, folder / "cplusplus")
    return suite.write(args.results)


if __name__ == "__main__":
    sys.exit(main())
