// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/AppendKernel.h"

#include "codegen/OpAlgorithms.h"

using namespace Halide;

namespace attnc {

Algorithm buildAppendAlgorithm(mlir::func::FuncOp kernel) {
  Algorithm algorithm;
  algorithm.name = kernel.getSymName().str();
  OpTranslator translator(kernel, algorithm);
  attn::AppendOp append;
  for (mlir::Operation &op : kernel.front().without_terminator()) {
    append = mlir::dyn_cast<attn::AppendOp>(op);
    if (append)
      break;
    _halide_user_assert(translator.translate(op))
        << "attnc: no kernel for '" << op.getName().getStringRef().str() << "'";
  }
  const Tensor cache = translator.get(append.getCache()), position = translator.get(append.getPosition());
  const int capacity = staticExtent(cache.extents[2]), width = staticExtent(cache.extents[3]);
  const int slots = staticExtent(cache.extents[1]), size = static_cast<int>(append.getSize());
  algorithm.columns = width;
  Var d("d"), c("c"), s("s"), b("b");
  Func &out = algorithm.output = Func("out");
  out(d, c, s, b) = undef<float>();
  int slot = static_cast<int>(append.getStart());
  for (mlir::Value operand : append.getRows()) {
    const Tensor rows = translator.get(operand);
    const int heads = staticExtent(rows.extents[1]);
    const RDom r({{0, width}, {0, size}, {0, heads}, {0, cache.extents[0]}}, "r");
    // attnc_run() checks a position that is an input of the model. Nothing is stored outside the cache in any case.
    const Expr first = clamp(position.at({{r.w}, {}}), 0, capacity - size);
    out(r.x, first + r.y, slot + r.z, r.w) = rows.at({{r.w, r.z, r.y, r.x}, {}});
    slot += heads;
  }
  auto buffer = out.output_buffer();
  buffer.dim(0).set_bounds(0, width).set_stride(1);
  buffer.dim(1).set_bounds(0, capacity).set_stride(width);
  buffer.dim(2).set_bounds(0, slots).set_stride(capacity * width);
  buffer.dim(3).set_bounds(0, cache.extents[0]).set_stride(slots * capacity * width);
  out.bound(d, 0, width).bound(c, 0, capacity).bound(s, 0, slots).bound(b, 0, cache.extents[0]);
  return algorithm;
}

void scheduleAppend(Algorithm &algorithm, int lanes) {
  Func &out = algorithm.output;
  for (int i = 0; i < out.num_update_definitions(); ++i) {
    const RVar element = out.rvars(i)[0];
    // No two points of the update store the same element.
    Stage update = out.update(i);
    if (algorithm.columns % lanes == 0)
      update.allow_race_conditions().vectorize(element, lanes);
  }
}

} // namespace attnc
