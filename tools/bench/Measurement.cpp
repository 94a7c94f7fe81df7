// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/Measurement.h"

#include "tools/bench/CompiledSubject.h"
#include "tools/bench/KernelTimes.h"
#include "tools/bench/Peers.h"
#include "tools/bench/Times.h"
#include "tools/run/Session.h"
#include "tools/run/Statistics.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

using nlohmann::json;

namespace attnc {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// The model and the peak's loop, and peers where there are some, run in so many turns.
constexpr int kTurns = 10, kTurnsWithPeers = 5;
/// So many runs at least.
constexpr size_t kLeastRuns = 3;
/// Threads of the one who ran before may spin for a while before they sleep: ours for microseconds.
constexpr std::chrono::milliseconds kPause(1), kPauseOfPeers(100);

/// What the machine did between the runs, by rounds.
struct Rates {
  std::vector<double> flops;      ///< A second, in the loop of the peak.
  std::vector<double> bandwidths; ///< Bytes a second; empty where the multiply-adds bound the model.
};

double bestOf(const std::vector<double> &rates) { return *std::max_element(rates.begin(), rates.end()); }

double medianOf(std::vector<double> rates) {
  std::sort(rates.begin(), rates.end());
  return median(rates);
}

/// What it held: the medians, and `here` where nothing was measured between the runs.
Limits heldOf(const Rates &rates, const Limits &here) {
  return {medianOf(rates.flops), rates.bandwidths.empty() ? here.bytesPerSecond : medianOf(rates.bandwidths), 0};
}

class Measurement {
public:
  Measurement(const Subject &subject, const BenchOptions &options, const AllLimits &limits, const Progress &progress)
      : subject(subject), options(options), limits(limits), progress(progress), compiled(subject, options) {}

  json run() {
    result = {{"name", subject.name}, {"title", subject.workload ? subject.workload->title : subject.path}};
    if (subject.workload && subject.workload->target)
      result["target_x_floor"] = *subject.workload->target;
    result["status"] = measureAll() && !interrupted() ? "measured" : "failed";
    if (result["status"] == "failed")
      result["reason"] = interrupted() ? "interrupted" : error;
    return result;
  }

private:
  bool measureAll() {
    progress("compiling");
    if (!compiled.prepare()) {
      error = compiled.error();
      return false;
    }
    describeWork();
    if (options.coldStart) {
      progress("cold start");
      result["cold_start"] = compiled.coldStart(limits.back()->threads());
    }
    for (const auto &machine : limits)
      if (interrupted() || !measureOn(*machine))
        return false;
    return true;
  }

  TrueShare trueShare() const {
    TrueShare share = subject.workload ? shareOf(*subject.workload) : TrueShare();
    const Loaded &object = compiled.object();
    share.batch = static_cast<double>(object.inputs.batch) / static_cast<double>(object.model->model().min_batch);
    return share;
  }

  void describeWork() {
    const Loaded &object = compiled.object();
    const attnc_model &model = object.model->model();
    const attnc_profile &profile = compiled.profile();
    double flops = 0;
    for (int32_t i = 0; i < profile.num_calls; ++i) {
      flops += atTrueLengths(profile.calls[i], trueShare()).matmul_flops;
      work.bytes += profile.calls[i].weight_bytes;
    }
    work.flops = subject.workload ? flopsOf(*subject.workload) : flops;
    for (int32_t i = 0; i < model.num_inputs; ++i)
      work.bytes += static_cast<double>(object.inputs.arrays[static_cast<size_t>(i)].data.size());
    // How much of a state a run reads is known of the workloads alone, whose caches are full.
    for (int32_t i = 0; i < model.num_outputs; ++i)
      if (!model.outputs[i].is_state || subject.workload)
        work.bytes += static_cast<double>(
            byteSize(model.outputs[i].dtype, shapeOf(model.outputs[i], object.inputs.batch)).value_or(0));
    const size_t workspace = object.model->api().workspaceSize(&model, object.inputs.batch, limits.back()->threads());
    result.update({{"gflop", work.flops * 1e-9},
                   {"compiled_gflop", flops * 1e-9},
                   {"megabytes", work.bytes * 1e-6},
                   {"batch", object.inputs.batch},
                   {"compile", compiled.compilation()},
                   {"size",
                    {{"code_bytes", compiled.codeBytes()},
                     {"weight_bytes", model.weights_image_size},
                     {"workspace_bytes", workspace}}}});
  }

