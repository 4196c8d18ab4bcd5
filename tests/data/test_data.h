#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

namespace laconic {

/// A whole data set. Throws, which fails the test, where it is missing.
inline std::filesystem::path test_data(const std::string& name) {
  const auto path = std::filesystem::path(LACONIC_TEST_DATA) / name;
  if (!std::filesystem::exists(path))
    throw std::runtime_error(path.string() +
                             " is missing: get it from the LIBSVM data collection and configure "
                             "with -DLACONIC_TEST_DATA=its folder");
  return path;
}

/// The first 1,000 examples of a9a, from the repository.
inline std::filesystem::path small_test_data() {
  return std::filesystem::path(LACONIC_SMALL_TEST_DATA) / "a9a_1000";
}

}  // namespace laconic
