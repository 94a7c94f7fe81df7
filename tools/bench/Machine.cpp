// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/Machine.h"

#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>
#include <unistd.h>

using nlohmann::json;

namespace attnc {
namespace {

std::string firstLine(const std::string &path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// The value of the first line `key : value` of /proc/cpuinfo.
std::string cpuInfo(const std::string &key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (line.compare(0, key.size(), key) == 0 && colon != std::string::npos && colon + 2 <= line.size() &&
        line.find_first_not_of(" \t", key.size()) == colon)
      return line.substr(colon + 2);
  }
  return "";
}

/// Those that kernels may use.
json vectorExtensions() {
  std::istringstream flags(cpuInfo("flags") + " " + cpuInfo("Features"));
  json extensions = json::array();
  for (std::string flag; flags >> flag;)
    for (const char *known :
         {"avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "amx_tile", "asimd", "sve", "bf16"})
      if (flag == known)
        extensions.push_back(flag);
  return extensions;
}

/// 32768 of "32K".
int64_t cacheBytes(const std::string &text) {
  char unit = 0;
  int64_t size = 0;
  std::istringstream(text) >> size >> unit;
  return unit == 'K' ? size << 10 : unit == 'M' ? size << 20 : size;
}

json caches() {
  json found = json::object();
  for (int index = 0; index < 8; ++index) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    const std::string type = firstLine(folder + "type"), level = firstLine(folder + "level");
    if (type == "Data" || type == "Unified")
      found["L" + level + (type == "Data" ? "d" : "")] = cacheBytes(firstLine(folder + "size"));
  }
  return found;
}

std::string now() {
  const std::time_t time = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", std::gmtime(&time));
  return text;
}

std::string binaryBytes(int64_t bytes) {
  return bytes >= 1 << 20 ? std::to_string(bytes >> 20) + " MiB" : std::to_string(bytes >> 10) + " KiB";
}

} // namespace

json describeMachine() {
  std::string name = cpuInfo("model name");
  if (name.empty())
    name = "unnamed CPU";
  return {{"cpu", name},
          {"extensions", vectorExtensions()},
          {"logical_cpus", std::thread::hardware_concurrency()},
          {"caches", caches()},
          {"memory_bytes", int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE)},
          {"date", now()}};
}

std::string machineText(const json &machine) {
  std::string text = machine.at("cpu");
  for (const auto &extension : machine.at("extensions"))
    text += ", " + extension.get<std::string>();
  text += ", " + std::to_string(machine.at("logical_cpus").get<int>()) + " logical CPUs";
  for (const auto &[name, bytes] : machine.at("caches").items())
    text += ", " + name + " " + binaryBytes(bytes);
  return text;
}

} // namespace attnc
