#pragma once

#include <string>
#include <utility>
#include <vector>

/// Charts for benchmarks and reports: lines over two axes, as SVG that any browser shows. Where
/// points are few there is a dot on each.
namespace laconic {

struct ChartSeries {
  std::string name;                               ///< In the legend.
  std::vector<std::pair<double, double>> points;  ///< x and y, joined in this order.
  bool dashed = false;                            ///< Expected rather than measured, say.
  /// Series with the same number have the same colour; -1: one of its own.
  int colour = -1;
};

struct Chart {
  std::string title, x_label, y_label;
  bool log_x = true, log_y = true;  ///< Points that are not above 0 are left out on such an axis.
  bool ratio_y = false;             ///< y has no unit: 1e-06, where it would be 1u.
  std::vector<ChartSeries> series;
};

/// A whole SVG document. Points that are not finite are left out. Texts are escaped.
std::string svg_of(const Chart& chart);

}  // namespace laconic
