// RUN: sed "s/min_batch = 1 /min_batch = 20 /" %S/Inputs/encoder.mlir | attnc-opt --attnc-pipeline=cpu=x86-64-v4 | FileCheck %s
// RUN: not attnc-opt --attnc-pipeline=cpu=nehalem %S/Inputs/encoder.mlir 2>&1 | FileCheck %s --check-prefix=NO-AVX2
// RUN: not attnc-opt --attnc-pipeline=cpu=z80 %S/Inputs/encoder.mlir 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not attnc-opt --attnc-pipeline="arch=aarch64 cpu=host" %S/Inputs/encoder.mlir 2>&1 | FileCheck %s --check-prefix=HOST
// RUN: not attnc-opt --attnc-pipeline=precision=fp8 %S/Inputs/encoder.mlir 2>&1 | FileCheck %s --check-prefix=PRECISION
// PRECISION: unknown precision 'fp8'; there are f32, bf16 and int8
// RUN: not attnc-opt --attnc-pipeline=arch=riscv64 %S/Inputs/encoder.mlir 2>&1 | FileCheck %s --check-prefix=ARCH

// Two encoder layers are ten calls of five kernels, and nothing else is left. A batch has rows enough for the norms to be in the matmuls.
// CHECK-LABEL: func.func @main
// CHECK-NOT: attn.weight
// CHECK-NOT: attn.slice
// CHECK: call @matmul_0({{.*}}attn.label = "encoder.layers.0.self_attn"
// CHECK-NEXT: call @attention_0(
// CHECK-NEXT: call @matmul_1({{.*}}attn.label = "encoder.layers.0.self_attn.out_proj"
// CHECK-NEXT: call @matmul_2({{.*}}attn.label = "encoder.layers.0.linear1"
// CHECK-NEXT: call @matmul_3({{.*}}attn.label = "encoder.layers.0.linear2"
// CHECK-NEXT: call @matmul_0({{.*}}attn.label = "encoder.layers.1.self_attn"
// CHECK-NEXT: call @attention_0(
// CHECK-NEXT: call @matmul_1(
// CHECK-NEXT: call @matmul_2(
// CHECK-NEXT: call @matmul_3({{.*}}attn.outputs = array<i64: 0>
// CHECK-NEXT: return
// CHECK-COUNT-5: func.func private
// CHECK-NOT: func.func

// NO-AVX2: CPU 'nehalem' lacks AVX2 or FMA, which compiled models need; accepted are host, x86-64-v3, x86-64-v4 or a CPU name of LLVM
// UNKNOWN: unknown CPU 'z80'; accepted are host, x86-64-v3, x86-64-v4 or a CPU name of LLVM
// HOST: CPU 'host' is x86_64, but the target is aarch64
// ARCH: unknown architecture 'riscv64'; accepted are x86_64 and aarch64
