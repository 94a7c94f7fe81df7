// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Semantic search with a compiled sentence encoder: every sentence becomes a vector of length 1 whose direction is its
// meaning; the nearest sentences to a query are those with the largest dot product.
//
//   search sentences.txt sentences.ids queries.txt queries.ids [threads]
//
// A .ids file has the token ids of one line of its .txt file per line (text_to_ids.py makes it). minilm.h and minilm.o
// are what attnc made of the model; nothing else of attnc is linked but the runtime.
#include "minilm.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

[[noreturn]] void fail(const std::string &message) {
  std::fprintf(stderr, "search: %s\n", message.c_str());
  std::exit(1);
}

std::vector<std::string> readLines(const char *path) {
  std::ifstream file(path);
  if (!file)
    fail(std::string("cannot read ") + path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);)
    lines.push_back(line);
  return lines;
}

std::vector<std::vector<int32_t>> readIds(const char *path) {
  std::vector<std::vector<int32_t>> rows;
  for (const std::string &line : readLines(path)) {
    std::istringstream numbers(line);
    std::vector<int32_t> row;
    for (int32_t id; numbers >> id;)
      row.push_back(id);
    rows.push_back(row);
  }
  return rows;
}

/// The model, ready to run: one instance, one workspace, one pool of threads.
class Encoder {
public:
  explicit Encoder(int32_t threads) {
    attnc_error error;
    // The weights are inside the object, so there are none to hand over.
    if (minilm_init(&instance, nullptr, &error) != ATTNC_OK)
      fail(error.message);
    pool = attnc_pool_create(threads, &error);
    if (!pool)
      fail(error.message);
    executor = attnc_pool_executor(pool);
    workspaceSize = minilm_workspace_size(maxBatch(), executor.threads);
    workspace =
        std::aligned_alloc(ATTNC_ALIGNMENT, (workspaceSize + ATTNC_ALIGNMENT - 1) / ATTNC_ALIGNMENT * ATTNC_ALIGNMENT);
    if (!workspace)
      fail("out of memory");
  }
  ~Encoder() {
    std::free(workspace);
    attnc_pool_destroy(pool);
  }
  Encoder(const Encoder &) = delete;
  Encoder &operator=(const Encoder &) = delete;

  int64_t seq() const { return minilm_attnc_model.inputs[0].shape[1]; }
  int64_t width() const { return minilm_attnc_model.outputs[0].shape[1]; }
  int64_t maxBatch() const { return minilm_attnc_model.max_batch; }
  int32_t threads() const { return executor.threads; }

  /// One vector per row of ids; rows that are too long lose their end, but keep their last token, the separator.
  std::vector<float> embed(const std::vector<std::vector<int32_t>> &rows) {
    std::vector<float> vectors(rows.size() * width());
    for (size_t first = 0; first < rows.size(); first += maxBatch())
      embedBatch(rows, first, std::min<size_t>(maxBatch(), rows.size() - first), &vectors[first * width()]);
    return vectors;
  }

private:
  void embedBatch(const std::vector<std::vector<int32_t>> &rows, size_t first, size_t count, float *vectors) {
    std::vector<int32_t> ids(count * seq(), 0), valid(count * seq(), 0);
    for (size_t i = 0; i < count; ++i) {
      const std::vector<int32_t> &row = rows[first + i];
      size_t length = std::min<size_t>(row.size(), seq());
      std::copy_n(row.begin(), length, &ids[i * seq()]);
      if (length < row.size())
        ids[i * seq() + length - 1] = row.back();
      std::fill_n(&valid[i * seq()], length, 1);
    }
    struct minilm_args args = {};
    args.input_ids = ids.data();
    args.attention_mask = valid.data();
    args.sentence_embedding = vectors;
    args.batch = static_cast<int64_t>(count);
    attnc_error error;
    if (minilm_run(&instance, &args, workspace, workspaceSize, &executor, &error) != ATTNC_OK)
      fail(error.message);
  }

  attnc_instance instance;
  attnc_pool *pool;
  attnc_executor executor;
  void *workspace;
  size_t workspaceSize;
};

float dot(const float *a, const float *b, size_t n) { return std::inner_product(a, a + n, b, 0.0f); }

/// Additions and multiplications of all-MiniLM-L6-v2's six layers for one padded sentence: four projections and the two
/// matrices of the feed-forward network, scores and their product with the values.
double operationsPerSentence(double seq) {
  const double layers = 6, embed = 384, feedforward = 1536;
  return layers * (2 * seq * (4 * embed * embed + 2 * embed * feedforward) + 4 * seq * seq * embed);
}

void answer(Encoder &encoder, const std::string &query, const std::vector<int32_t> &ids,
            const std::vector<std::string> &sentences, const std::vector<float> &vectors) {
  auto start = Clock::now();
  std::vector<float> wanted = encoder.embed({ids});
  std::vector<std::pair<float, size_t>> scores;
  for (size_t i = 0; i < sentences.size(); ++i)
    scores.push_back({dot(wanted.data(), &vectors[i * encoder.width()], encoder.width()), i});
  size_t shown = std::min<size_t>(3, scores.size());
  std::partial_sort(scores.begin(), scores.begin() + shown, scores.end(), std::greater<>());
  double seconds = secondsSince(start);
  std::printf("\n%s   (%.1f ms)\n", query.c_str(), seconds * 1e3);
  for (size_t i = 0; i < shown; ++i)
    std::printf("  %.3f  %s\n", scores[i].first, sentences[scores[i].second].c_str());
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 5)
    fail("usage: search sentences.txt sentences.ids queries.txt queries.ids [threads]");
  std::vector<std::string> sentences = readLines(argv[1]), queries = readLines(argv[3]);
  std::vector<std::vector<int32_t>> sentenceIds = readIds(argv[2]), queryIds = readIds(argv[4]);
  if (sentences.size() != sentenceIds.size() || queries.size() != queryIds.size())
    fail("a .txt file and its .ids file differ in length");

  Encoder encoder(argc > 5 ? std::atoi(argv[5]) : 0);
  encoder.embed({sentenceIds.front()}); // the weights' pages come in with the first run
  auto start = Clock::now();
  std::vector<float> vectors = encoder.embed(sentenceIds);
  double seconds = secondsSince(start);
  std::printf("%zu sentences, padded to %d tokens, in %.2f s on %d threads: %.0f sentences/s, %.0f GFLOP/s\n",
              sentences.size(), static_cast<int>(encoder.seq()), seconds, encoder.threads(), sentences.size() / seconds,
              operationsPerSentence(encoder.seq()) * sentences.size() / seconds * 1e-9);
  for (size_t i = 0; i < queries.size(); ++i)
    answer(encoder, queries[i], queryIds[i], sentences, vectors);
}
