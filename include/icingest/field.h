// field.h: a member of a Row struct under the name a source gives it; JSON objects and CSV lines are read by lists of
// these.
//
// Threads   constants
#pragma once

#include <string_view>

namespace icingest {

template <class RowT, class Member>
struct SourceField {
  using Row = RowT;
  std::string_view name;
  Member RowT::*member;
  bool is_required;
};

namespace fields {

template <class Row, class Member>
constexpr auto required(std::string_view name, Member Row::*member) {
  return SourceField<Row, Member>{name, member, true};
}
// Absent, null in JSON, empty in CSV: leaves the member as it is. Any other wrong value is still a fault.
template <class Row, class Member>
constexpr auto optional(std::string_view name, Member Row::*member) {
  return SourceField<Row, Member>{name, member, false};
}

}  // namespace fields
}  // namespace icingest
