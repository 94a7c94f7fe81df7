// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/ModelDesc.h"

#include "frontend/Spellings.h"

namespace attnc {

namespace {
template <typename Enum> const char *lookUp(Enum value) {
  for (const Spelling<Enum> &entry : Spellings<Enum>::table)
    if (entry.value == value)
      return entry.text;
  return "none";
}

/// The index that `*` stands for in `pattern`, where `name` matches it; empty for a match without a `*`.
std::optional<std::string> matchPattern(const std::string &pattern, const std::string &name) {
  size_t star = pattern.find('*');
  if (star == std::string::npos)
    return pattern == name ? std::optional<std::string>("") : std::nullopt;
  size_t tail = pattern.size() - star - 1;
  if (name.size() <= star + tail || name.compare(0, star, pattern, 0, star) != 0 ||
      name.compare(name.size() - tail, tail, pattern, star + 1, tail) != 0)
    return std::nullopt;
  std::string index = name.substr(star, name.size() - star - tail);
  bool digits = index.find_first_not_of("0123456789") == std::string::npos;
  return digits ? std::optional<std::string>(index) : std::nullopt;
}
} // namespace

const char *spelling(DType value) { return lookUp(value); }
const char *spelling(ActivationKind value) { return lookUp(value); }
const char *spelling(PoolingMode value) { return lookUp(value); }
const char *spelling(PositionKind value) { return lookUp(value); }
const char *spelling(MaskConvention value) { return lookUp(value); }
const char *spelling(CausalAlignment value) { return lookUp(value); }
const char *spelling(FullyMaskedRows value) { return lookUp(value); }
const char *spelling(Normalizer value) { return lookUp(value); }
const char *spelling(PaddedRows value) { return lookUp(value); }
const char *spelling(MatmulPrecision value) { return lookUp(value); }

std::string ModuleDesc::parameterName(const std::string &local) const {
  for (const auto &[from, to] : parameters)
    if (std::optional<std::string> index = matchPattern(*from, local)) {
      std::string renamed = *to;
      size_t star = renamed.find('*');
      return *prefix + (star == std::string::npos ? renamed : renamed.replace(star, 1, *index));
    }
  return *prefix + local;
}

bool ModuleDesc::renames(const std::string &local) const {
  for (const auto &[from, to] : parameters)
    if (matchPattern(*from, local))
      return true;
  return false;
}

} // namespace attnc
