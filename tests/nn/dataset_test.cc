#include "nn/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "base/errors.h"
#include "nn/array_file.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

std::string big_endian(std::uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8),
          static_cast<char>(v)};
}

std::string idx(const std::vector<std::uint32_t>& shape, const std::string& elements) {
  std::string file{0, 0, 8, static_cast<char>(shape.size())};
  for (const std::uint32_t d : shape) file += big_endian(d);
  return file + elements;
}

std::string npy(const std::string& header, const std::string& elements, char version = 1) {
  std::string file = "\x93NUMPY";
  file += {version, 0, static_cast<char>(header.size()), static_cast<char>(header.size() >> 8)};
  if (version > 1) file += std::string(2, '\0');
  return file + header + elements;
}

std::string npy_header(const std::string& descr, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }   \n";
}

template <typename T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string gzip(const std::string& plain) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, plain.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// Distinguishable elements: 0, 1, ..., 255, 0, ...
std::string ramp(std::size_t n) {
  std::string bytes(n, '\0');
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<char>(i);
  return bytes;
}

class Files : public testing::Test {
 protected:
  Files() { fs::create_directories(folder_); }
  ~Files() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }

  /// The error that `read` ends in, which has to name `file`.
  template <typename F>
  static std::string data_error(const fs::path& file, const F& read) {
    try {
      read();
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), testing::StartsWith(file.string() + ": "));
      return error.what();
    }
    ADD_FAILURE() << "no DataError for " << file;
    return {};
  }

  const fs::path folder_ =
      fs::path(testing::TempDir()) / ("laconic_dataset_test." + std::to_string(getpid()));
};

// ------------------------------------------------------------------------------------------- files

class Idx : public Files {
 protected:
  std::string refused(const std::string& name, const std::string& bytes) const {
    const fs::path path = write(name, bytes);
    return data_error(path, [&] { read_idx(path); });
  }
};

TEST_F(Idx, PlainAndGzipAreTheSame) {
  const std::string file = idx({7, 5, 3}, ramp(105));
  const RawArray plain = read_idx(write("plain", file));
  EXPECT_EQ(plain.shape, (std::vector<std::uint64_t>{7, 5, 3}));
  EXPECT_EQ(plain.bytes.size(), 105u);
  EXPECT_EQ(plain.bytes[104], 104);
  for (const char* name : {"file.gz", "compressed-without-a-name-that-says-so"})
    EXPECT_EQ(read_idx(write(name, gzip(file))).bytes, plain.bytes);
  EXPECT_EQ(
      read_idx(write("two-members.gz", gzip(file.substr(0, 40)) + gzip(file.substr(40)))).bytes,
      plain.bytes);
}

TEST_F(Idx, LargerThanABufferAndThanTheFirstGrowth) {
  const std::string elements = ramp(3'000'001);
  const std::string file = idx({3'000'001}, elements);
  for (const auto& bytes : {file, gzip(file)}) {
    const RawArray array = read_idx(write("large", bytes));
    EXPECT_EQ(std::string(array.bytes.begin(), array.bytes.end()), elements);
  }
}

TEST_F(Idx, EveryTruncationIsRefused) {
  const std::string file = idx({4, 3}, ramp(12)), compressed = gzip(file);
  for (std::size_t n = 0; n < file.size(); ++n)
    EXPECT_THAT(refused("plain", file.substr(0, n)), HasSubstr("ends "));
  for (std::size_t n = 0; n < compressed.size(); ++n)
    EXPECT_THAT(refused("file.gz", compressed.substr(0, n)), HasSubstr("is cut short"));
  // Without the name, two bytes are needed to tell what it is.
  for (std::size_t n = 2; n < compressed.size(); ++n)
    EXPECT_THAT(refused("file", compressed.substr(0, n)), HasSubstr("is cut short"));
}

TEST_F(Idx, EveryFlippedBitOfAGzipIsRefusedOrHarmless) {
  const std::string file = idx({4, 3}, ramp(12)), compressed = gzip(file);
  const RawArray array = read_idx(write("file.gz", compressed));
  std::size_t refusals = 0;
  for (std::size_t bit = 0; bit < 8 * compressed.size(); ++bit) {
    std::string flipped = compressed;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    try {
      EXPECT_EQ(read_idx(write("file.gz", flipped)).bytes, array.bytes) << "bit " << bit;
    } catch (const DataError&) {
      ++refusals;
    }
  }
  // Harmless: time stamp, operating system and the like in the gzip header.
  EXPECT_GT(refusals, 8 * (compressed.size() - 10));
}

