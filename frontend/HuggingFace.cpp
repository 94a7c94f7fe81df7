// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/HuggingFace.h"

#include "frontend/ConfigReader.h"
#include "frontend/Dims.h"
#include "frontend/HuggingFaceModel.h"
#include "frontend/Identifiers.h"
#include "frontend/ParseModel.h"
#include "frontend/WeightStore.h"

#include <algorithm>
#include <climits>
#include <cstdlib>

namespace attnc {
namespace {

/// The most rows of a batch unless `--dim batch=` says otherwise.
constexpr int64_t defaultMaxBatch = 32;

/// The weights file in the encoder's directory: safetensors, whole or in shards. Reports what there is instead.
std::optional<std::string> findWeights(const std::string &directory, const SourceLoc &loc, Diagnostics &diagnostics) {
  for (const char *name : {"model.safetensors", "model.safetensors.index.json"})
    if (fileExists(joinPath(directory, name)))
      return name;
  for (const char *name : {"pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"})
    if (fileExists(joinPath(directory, name))) {
      diagnostics.error({loc.file, 0, 0, ""},
                        "there is no model.safetensors beside it; " + std::string(name) + " is not read",
                        "convert it: AutoModel.from_pretrained(directory).save_pretrained(directory)");
      return std::nullopt;
    }
  diagnostics.error({loc.file, 0, 0, ""}, "there is no model.safetensors beside it");
  return std::nullopt;
}

/// Reads the head's size off its last layer.
bool findClassifier(const EncoderConfig &config, const WeightStore &store, CheckpointNames &names,
                    Diagnostics &diagnostics) {
  bool inside = config.family == EncoderFamily::Roberta && config.head == EncoderHead::SequenceClassification;
  names.classifier = inside ? "classifier.out_proj" : "classifier";
  const TensorEntry *weight = store.describe(names.classifier + ".weight");
  if (weight && weight->shape.size() == 2 && weight->shape[0] >= 1 && weight->shape[0] <= maxElements) {
    names.labels = weight->shape[0];
    return true;
  }
  diagnostics.error({}, names.file + ": the classification head needs a tensor " +
                            inQuotes(names.classifier + ".weight") + " of shape [labels, " +
                            std::to_string(*config.hiddenSize) + "]");
  return false;
}

std::optional<CheckpointNames> findNames(const std::string &directory, const EncoderConfig &config,
                                         Diagnostics &diagnostics) {
  std::optional<std::string> file = findWeights(directory, config.loc, diagnostics);
  if (!file)
    return std::nullopt;
  std::unique_ptr<WeightStore> store = WeightStore::open(joinPath(directory, *file), {}, diagnostics);
  if (!store)
    return std::nullopt;
  CheckpointNames names;
  names.file = *file;
  static const char *const prefixes[] = {"bert.", "distilbert.", "roberta."};
  std::string prefix = prefixes[static_cast<size_t>(config.family)];
  if (store->describe(prefix + "embeddings.word_embeddings.weight"))
    names.prefix = prefix;
  bool gamma = store->describe(names.prefix + "embeddings.LayerNorm.gamma");
  names.normWeight = gamma ? "gamma" : "weight";
  names.normBias = gamma ? "beta" : "bias";
  names.pooler = config.family != EncoderFamily::DistilBert && store->describe(names.prefix + "pooler.dense.weight");
  if (config.head != EncoderHead::None && !findClassifier(config, *store, names, diagnostics))
    return std::nullopt;
  return names;
}

/// The name of the directory itself, even where it is given as `.` or through a link.
std::string resolvedName(const std::string &directory) {
  char resolved[PATH_MAX];
  return ::realpath(directory.empty() ? "." : directory.c_str(), resolved) ? resolved : directory;
}

/// The model's dimensions, batch and seq, after `--dim`; none after an error.
std::optional<std::vector<DimDesc>> resolveDims(const DimOverrides &overrides, const EncoderConfig &config,
                                                const SentenceConfig &sentence, Diagnostics &diagnostics) {
  int64_t positions = *config.maxPositions - config.firstPosition();
  int64_t seq = sentence.maxSeqLength ? std::min(positions, **sentence.maxSeqLength) : positions;
  std::vector<DimDesc> dims = {{{"batch"}, {defaultMaxBatch}, true}, {{"seq"}, {seq}, false}};
  size_t errorsBefore = diagnostics.errorCount();
  applyOverrides(dims, overrides, diagnostics);
  if (*dims[1].extent > positions)
    diagnostics.error(config.maxPositions.loc, "seq is " + std::to_string(*dims[1].extent) +
                                                   ", but the model has only " + std::to_string(positions) +
                                                   " positions");
  if (diagnostics.errorCount() != errorsBefore)
    return std::nullopt;
  return dims;
}

/// The largest values of the forward pass are below the limit on elements.
bool checkActivations(const std::vector<DimDesc> &dims, const EncoderConfig &config, Diagnostics &diagnostics) {
  int64_t batch = *dims[0].extent, seq = *dims[1].extent;
  bool fits = checkElementCount({batch, seq, *config.hiddenSize}, "the hidden state", config.loc, diagnostics);
  fits &= checkElementCount({batch, seq, *config.intermediateSize}, "the feed-forward layer", config.loc, diagnostics);
  return fits &
         checkElementCount({batch, *config.numHeads, seq, seq}, "the scores of an attention", config.loc, diagnostics);
}

} // namespace

bool isHuggingFaceDirectory(const std::string &path) {
  return !path.empty() && fileExists(joinPath(path, ".")) &&
         (fileExists(joinPath(path, "config.json")) || fileExists(joinPath(path, "modules.json")));
}

std::optional<ModelDesc> importHuggingFace(const std::string &directory, const DimOverrides &overrides,
                                           Diagnostics &diagnostics, const HuggingFaceOptions &options) {
  std::optional<SentenceConfig> sentence = readSentenceConfig(directory, diagnostics);
  if (!sentence)
    return std::nullopt;
  std::string encoderDirectory = joinPath(directory, sentence->encoderPath);
  std::optional<EncoderConfig> config = readEncoderConfig(encoderDirectory, diagnostics);
  if (!config)
    return std::nullopt;
  if (options.tokenTypeIds && *config->typeVocabSize == 0) {
    diagnostics.error(config->loc, "the model has no token types, so token_type_ids cannot be an input");
    return std::nullopt;
  }
  std::optional<std::vector<DimDesc>> dims = resolveDims(overrides, *config, *sentence, diagnostics);
  if (!dims || !checkActivations(*dims, *config, diagnostics))
    return std::nullopt;
  std::optional<CheckpointNames> names = findNames(encoderDirectory, *config, diagnostics);
  if (!names)
    return std::nullopt;

  ModelDesc model = buildModel(*config, *sentence, *names, *dims, options.tokenTypeIds);
  model.name = modelNameFor(resolvedName(directory));
  model.directory = encoderDirectory;
  model.weights = WeightsDesc{names->file, {}};
  return model;
}

} // namespace attnc
