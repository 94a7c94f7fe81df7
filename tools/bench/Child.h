// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Other programs: attnc, the cold start, the peers.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace attnc {

/// A program that runs beside this one, with pipes to its standard input and output; what it writes to standard error
/// goes to a file. It is killed when this object goes.
class Child {
public:
  Child() = default;
  ~Child();
  Child(const Child &) = delete;

  /// Starts `words` (the program, then its arguments), without a shell. False with the reason in `error`.
  bool start(const std::vector<std::string> &words, const std::string &errorFile, std::string &error);

  /// Sends a line. False where nobody reads.
  bool write(const std::string &line);

  /// The next line of its output; none at its end, or after `seconds` without a whole line.
  std::optional<std::string> readLine(double seconds);

  /// Waits for its end and says how it was: 0, its exit code, or 128 and the number of a signal.
  int wait();

  /// The largest resident memory that readLine() saw it have, within 20 ms.
  int64_t peakBytes() const { return peak; }

private:
  void lookAtMemory();

  pid_t process = -1;
  int input = -1, output = -1;
  int64_t peak = 0;
  std::string pending;
};

/// What became of a program that ran to its end.
struct Finished {
  int code = -1;
  double seconds = 0;
  int64_t peakBytes = 0;
  std::string output; ///< Standard output.
  std::string errors; ///< Standard error.
};

/// Runs `words`. False with the reason in `error` where it cannot be started or its exit code is not 0.
bool runProgram(const std::vector<std::string> &words, const std::string &errorFile, Finished &finished,
                std::string &error);

} // namespace attnc