TEST_F(Idx, BytesAfterTheEndAreRefused) {
  const std::string file = idx({4, 3}, ramp(12));
  EXPECT_THAT(refused("plain", file + "x"), HasSubstr("goes on after the end of its data"));
  EXPECT_THAT(refused("file.gz", gzip(file + "x")), HasSubstr("goes on after the end of its data"));
  EXPECT_THAT(refused("file.gz", gzip(file) + "xyz"),
              HasSubstr("goes on after the end of its gzip"));
}

TEST_F(Idx, ForeignFilesAreRefused) {
  EXPECT_THAT(refused("text", "hello world"), HasSubstr("is no IDX file"));
  EXPECT_THAT(refused("text.gz", "hello world"), HasSubstr("is no intact gzip stream"));
  EXPECT_THAT(refused("floats", std::string{0, 0, 13, 1} + big_endian(1) + "abcd"),
              HasSubstr("IDX type 13"));
  EXPECT_THAT(data_error(folder_, [&] { read_idx(folder_); }), HasSubstr("is a folder"));
  const fs::path missing = folder_ / "missing.gz";
  EXPECT_THAT(data_error(missing, [&] { read_idx(missing); }), HasSubstr("No such file"));
}

TEST_F(Idx, ImpossibleShapesAllocateNothing) {
  EXPECT_THAT(refused("none", idx({}, "")), HasSubstr("impossible shape"));
  EXPECT_THAT(refused("empty", idx({0, 28, 28}, "")), HasSubstr("impossible shape"));
  EXPECT_THAT(refused("overflow", idx({~0u, ~0u, ~0u}, "abc")), HasSubstr("impossible shape"));
  // 2^64 - 2^33 + 1 bytes: no machine has them, so it fails by the file's length or not at all.
  EXPECT_THAT(refused("huge", idx({~0u, ~0u}, "abc")), HasSubstr("ends after 3 of the"));
  EXPECT_THAT(refused("huge.gz", gzip(idx({~0u, ~0u}, "abc"))), HasSubstr("ends after 3 of the"));
}

class Npy : public Files {
 protected:
  std::string refused(const std::string& bytes) const {
    const fs::path path = write("array.npy", bytes);
    return data_error(path, [&] { read_npy(path); });
  }
};

TEST_F(Npy, HeadersAsNumpyWritesThem) {
  const std::vector<float> values{1.5f, -2, 3, 4, 5, 6};
  for (const char version : {1, 2, 3})
    for (const std::string& header :
         {npy_header("<f4", "(2, 3)"), npy_header("<f4", "(2, 3,)"),
          std::string("{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<f4\"}\n")}) {
      const RawArray array = read_npy(write("array.npy", npy(header, raw(values), version)));
      EXPECT_EQ(array.type, ElementType::f32);
      EXPECT_EQ(array.shape, (std::vector<std::uint64_t>{2, 3}));
      EXPECT_EQ(std::memcmp(array.bytes.data(), values.data(), array.bytes.size()), 0);
    }
  EXPECT_EQ(read_npy(write("v.npy", npy(npy_header("|u1", "(3,)"), "abc"))).shape,
            (std::vector<std::uint64_t>{3}));
}

TEST_F(Npy, EveryTruncationIsRefused) {
  for (const char version : {1, 2, 3}) {
    const std::string file = npy(npy_header("|u1", "(4, 3)"), ramp(12), version);
    for (std::size_t n = 0; n < file.size(); ++n)
      EXPECT_THAT(refused(file.substr(0, n)), HasSubstr("ends "));
    EXPECT_THAT(refused(file + "x"), HasSubstr("goes on after the end"));
  }
}

TEST_F(Npy, EveryTruncatedHeaderIsMalformed) {
  const std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 3), }";
  for (std::size_t n = 0; n < header.size(); ++n)
    EXPECT_THAT(refused(npy(header.substr(0, n), ramp(12))), HasSubstr("malformed .npy header"));
}

TEST_F(Npy, MalformedHeadersAreRefused) {
  for (const char* header :
       {"{'descr': '|u1', 'fortran_order': False, 'shape': (4, 3), } x",
        "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (4, 3)}",
        "{'descr': '|u1', 'fortran_order': False}", "{'descr': '|u1', 'shape': (4, 3)}",
        "{'fortran_order': False, 'shape': (4, 3)}",
        "{'descr': '|u1', 'fortran_order': 0, 'shape': (4, 3)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (4 3)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-4, 3)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 3)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 3), 'more': 1}",
        "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (4, 3)}"})
    EXPECT_THAT(refused(npy(header, ramp(12))), HasSubstr("malformed .npy header")) << header;
}

