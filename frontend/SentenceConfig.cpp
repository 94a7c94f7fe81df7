// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What sentence-transformers adds to an encoder: modules.json lists the steps, each with a directory of its own.
// Supported is Transformer, then Pooling, then, possibly, Normalize.
#include "frontend/ConfigReader.h"
#include "frontend/Dims.h"
#include "frontend/HuggingFaceConfig.h"

namespace attnc {
namespace {

/// The last component of a Python name: `Pooling` of `sentence_transformers.models.Pooling`.
std::string lastComponent(const std::string &name) { return name.substr(name.rfind('.') + 1); }

/// Whether a path from a file stays below the directory of that file.
bool staysInside(const std::string &path) {
  return path.empty() || (path.front() != '/' && ("/" + path + "/").find("/../") == std::string::npos);
}

struct PoolingRow {
  const char *mode; ///< As in "pooling_mode": "mean".
  const char *flag; ///< As in "pooling_mode_mean_tokens": true.
  PoolingMode pooling;
  bool supported;
};

constexpr PoolingRow poolings[] = {
    {"cls", "pooling_mode_cls_token", PoolingMode::Cls, true},
    {"mean", "pooling_mode_mean_tokens", PoolingMode::Mean, true},
    {"max", "pooling_mode_max_tokens", PoolingMode::Max, true},
    {"mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", PoolingMode::Mean, false},
    {"weightedmean", "pooling_mode_weightedmean_tokens", PoolingMode::Mean, false},
    {"lasttoken", "pooling_mode_lasttoken", PoolingMode::Mean, false},
};

/// The one pooling mode that a Pooling module's config.json asks for.
std::optional<Located<PoolingMode>> readPooling(const std::string &path, Diagnostics &diagnostics) {
  std::unique_ptr<JsonDocument> document = parseObjectFile(path, diagnostics);
  if (!document)
    return std::nullopt;
  size_t errorsBefore = diagnostics.errorCount();
  ConfigReader reader(document->root(), diagnostics);
  const JsonValue *mode = reader.find("pooling_mode");
  if (mode && mode->kind == JsonKind::Array && mode->items.size() == 1)
    mode = mode->items.front();
  const PoolingRow *chosen = nullptr;
  SourceLoc loc = mode ? mode->loc() : document->root().loc();
  size_t count = 0;
  for (const PoolingRow &row : poolings)
    if (mode ? mode->kind == JsonKind::String && mode->text == row.mode : reader.boolean(row.flag, false)) {
      chosen = &row;
      ++count;
      loc = mode ? loc : reader.find(row.flag)->loc();
    }
  if (!reader.boolean("include_prompt", true))
    diagnostics.error(reader.find("include_prompt")->loc(), "include_prompt false is not supported",
                      "prompts are part of what is pooled");
  if (count == 0 && !mode)
    chosen = &poolings[1]; // sentence-transformers' default: mean.
  if (!chosen || !chosen->supported || count > 1)
    diagnostics.error(
        loc, count > 1 ? "several pooling modes at once are not supported" : "this pooling mode is not supported",
        "supported: one of cls, mean, max");
  if (diagnostics.errorCount() != errorsBefore)
    return std::nullopt;
  return Located<PoolingMode>(chosen->pooling, loc);
}

/// One step of modules.json.
struct Step {
  SourceLoc loc;
  std::string type, path;
};

std::vector<Step> readSteps(const JsonValue &root, Diagnostics &diagnostics) {
  std::vector<Step> steps;
  if (root.kind != JsonKind::Array || root.items.empty()) {
    diagnostics.error(root.loc(), "expected an array of modules, found " + root.describe());
    return {};
  }
  for (const JsonValue *item : root.items) {
    if (item->kind != JsonKind::Object) {
      diagnostics.error(item->loc(), "expected an object with type and path, found " + item->describe());
      return {};
    }
    ConfigReader reader(*item, diagnostics);
    Located<std::string> type = reader.string("type", ""), path = reader.string("path", "");
    if (!staysInside(*path))
      diagnostics.error(path.loc, "path " + inQuotes(*path) + " leads out of the model's directory");
    steps.push_back({type.loc, lastComponent(*type), *path});
  }
  return steps;
}

/// Checks the order of the steps and takes what they say.
void applySteps(const std::vector<Step> &steps, const std::string &directory, SentenceConfig &config,
                Diagnostics &diagnostics) {
  static const char *const order[] = {"Transformer", "Pooling", "Normalize"};
  for (size_t i = 0; i < steps.size(); ++i)
    if (i >= std::size(order) || steps[i].type != order[i]) {
      diagnostics.error(steps[i].loc, "module " + inQuotes(steps[i].type) + " is not supported here",
                        "supported: Transformer, then Pooling, then Normalize");
      return;
    }
  config.encoderPath = steps.front().path;
  if (steps.size() > 1)
    config.pooling = readPooling(joinPath(joinPath(directory, steps[1].path), "config.json"), diagnostics);
  config.normalize = steps.size() > 2;
}

/// The length limit of the tokenizer, which stands beside config.json under one of several names.
void readMaxSeqLength(const std::string &directory, SentenceConfig &config, Diagnostics &diagnostics) {
  for (const char *name :
       {"sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json",
        "sentence_camembert_config.json", "sentence_xlm-roberta_config.json"}) {
    std::string path = joinPath(directory, name);
    if (!fileExists(path))
      continue;
    std::unique_ptr<JsonDocument> document = parseObjectFile(path, diagnostics);
    if (!document)
      return;
    ConfigReader reader(document->root(), diagnostics);
    Located<int64_t> length = reader.integer("max_seq_length", 0, 1, maxElements);
    if (length.given)
      config.maxSeqLength = length;
    return;
  }
}

} // namespace

std::optional<SentenceConfig> readSentenceConfig(const std::string &directory, Diagnostics &diagnostics) {
  size_t errorsBefore = diagnostics.errorCount();
  SentenceConfig config;
  std::string modules = joinPath(directory, "modules.json"), pooling = joinPath(directory, "1_Pooling/config.json");
  if (fileExists(modules)) {
    std::unique_ptr<JsonDocument> document = parseJsonFile(modules, diagnostics);
    if (!document)
      return std::nullopt;
    std::vector<Step> steps = readSteps(document->root(), diagnostics);
    if (diagnostics.errorCount() == errorsBefore)
      applySteps(steps, directory, config, diagnostics);
  } else if (fileExists(pooling)) {
    config.pooling = readPooling(pooling, diagnostics);
  }
  readMaxSeqLength(joinPath(directory, config.encoderPath), config, diagnostics);
  if (diagnostics.errorCount() != errorsBefore)
    return std::nullopt;
  return config;
}

} // namespace attnc
