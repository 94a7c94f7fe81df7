// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/RelativeBias.h"

#include <cmath>

using namespace mlir;

namespace attnc {

int64_t relativeBucket(const RelativeBiasDesc &bias, int64_t distance) {
  int64_t buckets = *bias.numBuckets, first = 0;
  if (*bias.bidirectional) {
    buckets /= 2;
    first = distance > 0 ? buckets : 0;
    distance = std::abs(distance);
  } else {
    distance = std::max<int64_t>(-distance, 0);
  }
  const int64_t exact = buckets / 2;
  if (distance < exact)
    return first + distance;
  const auto range = (float)std::log((double)*bias.maxDistance / (double)exact);
  const float place = std::log((float)distance / (float)exact) / range * (float)(buckets - exact);
  // A short range makes the place of a long distance large.
  return first + (place < (float)(buckets - exact) ? exact + (int64_t)place : buckets - 1);
}

Value importRelativeBias(ImportBuilder &builder, const RelativeBiasDesc &bias, int64_t heads, int64_t queries,
                         int64_t keys) {
  const int64_t distances = queries + keys - 1;
  const std::optional<int64_t> elements = checkedProduct({heads, distances}, maxTableElements - builder.tableElements);
  if (!elements)
    return builder.failAt(bias.parameter.loc,
                          "biases of distances of more than " + std::to_string(maxTableElements) + " elements");
  builder.tableElements += *elements;
  Value table = builder.parameter(*bias.parameter, {*bias.numBuckets, heads});
  if (!table)
    return {};
  SmallVector<Value> runs; // Of distances in one bucket.
  for (int64_t begin = 0, end = 0; begin < distances; begin = end) {
    const int64_t bucket = relativeBucket(bias, begin - (queries - 1));
    while (end < distances && relativeBucket(bias, end - (queries - 1)) == bucket)
      ++end;
    Value row = builder.slice(table, 0, bucket, 1);
    runs.push_back(end - begin == 1 ? row : builder.broadcast(row, {end - begin, heads}));
  }
  Value byDistance = runs.size() == 1 ? runs.front() : builder.concat(runs, 0);
  // Of rank 3, so that pieces of a row can be weights.
  return builder.transpose(builder.reshape(byDistance, {distances, 1, heads}), {2, 1, 0});
}

} // namespace attnc
