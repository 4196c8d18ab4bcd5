// netlab-switch: holds the hosts of a lab and carries their frames. netlab is its front.
//
//   netlab-switch serve --name LAB --hosts N --shape star|two-sites|chain --rate R --latency T
//                       [--queue T] [--between-rate R --between-latency T] [--owner PID]
//                       [--offload on|off]
//       Returns when the lab stands; a process of its own goes on with it.
//   netlab-switch ask LAB REQUEST...
//       Prints the reply. Exit status 3 where no such lab is up.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <exception>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>

#include "cluster/switch/cable_change.h"
#include "cluster/switch/control.h"
#include "cluster/switch/realtime.h"
#include "cluster/switch/server.h"

namespace laconic::netlab {
namespace {

constexpr int kUsage = 2, kNoSuchLab = 3;
constexpr int kMostHosts = 64;

struct Arguments {
  ServerOptions server;
  pid_t owner = 0;
};

int parse_number(const std::string& name, const std::string& text, int low, int high) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec == std::errc() && parsed.ptr == end && value >= low && value <= high) return value;
  throw std::invalid_argument(name + " '" + text + "': expected " + std::to_string(low) + " to " +
                              std::to_string(high));
}

Shape parse_shape(const std::string& text) {
  if (text == "star") return Shape::star;
  if (text == "two-sites") return Shape::two_sites;
  if (text == "chain") return Shape::chain;
  throw std::invalid_argument("topology '" + text + "': expected star, two-sites or chain");
}

bool parse_offload(const std::string& text) {
  if (text == "on" || text == "off") return text == "on";
  throw std::invalid_argument("offload '" + text + "': expected on or off");
}

LinkOptions parse_cable(const std::string& rate, const std::string& latency, Nanoseconds queue) {
  LinkOptions options{parse_rate(rate), parse_time(latency), queue};
  if (queue == 0) options.queue = default_queue(options.latency);
  return options;
}

/// --name value pairs; a misspelt one is the caller's mistake.
std::map<std::string, std::string> read_options(int count, char** words) {
  std::map<std::string, std::string> options{
      {"name", ""},    {"hosts", ""},    {"shape", "star"},    {"rate", ""},
      {"latency", ""}, {"queue", ""},    {"between-rate", ""}, {"between-latency", ""},
      {"owner", ""},   {"offload", "on"}};
  for (int i = 0; i < count; i += 2) {
    const std::string word = words[i];
    const auto option = options.find(word.starts_with("--") ? word.substr(2) : "");
    if (option == options.end()) throw std::invalid_argument("no option '" + word + "'");
    if (i + 1 == count) throw std::invalid_argument("option '" + word + "' lacks its value");
    option->second = words[i + 1];
  }
  return options;
}

Arguments parse(int count, char** words) {
  const auto options = read_options(count, words);
  const auto get = [&](const char* name) { return options.at(name); };
  Arguments arguments;
  ServerOptions& server = arguments.server;
  server.name = get("name");
  server.bundles = parse_offload(get("offload"));
  server.queue = get("queue").empty() ? 0 : parse_time(get("queue"));
  server.fabric.hosts = parse_number("hosts", get("hosts"), 2, kMostHosts);
  server.fabric.shape = parse_shape(get("shape"));
  server.fabric.cable = parse_cable(get("rate"), get("latency"), server.queue);
  const int between =
      (get("between-rate").empty() ? 0 : 1) + (get("between-latency").empty() ? 0 : 1);
  if (between != (server.fabric.shape == Shape::two_sites ? 2 : 0)) {
    throw std::invalid_argument(
        "two-sites needs --between-rate and --between-latency; other topologies have neither");
  }
  if (between > 0) {
    server.fabric.between = parse_cable(get("between-rate"), get("between-latency"), server.queue);
  }
  if (!get("owner").empty()) arguments.owner = parse_number("owner", get("owner"), 1, 1 << 30);
  return arguments;
}

/// Nothing that the caller had open may stay open for as long as the lab stands: a pipe whose
/// reader waits for its end, a lock. `keep` is moved to the lowest free number.
Descriptor let_go_of_the_caller(Descriptor keep) {
  constexpr int kFirst = STDERR_FILENO + 1;
  if (keep.get() != kFirst) keep = Descriptor(checked(dup3(keep.get(), kFirst, O_CLOEXEC), "dup3"));
  checked(close_range(kFirst + 1, ~0U, 0), "close_range");
  const Descriptor null(checked(open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null"));
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    checked(dup2(null.get(), standard), "dup2");
  }
  checked(chdir("/"), "chdir");
  checked(setsid(), "setsid");
  return keep;
}

/// The process that stays. Writes nothing to `ready` but what went wrong, and closes it when the
/// lab stands.
int serve(const Arguments& arguments, Descriptor ready) {
  try {
    ready = let_go_of_the_caller(std::move(ready));
    // Asked before the namespaces change: they decide who sees the socket.
    Descriptor listening = listen_as(arguments.server.name);
    const bool realtime = ask_for_realtime();
    Server server(arguments.server, make_lab(arguments.server.fabric.hosts), std::move(listening),
                  arguments.owner, realtime);
    ready = Descriptor();
    server.run();
    return 0;
  } catch (const std::exception& error) {
    const std::string_view what = error.what();
    return write(ready.get(), what.data(), what.size()) < 0 ? 2 : 1;
  }
}

int start(const Arguments& arguments) {
  std::array<int, 2> ends{};
  checked(pipe2(ends.data(), O_CLOEXEC), "pipe2");
  Descriptor read_end(ends[0]), write_end(ends[1]);
  if (checked(fork(), "fork") == 0) {
    read_end = Descriptor();
    _exit(serve(arguments, std::move(write_end)));
  }
  write_end = Descriptor();
  std::string trouble;
  std::array<char, 512> part{};
  for (ssize_t length; (length = read(read_end.get(), part.data(), part.size())) > 0;) {
    trouble.append(part.data(), static_cast<std::size_t>(length));
  }
  if (!trouble.empty()) throw std::runtime_error(trouble);
  return 0;
}

int ask_lab(int count, char** words) {
  if (count < 2) throw std::invalid_argument("ask: expected a lab and a request");
  std::string request;
  for (int i = 1; i < count; ++i) request.append(words[i]).push_back(' ');
  std::cout << ask(connect_to(words[0]).get(), request).text;
  return 0;
}

int run(int count, char** words) {
  const std::string verb = count > 1 ? words[1] : "";
  try {
    if (verb == "serve") return start(parse(count - 2, words + 2));
    if (verb == "ask") return ask_lab(count - 2, words + 2);
    throw std::invalid_argument("expected serve or ask; netlab --help tells more");
  } catch (const NoSuchLab& error) {
    std::cerr << "netlab: " << error.what() << "\n";
    return kNoSuchLab;
  } catch (const std::invalid_argument& error) {
    std::cerr << "netlab: " << error.what() << "\n";
    return kUsage;
  } catch (const std::exception& error) {
    std::cerr << "netlab: " << error.what() << "\n";
    return 1;
  }
}

}  // namespace
}  // namespace laconic::netlab

int main(int count, char** words) { return laconic::netlab::run(count, words); }