TEST_F(Npy, WhatIsNotReadIsRefused) {
  EXPECT_THAT(refused("not a numpy file"), HasSubstr("is no .npy file"));
  EXPECT_THAT(refused(npy(npy_header("|u1", "(3,)"), "abc", 4)), HasSubstr("version 4"));
  for (const char* descr : {"<f8", ">f4", ">i4", "|b1", "|S3", "<c8", ""})
    EXPECT_THAT(refused(npy(npy_header(descr, "(1,)"), ramp(8))),
                AllOf(HasSubstr("elements of type"), HasSubstr(descr)));
  EXPECT_THAT(refused(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1)}", ramp(4))),
              HasSubstr("Fortran order"));
  for (const char* shape : {"()", "(0,)", "(4294967296, 4294967296)"})
    EXPECT_THAT(refused(npy(npy_header("<f4", shape), "")), HasSubstr("impossible shape"));
  EXPECT_THAT(refused(npy(npy_header("<f4", "(4611686018427387903,)"), ramp(8))),
              HasSubstr("ends after 8 of the"));
  std::string claims = "\x93NUMPY";
  claims += {2, 0, '\xff', '\xff', '\xff', '\x7f'};
  EXPECT_THAT(refused(claims), HasSubstr("header of 2147483647 bytes"));
}

// ---------------------------------------------------------------------------------------- datasets

class Datasets : public Files {
 protected:
  /// Six examples of 4x5 bytes to learn from, three to test on, three classes.
  IdxOptions good_idx() const {
    return {write("train-images", idx({6, 4, 5}, ramp(120))),
            write("train-labels.gz", gzip(idx({6}, {0, 1, 2, 2, 1, 0}))),
            write("test-images.gz", gzip(idx({3, 4, 5}, ramp(60)))),
            write("test-labels", idx({3}, {2, 1, 0})), 3};
  }
  NpyOptions good_npy() const {
    return {write("train.npy", npy(npy_header("<f4", "(2, 3)"), raw<float>({0, 1, 2, 3, 4, 5}))),
            write("train-labels.npy", npy(npy_header("<i8", "(2,)"), raw<std::int64_t>({1, 0}))),
            write("test.npy", npy(npy_header("<f4", "(1, 3)"), raw<float>({7, 8, 9}))),
            write("test-labels.npy", npy(npy_header("|u1", "(1,)"), raw<std::uint8_t>({1}))), 2};
  }
  std::string refused(const fs::path& file, const DatasetOptions& options) const {
    return data_error(file, [&] { load_dataset(options); });
  }
};

TEST_F(Datasets, FromIdx) {
  const TrainAndTest data = load_dataset(good_idx());
  EXPECT_EQ(data.train->shape, (std::vector<std::int64_t>{1, 4, 5}));
  EXPECT_EQ(data.train->example_size(), 20u);
  EXPECT_EQ(data.train->classes, 3u);
  EXPECT_EQ(data.train->labels, (std::vector<std::uint32_t>{0, 1, 2, 2, 1, 0}));
  EXPECT_EQ(data.test->size(), 3u);
  EXPECT_EQ(std::get<std::vector<std::uint8_t>>(data.train->examples).at(119), 119);
}

