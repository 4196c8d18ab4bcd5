#include "train/svg_chart.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace laconic {
namespace {

constexpr double kWidth = 900, kHeight = 560;
constexpr double kLeft = 80, kTop = 50, kPlotWidth = 570, kPlotHeight = 440;  // of the plot
constexpr double kLegend = kLeft + kPlotWidth + 20;
constexpr std::size_t kMostDots = 60;  // of a series
// Okabe and Ito's colours, which the colour-blind can tell apart, and two greys.
constexpr std::array kColours{"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00",
                              "#56B4E9", "#F0E442", "#000000", "#777777", "#BBBBBB"};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

/// "250", "4k", "16M", "0.02", "5u"; of ratios "1e-06"
std::string tick_text(double value, bool ratio = false) {
  const double size = std::abs(value);
  if (ratio)
    return size < 1e-2 && size > 0 ? fmt::format("{:.0e}", value) : fmt::format("{:g}", value);
  if (size >= 1e9) return fmt::format("{:g}G", value / 1e9);
  if (size >= 1e6) return fmt::format("{:g}M", value / 1e6);
  if (size >= 1e3) return fmt::format("{:g}k", value / 1e3);
  if (size >= 1e-3 || size == 0) return fmt::format("{:g}", value);
  return fmt::format("{:g}u", value * 1e6);
}

/// One axis: from values to places between 0 and 1.
class Axis {
 public:
  explicit Axis(bool log) : log_(log) {}

  bool shows(double value) const { return std::isfinite(value) && (!log_ || value > 0); }

  void take(double value) {
    low_ = std::min(low_, place(value));
    high_ = std::max(high_, place(value));
  }

  /// Once all values have been taken: goes to the next round numbers on either side.
  void settle() {
    if (low_ > high_) low_ = 0, high_ = 1;
    if (log_) {
      low_ = std::floor(low_ + 1e-9);
      high_ = std::max(std::ceil(high_ - 1e-9), low_ + 1);
      return;
    }
    low_ = std::min(low_, 0.0);
    if (high_ == low_) high_ = low_ + 1;
    const double decade = std::pow(10, std::floor(std::log10(high_ - low_)));
    step_ = (high_ - low_) / decade < 2   ? decade / 4
            : (high_ - low_) / decade < 5 ? decade / 2
                                          : decade;
    low_ = std::floor(low_ / step_) * step_;
    high_ = std::ceil(high_ / step_ - 1e-9) * step_;
  }

  double at(double value) const { return (place(value) - low_) / (high_ - low_); }

  std::vector<double> ticks() const {
    std::vector<double> ticks;
    if (log_) {
      const double stride = std::ceil((high_ - low_) / 9);
      for (double p = low_; p <= high_ + 1e-9; p += stride) ticks.push_back(std::pow(10, p));
    } else {
      for (int i = 0; low_ + i * step_ <= high_ + step_ / 2; ++i) ticks.push_back(low_ + i * step_);
    }
    return ticks;
  }

 private:
  double place(double value) const { return log_ ? std::log10(value) : value; }

  bool log_;
  double low_ = std::numeric_limits<double>::infinity(), high_ = -low_;
  double step_ = 1;
};

std::string text_at(double x, double y, const char* anchor, const std::string& text,
                    const std::string& more = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y,
                     anchor, more, escaped(text));
}

std::string line(double x1, double y1, double x2, double y2, const std::string& style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x1, y1,
                     x2, y2, style);
}

class Drawing {
 public:
  explicit Drawing(const Chart& chart) : chart_(chart), x_(chart.log_x), y_(chart.log_y) {
    for (const ChartSeries& series : chart.series)
      for (const auto& [x, y] : series.points)
        if (shows(x, y)) x_.take(x), y_.take(y);
    x_.settle(), y_.settle();
  }

  std::string svg() const {
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:g} {1:g}\" width=\"{0:g}\" "
        "height=\"{1:g}\" font-family=\"sans-serif\" font-size=\"13\">\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        kWidth, kHeight);
    out += grid();
    for (std::size_t s = 0; s < chart_.series.size(); ++s) out += drawn(s);
    return out + "</svg>\n";
  }

 private:
  bool shows(double x, double y) const { return x_.shows(x) && y_.shows(y); }
  double across(double x) const { return kLeft + x_.at(x) * kPlotWidth; }
  double down(double y) const { return kTop + (1 - y_.at(y)) * kPlotHeight; }

  std::string grid() const {
    const std::string grey = "stroke=\"#ddd\"";
    const double bottom = kTop + kPlotHeight;
    std::string out = text_at(kLeft, kTop - 20, "start", chart_.title, " font-size=\"16\"");
    for (const double x : x_.ticks()) {
      out += line(across(x), kTop, across(x), bottom, grey);
      out += text_at(across(x), bottom + 18, "middle", tick_text(x));
    }
    for (const double y : y_.ticks()) {
      out += line(kLeft, down(y), kLeft + kPlotWidth, down(y), grey);
      out += text_at(kLeft - 8, down(y) + 4, "end", tick_text(y, chart_.ratio_y));
    }
    out += text_at(kLeft + kPlotWidth / 2, bottom + 42, "middle", chart_.x_label);
    const double middle = kTop + kPlotHeight / 2;
    return out + text_at(20, middle, "middle", chart_.y_label,
                         fmt::format(" transform=\"rotate(-90 20 {:g})\"", middle));
  }

  /// A series and its line in the legend.
  std::string drawn(std::size_t s) const {
    const ChartSeries& series = chart_.series[s];
    const auto number = series.colour < 0 ? s : static_cast<std::size_t>(series.colour);
    const char* const colour = kColours[number % kColours.size()];
    const std::string style = fmt::format("stroke=\"{}\" stroke-width=\"2\" fill=\"none\"{}",
                                          colour, series.dashed ? " stroke-dasharray=\"5 4\"" : "");
    std::string places, dots;
    for (const auto& [x, y] : series.points) {
      if (!shows(x, y)) continue;
      places += fmt::format("{:.1f},{:.1f} ", across(x), down(y));
      dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", across(x),
                          down(y), colour);
    }
    const double y = kTop + 10 + 20 * static_cast<double>(s);
    return fmt::format("<polyline points=\"{}\" {}/>\n", places, style) +
           (series.dashed || series.points.size() > kMostDots ? "" : dots) +
           line(kLegend, y, kLegend + 24, y, style) +
           text_at(kLegend + 30, y + 4, "start", series.name);
  }

  const Chart& chart_;
  Axis x_, y_;
};

}  // namespace

std::string svg_of(const Chart& chart) { return Drawing(chart).svg(); }

}  // namespace laconic