  /// Runs `count` times, or, where that is 0, until `seconds` are over and at least once; tells of each run's
  /// milliseconds.
  bool collect(Session &session, int count, double seconds, const std::function<void(double)> &note) {
    const Clock::time_point start = Clock::now();
    for (int i = 0; count > 0 ? i < count : i < 1 || secondsSince(start) < seconds; ++i) {
      const Clock::time_point before = Clock::now();
      if (interrupted() || !session.run(error))
        return false;
      note(secondsSince(before) * 1e3);
    }
    return true;
  }

  /// Caches, page tables and the clock of the CPU settle.
  bool warmUp(Session &session) {
    const Clock::time_point start = Clock::now();
    do
      if (interrupted() || !session.run(error))
        return false;
    while (secondsSince(start) < 0.2);
    return true;
  }

  /// Adds rounds of the peak for `seconds`, and one of reading where memory bounds the model. That empties the caches,
  /// which such a model's floor does not count on.
  void addTo(Rates &rates, MachineLimits &machine, double seconds) {
    machine.addRates(seconds, rates.flops);
    if (boundOfModel(machine.limits()) == Bound::Memory)
      machine.addBandwidths(1, rates.bandwidths);
  }

  /// Of the whole model a fork and a join count for nothing.
  Bound boundOfModel(const Limits &here) const { return boundOf(work, {here.flopsPerSecond, here.bytesPerSecond, 0}); }

  bool measureOn(MachineLimits &machine) {
    const int32_t threads = machine.threads();
    const std::string on = " on " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
    const Loaded &object = compiled.object();
    Session session(*object.model, object.ready, object.inputs);
    if (!session.prepare(threads, error))
      return false;
    std::vector<std::unique_ptr<Peer>> peers;
    json peerResults = json::array();
    if (options.peers && !startPeers(session, threads, peers, peerResults))
      return false;
    progress("timing" + on);
    Rates rates, ratesOfProfile;
    addTo(rates, machine, 0.1);
    std::vector<double> milliseconds;
    if (!warmUp(session) ||
        !takeTurns(
            session, options.seconds, machine, rates, [&](double run) { milliseconds.push_back(run); }, peers))
      return false;
    progress("profiling" + on);
    std::vector<KernelTime> kernels;
    if (!profileOn(machine, ratesOfProfile, kernels))
      return false;
    addTo(ratesOfProfile, machine, 0.1);
    Limits here = machine.limits();
    here.flopsPerSecond = std::max(bestOf(rates.flops), bestOf(ratesOfProfile.flops));
    const Limits held = heldOf(rates, here);
    json run = summary(milliseconds, here, held, threads);
    if (!rates.bandwidths.empty())
      run["held_bandwidth_gbs"] = held.bytesPerSecond * 1e-9;
    run["kernels"] = kernelTable(kernels, here, medianOf(ratesOfProfile.flops));
    for (const auto &peer : peers)
      peerResults.push_back(peer->result());
    if (options.peers)
      run["peers"] = peerResults;
    result["runs"].push_back(run);
    return true;
  }

  /// Runs the model, then the peers, then the loop of the peak for half as long as the model, and reads memory where
  /// that bounds the model, in turns: what the machine holds is measured in the same seconds as what the model takes.
  bool takeTurns(Session &session, double seconds, MachineLimits &machine, Rates &rates,
                 const std::function<void(double)> &note, const std::vector<std::unique_ptr<Peer>> &peers = {}) {
    const int count = options.repetitions, turns = peers.empty() ? kTurns : kTurnsWithPeers;
    const auto pause = peers.empty() ? kPause : kPauseOfPeers;
    const double slice = seconds / turns;
    const Clock::time_point start = Clock::now();
    size_t runs = 0;
    const auto noteRun = [&](double run) {
      ++runs;
      note(run);
    };
    for (int turn = 0; turn < turns; ++turn) {
      const int part = count * (turn + 1) / turns - count * turn / turns;
      if (peers.empty() && (count > 0 ? part == 0 : runs >= kLeastRuns && secondsSince(start) > 1.5 * seconds))
        continue;
      std::this_thread::sleep_for(pause);
      // After the others' turns the caches are cold.
      if (!peers.empty() && !session.run(error))
        return false;
      const Clock::time_point before = Clock::now();
      if ((count == 0 || part > 0) && !collect(session, part, slice, noteRun))
        return false;
      const double taken = secondsSince(before);
      for (const auto &peer : peers) {
        std::this_thread::sleep_for(pause);
        peer->run(slice);
      }
      std::this_thread::sleep_for(pause);
      addTo(rates, machine, std::clamp(taken / 2, 0.01, 0.5));
    }
    return true;
  }

