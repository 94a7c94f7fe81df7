// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/Child.h"

#include "tools/bench/WorkFolder.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace attnc {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string contentsOf(const std::string &path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

} // namespace

Child::~Child() {
  if (process > 0) {
    kill(process, SIGKILL);
    wait();
  }
}

bool Child::start(const std::vector<std::string> &words, const std::string &errorFile, std::string &error) {
  int toChild[2], fromChild[2];
  if (pipe2(toChild, O_CLOEXEC) != 0)
    return error = std::strerror(errno), false;
  if (pipe2(fromChild, O_CLOEXEC) != 0) {
    error = std::strerror(errno);
    close(toChild[0]);
    close(toChild[1]);
    return false;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, toChild[0], 0);
  posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, errorFile.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::vector<char *> arguments;
  for (const std::string &word : words)
    arguments.push_back(const_cast<char *>(word.c_str()));
  arguments.push_back(nullptr);
  const int failure = posix_spawn(&process, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(toChild[0]);
  close(fromChild[1]);
  input = toChild[1];
  output = fromChild[0];
  if (failure == 0)
    return true;
  process = -1;
  error = "cannot start " + words[0] + ": " + std::strerror(failure);
  wait();
  return false;
}

bool Child::write(const std::string &line) {
  const std::string text = line + "\n";
  return ::write(input, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::optional<std::string> Child::readLine(double seconds) {
  const Clock::time_point start = Clock::now();
  for (;;) {
    const size_t end = pending.find('\n');
    if (end != std::string::npos) {
      const std::string line = pending.substr(0, end);
      pending.erase(0, end + 1);
      return line;
    }
    if (interrupted() || secondsSince(start) > seconds)
      return std::nullopt;
    lookAtMemory();
    pollfd ready = {output, POLLIN, 0};
    if (poll(&ready, 1, 20) <= 0)
      continue;
    char block[4096];
    const ssize_t count = read(output, block, sizeof block);
    if (count <= 0)
      return std::nullopt;
    pending.append(block, static_cast<size_t>(count));
  }
}

/// Not getrusage(), whose maximum counts this program too: the child was it before it became another.
void Child::lookAtMemory() {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.compare(0, 6, "VmHWM:") == 0)
      peak = std::max<int64_t>(peak, std::atoll(line.c_str() + 6) << 10);
}

int Child::wait() {
  for (int *pipe : {&input, &output})
    if (*pipe >= 0) {
      close(*pipe);
      *pipe = -1;
    }
  if (process <= 0)
    return -1;
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR)
    if (interrupted())
      kill(process, SIGTERM);
  process = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool runProgram(const std::vector<std::string> &words, const std::string &errorFile, Finished &finished,
                std::string &error) {
  const Clock::time_point start = Clock::now();
  Child child;
  if (!child.start(words, errorFile, error))
    return false;
  while (std::optional<std::string> line = child.readLine(3600))
    finished.output += *line + "\n";
  finished.code = child.wait();
  finished.seconds = secondsSince(start);
  finished.peakBytes = child.peakBytes();
  finished.errors = contentsOf(errorFile);
  if (finished.code == 0)
    return true;
  error = interrupted() ? "interrupted" : finished.errors;
  while (!error.empty() && error.back() == '\n')
    error.pop_back();
  if (error.empty())
    error = words[0] + " ended with exit code " + std::to_string(finished.code);
  return false;
}

} // namespace attnc
