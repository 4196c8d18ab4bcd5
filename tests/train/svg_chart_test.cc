#include "train/svg_chart.h"

#include <gtest/gtest.h>

#include <cmath>
#include <regex>

namespace laconic {
namespace {

std::size_t count(const std::string& text, const std::string& what) {
  const std::regex pattern(what);
  return static_cast<std::size_t>(
      std::distance(std::sregex_iterator(text.begin(), text.end(), pattern), {}));
}

TEST(SvgChart, DrawsASeriesAndNamesIt) {
  const std::string svg = svg_of({.title = "a < b & c",
                                  .x_label = "bytes",
                                  .y_label = "seconds",
                                  .series = {{"ring", {{4, 1e-4}, {4e3, 2e-4}, {4e6, 0.1}}},
                                             {"model", {{4, 1e-4}, {4e6, 0.2}}, true, 0}}});
  EXPECT_EQ(svg.find("<svg "), 0u);
  EXPECT_NE(svg.find("a &lt; b &amp; c"), std::string::npos);
  EXPECT_EQ(count(svg, "<polyline"), 2u);
  EXPECT_EQ(count(svg, "<circle"), 3u) << "dots where it was measured";
  EXPECT_EQ(count(svg, ">ring<|>model<|>bytes<|>seconds<"), 4u);
  EXPECT_EQ(count(svg, "stroke=\"#0072B2\""), 4u) << "a colour for both, and in the legend";
}

/// Equal factors are equal distances on a logarithmic axis, equal differences on the other.
TEST(SvgChart, PutsPointsWhereTheyBelong) {
  const auto places = [](bool log) {
    const std::string svg =
        svg_of({.log_x = log, .series = {{"s", {{1, 1}, {10, 10}, {100, 100}}}}});
    std::vector<double> x;
    const std::regex circle("<circle cx=\"([0-9.]+)\"");
    for (std::sregex_iterator i(svg.begin(), svg.end(), circle), end; i != end; ++i)
      x.push_back(std::stod((*i)[1]));
    return x;
  };
  const auto log = places(true), linear = places(false);
  ASSERT_EQ(log.size(), 3u);
  ASSERT_EQ(linear.size(), 3u);
  EXPECT_NEAR(log[2] - log[1], log[1] - log[0], 0.2);
  EXPECT_NEAR((linear[2] - linear[1]) / (linear[1] - linear[0]), 10, 0.2);
}

TEST(SvgChart, HasDotsWherePointsAreFew) {
  ChartSeries curve{.name = "s", .points = {}};
  for (int i = 1; i <= 1000; ++i) curve.points.emplace_back(i, 1.0 / i);
  const std::string svg = svg_of({.series = {curve}});
  EXPECT_EQ(count(svg, "<circle"), 0u);
  EXPECT_EQ(count(svg, "<polyline"), 1u);
}

TEST(SvgChart, RatiosHaveNoUnit) {
  Chart chart{.series = {{"s", {{1, 1e-6}, {2, 1}}}}};
  EXPECT_EQ(count(svg_of(chart), ">1u<"), 1u);
  chart.ratio_y = true;
  EXPECT_EQ(count(svg_of(chart), ">1e-06<"), 1u);
  EXPECT_EQ(count(svg_of(chart), ">[0-9]+u<"), 0u);
}

TEST(SvgChart, LeavesOutWhatCannotBeDrawn) {
  const std::string svg =
      svg_of({.series = {{"s", {{0, 1}, {-1, 1}, {1, std::nan("")}, {1, INFINITY}, {2, 3}}},
                         {"empty", {}}}});
  EXPECT_EQ(count(svg, "<circle"), 1u);
  EXPECT_EQ(count(svg, "nan|inf"), 0u);
  EXPECT_EQ(count(svg_of({}), "nan|inf"), 0u);
}

}  // namespace
}  // namespace laconic
