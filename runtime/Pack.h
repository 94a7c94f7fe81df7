// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing of weights into the image that kernels read. The compiler (embedded weights) and attnc_init() (weights handed
// over by the caller) both call it, so both make the same bytes.
#pragma once

#include "runtime/Api.h"

namespace attnc::rt {

/// Carries out `count` steps. weightData[i] is the data of weight i (dense f32, any alignment; not read where no step
/// names it), `constants` the source of steps with weight == -1 and of balances. `image` is zero beforehand: bytes
/// that no step writes stay as they are. Steps lie within their sources and the image; the compiler that made them has
/// checked that.
void packWeights(const attnc_pack_step *steps, int32_t count, const void *const *weightData, const void *constants,
                 uint8_t *image);

/// Bytes of one panel of a PANEL step.
uint64_t panelBytes(const attnc_pack_step &step);

} // namespace attnc::rt
