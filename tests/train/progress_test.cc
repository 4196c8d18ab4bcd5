#include "train/progress.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace laconic {
namespace {

/// What a Progress printed.
class Screen {
 public:
  Screen() : file_(open_memstream(&text_, &size_)) {}
  ~Screen() {
    std::fclose(file_);
    std::free(text_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  std::FILE* file() const { return file_; }
  std::string text() const {
    std::fflush(file_);
    return {text_, size_};
  }

 private:
  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* file_;
};

MetricsRow row(std::uint64_t step) {
  return {.step = step, .loss = 0.51239, .examples_per_second = 1520.4, .bytes_sent = 12'345'678};
}

TEST(Progress, RewritesItsLineOnATerminal) {
  const Screen screen;
  Progress progress(screen.file(), true, 100, 1100, 50.0);
  progress.update(row(110), 50.05);  // too soon
  progress.update(row(200), 60.0);
  progress.update(row(201), 60.01);  // too soon
  progress.update(row(300), 70.0);
  progress.finish();
  progress.finish();
  EXPECT_EQ(screen.text(),
            "\rstep 200/1100  loss 0.5124  1520 examples/s  12.3 MB sent  1 min 30 s left\x1b[K"
            "\rstep 300/1100  loss 0.5124  1520 examples/s  12.3 MB sent  1 min 20 s left\x1b[K\n");
}

TEST(Progress, PrintsALineNowAndThenElsewhere) {
  const Screen screen;
  Progress progress(screen.file(), false, 0, 100, 0.0);
  for (int i = 1; i <= 25; ++i) progress.update({.step = 2u, .loss = 1, .bytes_sent = 999}, i);
  progress.finish();
  EXPECT_EQ(screen.text(),
            "step 2/100  loss 1.0000  999 B sent  8 min 10 s left\n"
            "step 2/100  loss 1.0000  999 B sent  16 min 20 s left\n");
}

}  // namespace
}  // namespace laconic
