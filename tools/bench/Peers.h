// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Other inference programs beside attnc, each in a process of its own (peers.py).
#pragma once

#include "tools/bench/Child.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace attnc {

/// What `make peers` installs, and where the script is. The strings are paths.
struct PeerEnvironment {
  std::string python, script;
};

/// Finds both beside this program or below the working directory. False with the reason, which names `make peers`.
bool findPeers(const std::string &python, PeerEnvironment &environment, std::string &error);

/// The peers by the names that peers.py takes.
const std::vector<std::string> &peerNames();

/// One peer with one workload, ready to run.
class Peer {
public:
  /// Starts it on the workload in `folder` (peer.json, weights, inputs, expected results) and waits until it has built
  /// its model and compared its result. Whether that worked is in result().
  Peer(const std::string &name, const PeerEnvironment &environment, const std::string &folder, int32_t threads);

  /// Whether it runs and agrees with attnc.
  bool ready() const { return isReady; }

  /// Runs for about `seconds`, at least once; adds the milliseconds of each run.
  void run(double seconds);

  /// name, version, status ("measured", "skipped", "failed"), reason, max_abs_diff, times.
  nlohmann::json result() const;

private:
  void start(const std::vector<std::string> &words);
  void fail(const std::string &status, const std::string &reason);

  Child child;
  std::string errorFile;
  nlohmann::json report;
  std::vector<double> milliseconds;
  bool isReady = false;
};

} // namespace attnc
