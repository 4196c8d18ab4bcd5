#pragma once

#include "methods/saddle.h"

namespace laconic {

/// What theory gave or the options said.
struct MashaValues {
  Settled settled;
  double probability = 0, rate = 0;
};

/// 1 - tau where it is left to theory: what the compressor keeps, `kept`, so that dense
/// synchronisations cost about what compressed differences do, and less where few ranks take part
/// or batches are a small part of the data, for the anchor to be worth its price.
double sync_probability_by_theory(const MashaOptions& options, const Setting& setting, double kept);

bool everyone_takes_part(const MashaOptions& options, const Setting& setting);

/// The method that MASHA1 and MASHA2 both are, whose exchange makes the difference. `exchange` and
/// `dense` must outlive it.
std::unique_ptr<Method> make_masha(const MashaOptions& options, MashaValues values,
                                   const Setting& setting, Exchange& exchange, Exchange& dense,
                                   std::vector<float> start);

}  // namespace laconic
