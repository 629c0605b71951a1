#!/usr/bin/env bash
# How often functions of libm have other bits than those of glibc on x86-64 with FMA: without FMA, in musl, and on 64-bit ARM.
# Needs gcc, musl-tools, gcc-aarch64-linux-gnu with libc6-dev-arm64-cross, qemu-user, and python3.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
flags=(-O1 -fno-builtin -ffp-contract=off "$here/libraries.c")
gcc "${flags[@]}" -o "$made/glibc" -lm
musl-gcc "${flags[@]}" -static -o "$made/musl" -lm
aarch64-linux-gnu-gcc "${flags[@]}" -static -o "$made/arm" -lm
"$made/glibc" >"$made/glibc.out"
GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA "$made/glibc" >"$made/no-fma.out"
"$made/musl" >"$made/musl.out"
qemu-aarch64 "$made/arm" >"$made/arm.out"
python3 - "$made" <<'END'
import array, pathlib, sys
names = "sin cos tan exp expm1 log log1p tanh sinh atan asin pow tgamma cbrt".split()
read = lambda name: array.array("Q", (pathlib.Path(sys.argv[1]) / f"{name}.out").read_bytes())
glibc = read("glibc")
count = len(glibc) // len(names)
for other in ["no-fma", "musl", "arm"]:
    values = read(other)
    for i, name in enumerate(names):
        differ = sum(a != b for a, b in zip(glibc[i * count : (i + 1) * count], values[i * count : (i + 1) * count]))
        if differ:
            print(f"{other}: {name} {differ / count:.3%}")
END
