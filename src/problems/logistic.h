#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/sampling.h"
#include "methods/oracle.h"
#include "problems/libsvm.h"

namespace laconic {

/// f(x) = mean over examples of log(1 + exp(-y a'x)) + l2/2 |x|², y in {-1, +1}, no intercept.
struct LogisticOptions {
  std::filesystem::path path = {};
  std::filesystem::path test_path =
      {};  ///< Held out for scores; empty: the training data are used.
  double l2 = 1e-4;
  Partition partition = Partition::shuffled;  ///< How examples go to ranks.
};

/// Read once and shared by the ranks of a process.
struct LogisticData {
  std::shared_ptr<const LibsvmData> train;
  std::shared_ptr<const LibsvmData> test;  ///< Null where nothing is held out.
};

LogisticData load_logistic(const LogisticOptions& options);

/// f_m, over rank m's part of the training data; the parameters are as many as the columns of both
/// files. The lower of the two labels becomes -1, the higher +1. Starts at 0.
///
/// The loss includes the l2 term, in scores too; accuracy counts a'x > 0 as +1. Constants: L and L~
/// from the largest eigenvalues of the data (see spectrum.h; two passes of power iteration over the
/// data at each call), mu = l2. Sums are in double, then rounded.
///
/// Throws ConfigError("l2"), DataError where the training labels are not two values, a test label
/// is neither of them, or there are fewer examples than ranks.
std::unique_ptr<Oracle> make_logistic(const LogisticOptions& options, const LogisticData& data,
                                      std::uint64_t seed, int rank, int ranks);

}  // namespace laconic
