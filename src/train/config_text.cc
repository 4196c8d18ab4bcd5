#include "train/config_text.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include <memory>
#include <optional>

#include "base/check.h"
#include "base/errors.h"

namespace laconic::config_text {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;
using google::protobuf::io::ArrayInputStream;
using google::protobuf::io::Tokenizer;

std::vector<std::string> names_of(const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names;
}

std::vector<std::string> names_of(const EnumDescriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count(); ++i) names.push_back(type.value(i)->name());
  return names;
}

std::string below(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

/// The field called `name`, or a ConfigError that begins with `where`.
const FieldDescriptor& find_field(const Descriptor& type, const std::string& name,
                                  const std::string& path, const std::string& where) {
  if (const auto* field = type.FindFieldByName(name)) return *field;
  throw ConfigError(
      where, with_nearest(below(path, name) + ": there is no such field", name, names_of(type)));
}

/// Where a text comes from.
struct Source {
  std::string name;
  std::string path;        // of the message that the text stands in
  bool positions = false;  // lines and columns mean something to whoever wrote it

  /// Line and column as people count them, from 1.
  std::string at(int line, int column) const {
    return positions ? fmt::format("{}:{}:{}", name, line + 1, column + 1) : name;
  }
};

/// Keeps the first of protobuf's complaints.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  struct Complaint {
    int line, column;
    std::string what;
  };

  void AddError(int line, int column, const std::string& message) override {
    if (!first_) first_ = Complaint{line, column, message};
  }
  const std::optional<Complaint>& first() const { return first_; }

 private:
  std::optional<Complaint> first_;
};

/// Goes through the tokens of a text beside the descriptors. Protobuf's parser finds misspelt names
/// too, but knows neither their path nor what is near; whatever else is wrong is left to it.
class Walk {
 public:
  struct Place {
    int line, column;
    std::string path;
  };

  Walk(const std::string& text, const Source& source, const Descriptor& root)
      : source_(source),
        stream_(text.data(), static_cast<int>(text.size())),
        tokens_(&stream_, &errors_),
        stack_{{&root, nullptr, source.path}} {
    tokens_.set_allow_f_after_float(true);
    tokens_.set_comment_style(Tokenizer::SH_COMMENT_STYLE);
    tokens_.set_require_space_after_number(false);
    tokens_.set_allow_multiline_strings(true);
  }

  /// Throws ConfigError at the first name that is not known.
  void run() {
    while (!errors_.first() && tokens_.Next()) see(tokens_.previous(), tokens_.current());
  }

  /// The field that the text is in at a position.
  std::string path_at(int line, int column) const {
    std::string path = source_.path;
    for (const Place& place : places_)
      if (std::pair(place.line, place.column) <= std::pair(line, column)) path = place.path;
    return path;
  }

 private:
  struct Level {
    const Descriptor* type;        // null where the text opened braces after what is no message
    const FieldDescriptor* field;  // the last one named
    std::string path;              // of the message
  };

  // An identifier is a field's name if and only if ':' or an opening brace follows.
  void see(const Tokenizer::Token& before, const Tokenizer::Token& token) {
    const bool opens = token.text == "{" || token.text == "<";
    if (before.type == Tokenizer::TYPE_IDENTIFIER && (opens || token.text == ":")) name(before);
    if (opens) open();
    if ((token.text == "}" || token.text == ">") && stack_.size() > 1) stack_.pop_back();
    if (before.text == ":" && token.type == Tokenizer::TYPE_IDENTIFIER) value(token);
  }

  void name(const Tokenizer::Token& token) {
    Level& level = stack_.back();
    if (level.type == nullptr) return;
    level.field =
        &find_field(*level.type, token.text, level.path, source_.at(token.line, token.column));
    places_.push_back({token.line, token.column, below(level.path, token.text)});
  }

  void open() {
    const Level& level = stack_.back();
    const bool known = level.type != nullptr && level.field != nullptr;
    stack_.push_back({known ? level.field->message_type() : nullptr, nullptr,
                      known ? below(level.path, level.field->name()) : level.path});
  }

  void value(const Tokenizer::Token& token) const {
    const Level& level = stack_.back();
    const auto* values = level.type && level.field ? level.field->enum_type() : nullptr;
    if (values == nullptr || values->FindValueByName(token.text) != nullptr) return;
    const std::string path = below(level.path, level.field->name());
    throw ConfigError(source_.at(token.line, token.column),
                      with_nearest(fmt::format("{}: there is no \"{}\"", path, token.text),
                                   token.text, names_of(*values)));
  }

  const Source& source_;
  FirstError errors_;
  ArrayInputStream stream_;
  Tokenizer tokens_;
  std::vector<Level> stack_;
  std::vector<Place> places_;
};