  bool startPeers(Session &session, int32_t threads, std::vector<std::unique_ptr<Peer>> &peers, json &results) {
    std::string reason;
    PeerEnvironment environment;
    if (!subject.workload)
      reason = "peers know the named workloads only";
    else if (subject.workload->context)
      reason = "peers have no cache here";
    if (!reason.empty() || !findPeers(options.peersPython, environment, reason)) {
      for (const std::string &name : peerNames())
        results.push_back({{"name", name}, {"status", "skipped"}, {"reason", reason}});
      return true;
    }
    if (!session.run(error))
      return false;
    if (!compiled.writePeerFiles(session.outputs())) {
      error = compiled.error();
      return false;
    }
    for (const std::string &name : peerNames()) {
      progress("starting " + name);
      peers.push_back(std::make_unique<Peer>(name, environment, compiled.files().file(""), threads));
    }
    return true;
  }

  bool profileOn(MachineLimits &machine, Rates &rates, std::vector<KernelTime> &kernels) {
    const Loaded &profiled = compiled.profiled();
    Session session(*profiled.model, profiled.ready, profiled.inputs);
    if (!session.prepare(machine.threads(), error) || !warmUp(session))
      return false;
    KernelClock clock(compiled.profile(), trueShare());
    if (!takeTurns(session, options.seconds / 2, machine, rates, [&](double) { clock.endRun(); }))
      return false;
    kernels = clock.times();
    return true;
  }

  /// `held`: what the machine held in the same seconds.
  json summary(const std::vector<double> &milliseconds, const Limits &here, const Limits &held, int32_t threads) {
    json run = timesOf(milliseconds);
    const double floor = floorSeconds(work, here) * 1e3, median = run["median_ms"];
    const double heldFloor = floorSeconds(work, held) * 1e3;
    run.update({{"threads", threads},
                {"peak_gflops", here.flopsPerSecond * 1e-9},
                {"held_gflops", held.flopsPerSecond * 1e-9},
                {"bandwidth_gbs", here.bytesPerSecond * 1e-9},
                {"fork_join_us", here.forkJoinSeconds * 1e6},
                {"gflops", work.flops / median * 1e-6},
                {"floor_ms", floor},
                {"x_floor", median / floor},
                {"of_floor", floor / median},
                {"x_held_floor", median / heldFloor},
                {"bound", boundName(boundOfModel(here))}});
    if (subject.workload && subject.workload->target && threads == limits.back()->threads())
      run["target_met"] = median / floor <= *subject.workload->target;
    return run;
  }

  /// `held`: FLOPs a second in the same seconds.
  static json kernelTable(const std::vector<KernelTime> &kernels, const Limits &here, double held) {
    double total = 0;
    for (const KernelTime &kernel : kernels)
      total += kernel.seconds;
    json table = json::array();
    for (const KernelTime &kernel : kernels) {
      const auto calls = static_cast<double>(kernel.labels.size());
      const Work once = {kernel.matmulFlops / calls, kernel.bytes / calls};
      table.push_back({{"kernel", kernel.kernel},
                       {"ops", kernel.ops},
                       {"first", kernel.labels.front()},
                       {"calls", kernel.labels.size()},
                       {"ms", kernel.seconds * 1e3},
                       {"share", kernel.seconds / total},
                       {"gflop", kernel.matmulFlops * 1e-9},
                       {"other_gflop", (kernel.flops - kernel.matmulFlops) * 1e-9},
                       {"megabytes", kernel.bytes * 1e-6},
                       {"gflops", kernel.matmulFlops / kernel.seconds * 1e-9},
                       {"of_peak", kernel.matmulFlops / kernel.seconds / here.flopsPerSecond},
                       {"of_held", kernel.matmulFlops / kernel.seconds / held},
                       {"of_bandwidth", kernel.bytes / kernel.seconds / here.bytesPerSecond},
                       {"bound", boundName(boundOf(once, here))}});
    }
    return table;
  }

  const Subject &subject;
  const BenchOptions &options;
  const AllLimits &limits;
  const Progress &progress;
  CompiledSubject compiled;
  json result;
  std::string error;
  Work work;
};

} // namespace

json measure(const Subject &subject, const BenchOptions &options, const AllLimits &limits, const Progress &progress) {
  return Measurement(subject, options, limits, progress).run();
}

} // namespace attnc