TEST_F(Datasets, FromNpy) {
  const TrainAndTest data = load_dataset(good_npy());
  EXPECT_EQ(data.train->shape, (std::vector<std::int64_t>{3}));
  EXPECT_EQ(std::get<std::vector<float>>(data.train->examples),
            (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(data.train->labels, (std::vector<std::uint32_t>{1, 0}));
  EXPECT_EQ(data.test->labels, (std::vector<std::uint32_t>{1}));
}

TEST_F(Datasets, FromAFolderLikeFashionMnist) {
  const FashionMnistOptions options{folder_};
  for (const std::string set : {"train", "t10k"}) {
    write(set + "-images-idx3-ubyte.gz", gzip(idx({2, 28, 28}, ramp(2 * 784))));
    write(set + "-labels-idx1-ubyte.gz", gzip(idx({2}, {9, 0})));
  }
  EXPECT_EQ(load_dataset(options).train->shape, (std::vector<std::int64_t>{1, 28, 28}));
  write("train-labels-idx1-ubyte", idx({2}, {3, 4}));  // unpacked beside the .gz
  EXPECT_EQ(load_dataset(options).train->labels, (std::vector<std::uint32_t>{3, 4}));
  const fs::path missing = folder_ / "t10k-images-idx3-ubyte.gz";
  fs::remove(missing);
  EXPECT_THAT(refused(missing, options), HasSubstr("No such file"));
}

TEST_F(Datasets, TheLastDimensionsOfAnExampleAreChannelsAndPixels) {
  IdxOptions o = good_idx();
  o.train_images = write("colour", idx({6, 3, 4, 5}, ramp(360)));
  o.test_images = write("colour-test", idx({3, 3, 4, 5}, ramp(180)));
  EXPECT_EQ(load_dataset(o).test->shape, (std::vector<std::int64_t>{3, 4, 5}));
}

TEST_F(Datasets, LabelsOfAnyIntegerType) {
  const auto labels_as = [&]<typename T>(const char* descr, std::vector<T> values) {
    NpyOptions o = good_npy();
    o.train_labels = write("labels.npy", npy(npy_header(descr, "(2,)"), raw(values)));
    return load_dataset(o).train->labels;
  };
  const std::vector<std::uint32_t> expected{1, 0};
  EXPECT_EQ(labels_as("|u1", std::vector<std::uint8_t>{1, 0}), expected);
  EXPECT_EQ(labels_as("|i1", std::vector<std::int8_t>{1, 0}), expected);
  EXPECT_EQ(labels_as("<u2", std::vector<std::uint16_t>{1, 0}), expected);
  EXPECT_EQ(labels_as("<i2", std::vector<std::int16_t>{1, 0}), expected);
  EXPECT_EQ(labels_as("<u4", std::vector<std::uint32_t>{1, 0}), expected);
  EXPECT_EQ(labels_as("<i4", std::vector<std::int32_t>{1, 0}), expected);
  EXPECT_EQ(labels_as("<u8", std::vector<std::uint64_t>{1, 0}), expected);
  EXPECT_EQ(labels_as("<i8", std::vector<std::int64_t>{1, 0}), expected);
  EXPECT_THROW(labels_as("<i4", std::vector<std::int32_t>{1, -1}), DataError);
  EXPECT_THROW(labels_as("<u8", std::vector<std::uint64_t>{1, std::uint64_t{1} << 32}), DataError);
  EXPECT_THROW(labels_as("<f4", std::vector<float>{1, 0}), DataError);
}

TEST_F(Datasets, LabelsAreBelowTheNumberOfClasses) {
  IdxOptions o = good_idx();
  o.classes = 2;
  EXPECT_THAT(refused(o.train_labels, o), HasSubstr("label 2 of example 2"));
  o.classes = 1;
  EXPECT_THROW(load_dataset(o), ConfigError);
}

TEST_F(Datasets, EveryExampleHasALabel) {
  IdxOptions o = good_idx();
  o.train_labels = write("five", idx({5}, {0, 1, 2, 2, 1}));
  EXPECT_THAT(refused(o.train_labels, o),
              AllOf(HasSubstr("5 labels for the 6 examples"), HasSubstr(o.train_images.string())));
  o.train_labels = write("square", idx({6, 1}, {0, 1, 2, 2, 1, 0}));
  EXPECT_THAT(refused(o.train_labels, o), HasSubstr("one dimension, not 2"));
}

TEST_F(Datasets, ExamplesHaveAShapeOfTheirOwnAndAKnownType) {
  IdxOptions o = good_idx();
  o.train_images = write("flat", idx({6}, ramp(6)));
  EXPECT_THAT(refused(o.train_images, o), HasSubstr("at least one dimension"));
  NpyOptions n = good_npy();
  n.train_examples = write("integers.npy", npy(npy_header("<i4", "(2, 3)"), ramp(24)));
  EXPECT_THAT(refused(n.train_examples, n), HasSubstr("float32 or uint8"));
}

TEST_F(Datasets, TestExamplesAreLikeThoseToLearnFrom) {
  IdxOptions o = good_idx();
  o.test_images = write("narrow", idx({3, 4, 4}, ramp(48)));
  EXPECT_THAT(refused(o.test_images, o), AllOf(HasSubstr("[1, 4, 4]"), HasSubstr("[1, 4, 5]")));
  NpyOptions n = good_npy();
  n.test_examples = write("bytes.npy", npy(npy_header("|u1", "(1, 3)"), "abc"));
  EXPECT_THAT(refused(n.test_examples, n), HasSubstr("bytes, the other floats"));
}

TEST_F(Datasets, ValuesAreFinite) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    NpyOptions n = good_npy();
    n.train_examples =
        write("bad.npy", npy(npy_header("<f4", "(2, 3)"), raw<float>({0, 1, 2, 3, bad, 5})));
    EXPECT_THAT(refused(n.train_examples, n), HasSubstr("element 4 is"));
  }
}

}  // namespace
}  // namespace laconic
