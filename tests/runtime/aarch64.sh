#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Cross-compiles the runtime and its C consumer for AArch64 and runs them: aarch64.sh SOURCE_ROOT BUILD_FOLDER
set -eu
root=$1 build=$2 triple=aarch64-linux-gnu
for tool in $triple-gcc $triple-g++ $triple-ar qemu-aarch64; do
  command -v $tool >/dev/null || { echo "skip: $tool is not installed"; exit 77; }
done
rm -rf "$build" && mkdir -p "$build"
for source in "$root"/runtime/*.cpp; do
  $triple-g++ -std=c++17 -O2 -Wall -Wextra -Werror -fno-exceptions -fno-rtti -fno-threadsafe-statics \
    -fvisibility=hidden -I"$root" -I"$root/runtime" -c "$source" -o "$build/$(basename "$source").o"
done
$triple-ar rcs "$build/libattnc_rt.a" "$build"/*.o
$triple-gcc -std=c99 -pedantic -Wall -Wextra -Werror -I"$root/runtime" "$root/tests/runtime/Consumer.c" \
  "$build/libattnc_rt.a" -pthread -static -o "$build/consumer"
qemu-aarch64 "$build/consumer"
