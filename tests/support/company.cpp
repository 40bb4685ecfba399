#include "support/company.h"

#include <algorithm>
#include <map>
#include <sstream>

#include "support/shared_data.h"

namespace icingest::test {
namespace {

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, separator);) {
    const auto first = cell.find_first_not_of(' ');
    const auto last = cell.find_last_not_of(" \r");
    cells.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
  }
  return cells;
}

std::string without_commas(std::string text) {
  std::erase(text, ',');
  return text;
}

template <class Wanted>
const Statement* find(const Statements& statements, Date end, Wanted&& wanted) {
  for (const Statement& statement : statements.statements) {
    if (statement.end == end && wanted(statement)) return &statement;
  }
  return nullptr;
}

}  // namespace

Company::Company(const std::string& body)
    : body_(std::make_unique<Buffer>()), parser_(std::make_unique<simdjson::ondemand::parser>()) {
  body_->append(body);
  Document document(*body_, "http://test/", *parser_);
  result_ = decode_company_facts(document, facts_);
}

const Company& recorded_company(const std::string& file) {
  static std::map<std::string, Company> loaded;
  auto found = loaded.find(file);
  if (found == loaded.end()) found = loaded.try_emplace(file, read_shared("sec/companyfacts/" + file)).first;
  return found->second;
}

const Statement* find_year(const Statements& statements, Date end) {
  return find(statements, end, [](const Statement& one) { return one.kind == PeriodKind::year; });
}
const Statement* find_quarter(const Statements& statements, Date end) {
  return find(statements, end, [](const Statement& one) { return one.kind == PeriodKind::quarter; });
}

std::vector<OracleYear> oracle_years() {
  std::vector<OracleYear> out;
  std::istringstream in(read_shared("README.md"));
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("| file | company | fiscal year end")) inside = true;
    else if (inside && !line.starts_with("|")) break;
    else if (inside && line.starts_with("| CIK")) {
      const auto cells = split(line.substr(1), '|');
      OracleYear year;
      year.file = cells.at(0);
      year.company = cells.at(1);
      year.end = parse_date(cells.at(2)).value();
      year.concept_name = cells.at(3).substr(0, cells.at(3).find(','));
      year.unit = cells.at(3).substr(cells.at(3).find(',') + 2);
      year.revenue = without_commas(cells.at(4));
      year.net_income = without_commas(cells.at(5));
      year.eps_diluted = cells.at(6);
      year.form = cells.at(7).substr(0, cells.at(7).find(' '));
      year.accession = cells.at(7).substr(cells.at(7).find(' ') + 1);
      year.q4_revenue = without_commas(cells.at(8));
      year.q4_net_income = without_commas(cells.at(9));
      out.push_back(year);
    }
  }
  return out;
}

std::vector<ReportedFact> reported_facts(const std::string& file) {
  std::vector<ReportedFact> out;
  std::istringstream in(read_shared("sec/oracle/" + file));
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    const auto cells = split(line, ',');
    out.push_back(
        {cells.at(1), cells.at(2), cells.at(6), cells.at(7), cells.at(8), cells.at(10), cells.at(11)});
  }
  return out;
}

}  // namespace icingest::test
