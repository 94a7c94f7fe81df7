// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Searches for an input that breaks a reader: model.json and safetensors files, mutated from a corpus. Any input must
// yield a description or a diagnostic, and within a second. A crash, or a sanitizer's report, leaves the input in
// fuzz-failure beside the working directory.
//
//   attnc-fuzz [--seconds N] [--seed N] corpus files...
#include "frontend/ParseModel.h"
#include "frontend/Safetensors.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <sys/mman.h>
#include <unistd.h>

using namespace attnc;

namespace {

std::string current; // what the readers are given at this moment

void saveInput(const char *why) {
  int file = open("fuzz-failure", O_CREAT | O_TRUNC | O_WRONLY, 0644);
  ssize_t written = file < 0 ? -1 : write(file, current.data(), current.size());
  std::fprintf(stderr, "attnc-fuzz: %s; the input of %zu bytes %s in fuzz-failure\n", why, current.size(),
               written < 0 ? "could not be kept" : "is");
}

extern "C" void onSignal(int signal) {
  saveInput("a reader crashed");
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

struct Corpus {
  std::vector<std::string> json, safetensors;
  std::vector<std::string> words; // keys, strings and numbers of the JSON files, to be put where others were
};

/// Splits JSON text into its tokens, white space left out.
std::vector<std::string> tokensOf(const std::string &text) {
  std::vector<std::string> tokens;
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    if (std::isspace(static_cast<unsigned char>(text[i]))) {
      ++i;
      continue;
    }
    if (text[i] == '"') {
      while (end < text.size() && text[end] != '"')
        end += text[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, text.size());
    } else if (!std::strchr("{}[],:", text[i])) {
      while (end < text.size() && !std::strchr("{}[],:\" \n", text[end]))
        ++end;
    }
    tokens.push_back(text.substr(i, end - i));
    i = end;
  }
  return tokens;
}

class Mutator {
public:
  Mutator(uint64_t seed, const Corpus &corpus) : random(seed), corpus(corpus) {}

  size_t below(size_t limit) { return limit ? random() % limit : 0; }
  const std::string &any(const std::vector<std::string> &list) { return list[below(list.size())]; }

  /// Changes bytes: flips, overwrites, deletes, repeats, cuts.
  std::string bytes(std::string text) {
    for (size_t count = 1 + below(4); count && !text.empty(); --count) {
      size_t at = below(text.size()), length = 1 + below(8);
      switch (below(6)) {
      case 0:
        text[at] ^= static_cast<char>(1 << below(8));
        break;
      case 1:
        text[at] = static_cast<char>(random());
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:
        text.insert(at, text.substr(below(text.size()), below(40)));
        break;
      case 4:
        text.resize(at);
        break;
      default:
        text.replace(at, length, any(numbers()));
      }
    }
    return text;
  }

  /// Changes tokens: another word, a number at the edge, one left out, a stretch repeated.
  std::string tokens(const std::string &text) {
    std::vector<std::string> list = tokensOf(text);
    for (size_t count = 1 + below(4); count && !list.empty(); --count) {
      size_t at = below(list.size());
      switch (below(5)) {
      case 0:
        list.erase(list.begin() + at);
        break;
      case 1:
        list[at] = any(numbers());
        break;
      case 2: {
        size_t from = below(list.size()), to = std::min(list.size(), from + 1 + below(20));
        std::vector<std::string> stretch(list.begin() + from, list.begin() + to);
        list.insert(list.begin() + at, stretch.begin(), stretch.end());
        break;
      }
      case 3:
        std::swap(list[at], list[below(list.size())]);
        break;
      default:
        list[at] = any(corpus.words);
      }
    }
    std::string result;
    for (const std::string &token : list)
      result += token;
    return result;
  }

  /// A safetensors file whose header is another text, with a length that fits it or does not.
  std::string header(const std::string &file) {
    uint64_t length = 0;
    std::memcpy(&length, file.data(), std::min(file.size(), sizeof length));
    if (file.size() < 8 || length > file.size() - 8)
      return bytes(file);
    std::string text = file.substr(8, length), data = file.substr(8 + length);
    text = below(3) ? tokens(text) : bytes(text);
    uint64_t stated = below(8) ? text.size() : text.size() + below(64);
    return std::string(reinterpret_cast<const char *>(&stated), sizeof stated) + text + data;
  }

private:
  static const std::vector<std::string> &numbers() {
    static const std::vector<std::string> list = {"0",           "1",          "-1",          "2",
                                                  "3",           "7",          "255",         "65536",
                                                  "2147483647",  "2147483648", "4294967296",  "-0",
                                                  "1e400",       "1e-400",     "0.5",         "9007199254740993",
                                                  "46341",       "1000000007", "-2147483648", "1e3",
                                                  "NaN",         "null",       "true",        "9223372036854775807",
                                                  "[]",          "{}",         "\"\"",        "\"\\u0000\"",
                                                  "\"\\ud800\"", "\"\xff\"",   "[[[[[",       "18446744073709551616"};
    return list;
  }