void parse_from(const Source& source, const std::string& text, Message& message) {
  Walk walk(text, source, *message.GetDescriptor());
  walk.run();
  FirstError errors;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  if (parser.ParseFromString(text, &message)) return;  // merging would let fields come twice
  const auto& [line, column, what] = errors.first().value();
  const std::string path = walk.path_at(line, column);
  throw ConfigError(source.at(line, column), path.empty() ? what : path + ": " + what);
}

/// One field of a message, by its path from the root.
struct Target {
  Message& parent;
  const FieldDescriptor& field;
  std::string parent_path, path;
};

/// Makes the messages on the way.
Target find_target(Message& root, const std::string& path, const std::string& where) {
  Message* parent = &root;
  for (std::size_t begin = 0;;) {
    const std::size_t dot = path.find('.', begin);
    const std::string walked = path.substr(0, begin == 0 ? 0 : begin - 1);
    const auto& field =
        find_field(*parent->GetDescriptor(), path.substr(begin, dot - begin), walked, where);
    if (dot == std::string::npos) return {*parent, field, walked, path};
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field.is_repeated())
      throw ConfigError(where, below(walked, field.name()) + ": has no fields of its own");
    parent = parent->GetReflection()->MutableMessage(parent, &field);
    begin = dot + 1;
  }
}

/// A message like the target's parent that holds nothing but the field, read from `value`.
std::unique_ptr<Message> parse_value(const Target& target, const std::string& value,
                                     const std::string& where) {
  const auto& [parent, field, parent_path, path] = target;
  std::unique_ptr<Message> holder(parent.New());
  const bool text = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING && !field.is_repeated();
  if (text && !value.starts_with('"')) {
    holder->GetReflection()->SetString(holder.get(), &field, value);
    return holder;
  }
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !value.starts_with('{'))
    throw ConfigError(where, fmt::format("{}: is a message: give it in braces, or one of its "
                                         "fields: {}",
                                         path, fmt::join(names_of(*field.message_type()), ", ")));
  parse_from({.name = where, .path = parent_path}, field.name() + ": " + value, *holder);
  std::vector<const FieldDescriptor*> set;
  holder->GetReflection()->ListFields(*holder, &set);
  if (set.size() > 1) throw ConfigError(where, path + ": takes one value, and nothing after it");
  return holder;
}

void set_default(Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.SetInt32(&message, &field, field.default_value_int32());
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.SetInt64(&message, &field, field.default_value_int64());
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.SetUInt32(&message, &field, field.default_value_uint32());
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.SetUInt64(&message, &field, field.default_value_uint64());
    case FieldDescriptor::CPPTYPE_FLOAT:
      return reflection.SetFloat(&message, &field, field.default_value_float());
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.SetDouble(&message, &field, field.default_value_double());
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.SetBool(&message, &field, field.default_value_bool());
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.SetEnum(&message, &field, field.default_value_enum());
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.SetString(&message, &field, field.default_value_string());
    case FieldDescriptor::CPPTYPE_MESSAGE:
      check(false, "a message has no default");
  }
}

}  // namespace

std::string with_nearest(const std::string& expected, std::string_view name,
                         const std::vector<std::string>& known) {
  const std::string nearest = nearest_name(name, known);
  return nearest.empty() ? fmt::format("{}; known: {}", expected, fmt::join(known, ", "))
                         : fmt::format("{}; did you mean {}?", expected, nearest);
}

void parse(const std::string& text, const std::string& origin, Message& message) {
  parse_from({.name = origin, .path = "", .positions = true}, text, message);
}

void apply_override(const std::string& assignment, Message& message) {
  const std::string where = "--set " + assignment;
  const auto equals = assignment.find('=');
  if (equals == std::string::npos) throw ConfigError(where, "must look like field.path=value");
  const std::string value = assignment.substr(equals + 1);
  const Target target = find_target(message, assignment.substr(0, equals), where);
  const auto holder = parse_value(target, value, where);
  if (!target.field.is_repeated() || value.starts_with('['))
    target.parent.GetReflection()->ClearField(&target.parent, &target.field);
  target.parent.MergeFrom(*holder);
}

void fill_defaults(Message& message) {
  const auto& type = *message.GetDescriptor();
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (field->is_repeated()) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
        for (int n = 0; n < reflection.FieldSize(message, field); ++n)
          fill_defaults(*reflection.MutableRepeatedMessage(&message, field, n));
      continue;
    }
    const bool is_set = reflection.HasField(message, field);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && is_set)
      fill_defaults(*reflection.MutableMessage(&message, field));
    if (!is_set && field->has_default_value()) set_default(message, *field);
  }
}

std::string print(const Message& message) {
  std::string text;
  TextFormat::PrintToString(message, &text);
  return text;
}

}  // namespace laconic::config_text
