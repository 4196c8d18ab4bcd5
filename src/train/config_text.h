#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>
#include <vector>

/// Protobuf's text format, read strictly: errors say where, which field by its full path, what was
/// expected, and the nearest known name. Knows nothing of experiments.
namespace laconic::config_text {

/// Replaces `message` by what `text` says. Throws ConfigError, "ORIGIN:LINE:COLUMN: a.b.c: ...".
void parse(const std::string& text, const std::string& origin, google::protobuf::Message& message);

/// "a.b.c=value" sets one field, whatever it was before; a member of a oneof replaces the others.
/// Values are as in text format, but strings need no quotes. A repeated field gets one more value,
/// or is replaced by a list, "hidden=[128, 64]"; a message is replaced by one in braces,
/// "exchange.gather={}". Throws ConfigError, "--set a.b.c=value: a.b.c: ...".
void apply_override(const std::string& assignment, google::protobuf::Message& message);

/// Writes the schema's default into every scalar that is not set and has one, in `message` and in
/// the messages that are present in it.
void fill_defaults(google::protobuf::Message& message);

std::string print(const google::protobuf::Message& message);

/// `expected`, and the nearest of `known` if there is one near.
std::string with_nearest(const std::string& expected, std::string_view name,
                         const std::vector<std::string>& known);

}  // namespace laconic::config_text