  std::mt19937_64 random;
  const Corpus &corpus;
};

/// What the readers made of an input: for the count at the end, which shows that the fuzzer reaches past the first
/// check.
struct Outcome {
  size_t accepted = 0, refused = 0;
  void operator()(bool ok) { ++(ok ? accepted : refused); }
};

bool readJson(const std::string &text) {
  Diagnostics diagnostics;
  bool ok = parseModelText("fuzz.json", text, {}, diagnostics).has_value();
  std::ostringstream out;
  diagnostics.render(out);
  if (!ok && out.str().empty()) {
    saveInput("a description was refused without a message");
    std::abort();
  }
  return ok;
}

bool readSafetensors(const std::string &bytes, int file) {
  if (ftruncate(file, 0) || pwrite(file, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    std::abort();
  std::string error;
  bool ok = SafetensorsFile::open("/proc/self/fd/" + std::to_string(file), error) != nullptr;
  if (!ok && error.empty()) {
    saveInput("a file was refused without a message");
    std::abort();
  }
  return ok;
}

Corpus readCorpus(const std::vector<std::string> &paths) {
  Corpus corpus;
  for (const std::string &path : paths) {
    std::ifstream file(path, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(file)), {});
    if (text.size() > (1 << 16))
      continue;
    bool json = path.size() > 5 && path.compare(path.size() - 5, 5, ".json") == 0;
    (json ? corpus.json : corpus.safetensors).push_back(text);
    if (json)
      for (const std::string &token : tokensOf(text))
        if (token.size() > 1)
          corpus.words.push_back(token);
  }
  return corpus;
}

} // namespace

int main(int argc, char **argv) {
  double seconds = 10;
  uint64_t seed = 1;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--seconds" && i + 1 < argc)
      seconds = std::atof(argv[++i]);
    else if (std::string(argv[i]) == "--seed" && i + 1 < argc)
      seed = std::strtoull(argv[++i], nullptr, 10);
    else
      paths.push_back(argv[i]);
  }
  Corpus corpus = readCorpus(paths);
  int file = memfd_create("fuzz", 0);
  if (corpus.json.empty() || corpus.safetensors.empty() || file < 0) {
    std::fprintf(stderr, "usage: attnc-fuzz [--seconds N] [--seed N] corpus files (*.json and *.safetensors)...\n");
    return 2;
  }
  for (int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL})
    std::signal(signal, onSignal);

  using Clock = std::chrono::steady_clock;
  Mutator mutator(seed, corpus);
  Outcome json, safetensors;
  for (auto start = Clock::now(), now = start; now - start < std::chrono::duration<double>(seconds);) {
    bool asJson = mutator.below(2);
    if (asJson) {
      const std::string &text = mutator.any(corpus.json);
      current = mutator.below(4) ? mutator.tokens(text) : mutator.bytes(text);
      json(readJson(current));
    } else {
      const std::string &text = mutator.any(corpus.safetensors);
      current = mutator.below(4) ? mutator.header(text) : mutator.bytes(text);
      safetensors(readSafetensors(current, file));
    }
    auto before = now;
    now = Clock::now();
    if (now - before > std::chrono::seconds(2)) {
      saveInput("a reader took more than two seconds");
      return 1;
    }
  }
  std::printf("model.json: %zu accepted, %zu refused; safetensors: %zu accepted, %zu refused; seed %llu\n",
              json.accepted, json.refused, safetensors.accepted, safetensors.refused,
              static_cast<unsigned long long>(seed));
  if (!json.accepted || !safetensors.accepted || json.refused < 10 || safetensors.refused < 10) {
    std::fprintf(stderr, "attnc-fuzz: the inputs are all alike; the corpus does not fit the readers\n");
    return 1;
  }
  return 0;
}
