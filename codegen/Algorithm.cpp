// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Algorithm.h"

#include "codegen/DotAlgorithm.h"
#include "codegen/OpAlgorithms.h"

using namespace Halide;

namespace attnc {

namespace {

/// The matmul whose weight is packed in panels, if the kernel has one.
attn::MatmulOp packedMatmul(mlir::func::FuncOp kernel) {
  for (attn::MatmulOp op : kernel.getOps<attn::MatmulOp>())
    if (mlir::isa_and_present<attn::PanelsAttr>(
            mlir::cast<mlir::RankedTensorType>(op.getRhs().getType()).getEncoding()))
      return op;
  return {};
}

/// acc(n, m) in f32 over the flattened rows. Rows past the last one repeat it, so that every register tile is whole:
/// all rows go through the same instructions, whatever tile they are in.
void translatePackedMatmul(attn::MatmulOp op, OpTranslator &translator, Algorithm &algorithm) {
  const Tensor lhs = translator.get(op.getLhs()), rhs = translator.get(op.getRhs());
  const auto &[n, m] = std::tie(algorithm.vars.n, algorithm.vars.m);
  MatmulStages &stages = algorithm.matmul;
  stages.depth = staticExtent(lhs.extents.back());
  RDom k(0, stages.depth, "k");
  stages.k = k;
  Func accumulator("accumulator");
  const Expr row = min(m, rowCount(lhs) - 1);
  accumulator(n, m) = 0.f;
  accumulator(n, m) += lhs.at(indexOfRow(lhs, row, k)) * rhs.at({{n, k}, {}});
  stages.accumulator = accumulator;
  stages.weight = argumentName(mlir::cast<mlir::BlockArgument>(op.getRhs()));
  stages.panel = static_cast<int>(mlir::cast<attn::PanelsAttr>(op.getRhs().getType().getEncoding()).getWidth());
  stages.panelSize = stages.depth * stages.panel;
  Tensor product{translator.extentsOf(op.getType()), Float(32), nullptr};
  const Tensor shape = product;
  product.at = [=](const Index &index) -> Expr { return accumulator(index.dims.back(), rowOf(shape, index)); };
  translator.set(op.getResult(), product);
}

} // namespace

Algorithm buildRowAlgorithm(mlir::func::FuncOp kernel, DotKind dot) {
  Algorithm algorithm;
  algorithm.name = kernel.getSymName().str();
  algorithm.matmul.dot = dot;
  OpTranslator translator(kernel, algorithm);
  attn::MatmulOp anchor = packedMatmul(kernel);
  for (mlir::Operation &op : kernel.front().without_terminator()) {
    if (&op == anchor.getOperation() && dot == DotKind::F32)
      translatePackedMatmul(anchor, translator, algorithm);
    else if (&op == anchor.getOperation())
      translateDot(anchor, translator, algorithm);
    else
      _halide_user_assert(translator.translate(op))
          << "attnc: no kernel for '" << op.getName().getStringRef().str() << "'";
  }
  mlir::Value returned = kernel.front().getTerminator()->getOperand(0);
  const Tensor result = translator.get(returned);
  const auto &[n, m] = std::tie(algorithm.vars.n, algorithm.vars.m);
  algorithm.output = Func("out");
  algorithm.rows = rowCount(result);
  const bool isScalar = result.rank() == 0;
  algorithm.columns = isScalar ? 1 : staticExtent(result.extents.back());
  Expr element = result.at(indexOfRow(result, m, n));
  algorithm.output(n, m) = element.type().is_bool() ? cast<uint8_t>(element) : element;
  algorithm.output.output_buffer().dim(0).set_bounds(0, algorithm.columns).set_stride(1);
  algorithm.output.output_buffer().dim(1).set_bounds(0, algorithm.rows).set_stride(algorithm.columns);
  algorithm.output.bound(n, 0, algorithm.columns).bound(m, 0, algorithm.rows);
  if (algorithm.matmul.columns.defined())
    algorithm.arguments.push_back(algorithm.matmul.columns);
  // A norm in the epilogue reads the rows through the first stage that it materialised.
  if (anchor && !algorithm.rowStages.empty()) {
    algorithm.matmul.rows = algorithm.rowStages.front().func;
    algorithm.rowStages.erase(algorithm.rowStages.begin());
  }
  return algorithm;
}

} // namespace attnc
