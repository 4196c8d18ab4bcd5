#include "collectives/bucket_plan.h"

#include <algorithm>

#include "collectives/chunk.h"

namespace laconic {
namespace {

/// A tensor that fills more than a bucket, as equal pieces of whole rows as there can be.
void cut_at_rows(const Tensor& tensor, std::size_t bucket_floats, std::vector<Slice>& buckets) {
  const std::size_t rows_each = std::max<std::size_t>(1, bucket_floats / tensor.columns);
  const std::size_t pieces = (tensor.rows + rows_each - 1) / rows_each;
  for (std::size_t i = pieces; i-- > 0;) {
    const Slice rows = chunk(tensor.rows, pieces, i);
    buckets.push_back({tensor.begin + rows.begin * tensor.columns, rows.count * tensor.columns});
  }
}

}  // namespace

std::vector<Slice> plan_buckets(const Layout& layout, std::size_t bucket_bytes) {
  const std::size_t bucket_floats = bucket_bytes / sizeof(float);
  std::vector<Slice> buckets;
  Slice open;  // grows towards the front
  const auto close = [&] {
    if (open.count > 0) buckets.push_back(open);
    open.count = 0;
  };
  for (auto tensor = layout.rbegin(); tensor != layout.rend(); ++tensor) {
    if (tensor->count() > bucket_floats) {
      close();
      cut_at_rows(*tensor, bucket_floats, buckets);
    } else {
      if (open.count + tensor->count() > bucket_floats) close();
      open = {tensor->begin, open.count + tensor->count()};
    }
  }
  close();
  return buckets;
}

Layout layout_of(const Layout& layout, Slice bucket) {
  Layout inside;
  for (const Tensor& tensor : layout) {
    const std::size_t begin = std::max(tensor.begin, bucket.begin);
    const std::size_t end = std::min(tensor.begin + tensor.count(), bucket.end());
    if (begin >= end) continue;
    const bool whole_rows =
        (begin - tensor.begin) % tensor.columns == 0 && (end - begin) % tensor.columns == 0;
    const std::size_t columns = whole_rows ? tensor.columns : 1;
    inside.push_back({tensor.name, begin - bucket.begin, (end - begin) / columns, columns});
  }
  return inside;
}

}  // namespace laconic
