// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <csignal>

namespace attnc {

/// Holds back the signals of the calling thread while something is on disk that only what follows would remove, or that
/// belongs with something that is not there yet. A signal that came meanwhile acts when it ends.
class SignalsHeldBack {
public:
  SignalsHeldBack() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
  }
  ~SignalsHeldBack() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
  SignalsHeldBack(const SignalsHeldBack &) = delete;

private:
  sigset_t before;
};

} // namespace attnc
