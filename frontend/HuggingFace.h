// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model directory as Hugging Face and sentence-transformers write it, as a ModelDesc. Supported are the encoders of
// the BERT family: model_type bert, distilbert, roberta, xlm-roberta and camembert, which covers MiniLM and most
// sentence embedders.
//
// Inputs (i32, [batch, seq]): input_ids; attention_mask, 1 = the token takes part, 0 = padding; and, on request,
// token_type_ids. Without that request every token is of type 0, as when the argument is left out in PyTorch.
//
// Outputs: of a sentence-transformers directory (modules.json or 1_Pooling) sentence_embedding [batch, hidden]; of a
// ...ForSequenceClassification model logits [batch, labels]; of a ...ForTokenClassification model logits [batch, seq,
// labels]; else last_hidden_state [batch, seq, hidden] and, where the weights have a pooler, pooler_output
// [batch, hidden].
//
// batch is given per call, at most 32; seq is the sentence-transformers max_seq_length, else the number of positions
// that the model has.
//
// RoBERTa numbers positions from padding_idx + 1 and skips padding tokens; here a token's position is
// padding_idx + 1 + its index. Both agree on every token as long as padding is at the end.
#pragma once

#include "frontend/ModelDesc.h"

namespace attnc {

struct HuggingFaceOptions {
  bool tokenTypeIds = false; ///< token_type_ids is an input.
};

/// Whether `path` is a directory with a config.json or a modules.json.
bool isHuggingFaceDirectory(const std::string &path);

/// Reads a model directory. Locations point into config.json and its neighbours. Returns none after any error.
std::optional<ModelDesc> importHuggingFace(const std::string &directory, const DimOverrides &dims,
                                           Diagnostics &diagnostics, const HuggingFaceOptions &options = {});

} // namespace attnc
