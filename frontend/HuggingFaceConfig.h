// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the JSON files of a Hugging Face model directory say, checked and with the defaults of transformers and
// sentence-transformers filled in. HuggingFace.cpp makes a ModelDesc of it.
#pragma once

#include "frontend/ModelDesc.h"

namespace attnc {

enum class EncoderFamily { Bert, DistilBert, Roberta };

/// What follows the encoder in the weights.
enum class EncoderHead { None, SequenceClassification, TokenClassification };

/// config.json.
struct EncoderConfig {
  SourceLoc loc;
  EncoderFamily family = EncoderFamily::Bert;
  EncoderHead head = EncoderHead::None;
  Located<int64_t> vocabSize, hiddenSize, numLayers, numHeads, intermediateSize, maxPositions, typeVocabSize;
  int64_t padTokenId = 0;
  Located<double> layerNormEps;
  Located<ActivationKind> activation;

  /// The row of the position table that the first token takes.
  int64_t firstPosition() const { return family == EncoderFamily::Roberta ? padTokenId + 1 : 0; }
};

/// modules.json and the files that it names; all defaults where there is none.
struct SentenceConfig {
  std::string encoderPath; ///< Of config.json, relative to the directory; may be empty.
  std::optional<Located<PoolingMode>> pooling;
  bool normalize = false;
  std::optional<Located<int64_t>> maxSeqLength;
};

/// Reads config.json in `directory`.
std::optional<EncoderConfig> readEncoderConfig(const std::string &directory, Diagnostics &diagnostics);

/// Reads the sentence-transformers files in `directory`, if there are any.
std::optional<SentenceConfig> readSentenceConfig(const std::string &directory, Diagnostics &diagnostics);

} // namespace attnc
