#include "icingest/company_facts.h"

#include <gtest/gtest.h>

#include "support/company.h"

namespace icingest {
namespace {

using test::Company;

std::string body_of(const std::string& rows, const std::string& unit = "USD",
                    const std::string& cik = "320193") {
  return R"({"cik":)" + cik +
         R"(,"entityName":"Example Inc","facts":{"us-gaap":{"NotWanted":{"label":null,"units":{"USD":[1,2]}},)" +
         R"("NetIncomeLoss":{"label":"Net \"Income\"","description":null,"units":{")" + unit + R"(":[)" +
         rows + "]}}}}}";
}

constexpr const char* kRow =
    R"({"start":"2023-10-01","end":"2024-09-28","val":93736000000,"accn":"0000320193-24-000123","fy":2024,"fp":"FY","form":"10-K","filed":"2024-11-01","frame":"CY2024"})";

TEST(CompanyFacts, OneRowWithEveryMember) {
  const Company company(body_of(kRow));
  ASSERT_TRUE(company.result()) << company.result().error().message;
  EXPECT_EQ(company.decoded().cik, 320193);
  EXPECT_EQ(company.decoded().entity_name, "Example Inc");
  ASSERT_EQ(company.facts().size(), 1U);
  const FactRow row = fact_row(320193, company.facts()[0]);
  EXPECT_EQ(row.taxonomy, "us-gaap");
  EXPECT_EQ(row.concept_name, "NetIncomeLoss");
  EXPECT_EQ(row.unit, "USD");
  EXPECT_EQ(row.start, make_date(2023, 10, 1));
  EXPECT_EQ(row.end, make_date(2024, 9, 28));
  EXPECT_EQ(row.days, 364);
  EXPECT_EQ(row.value.to_string(), "93736000000");
  EXPECT_EQ(row.accession, "0000320193-24-000123");
  EXPECT_EQ(row.form, "10-K");
  EXPECT_EQ(row.filed, make_date(2024, 11, 1));
  EXPECT_EQ(row.fy, 2024);
  EXPECT_EQ(row.fp, "FY");
  EXPECT_EQ(row.frame, "CY2024");
}

TEST(CompanyFacts, MembersInAnyOrderAndNullsWhereTheyAreAllowed) {
  const Company company(body_of(
      R"({"filed":"2024-11-01","form":"8-K","fp":null,"fy":null,"accn":"A","val":-0.1,"end":"2024-09-28","extra":{"a":[1]}})"));
  ASSERT_TRUE(company.result());
  ASSERT_EQ(company.facts().size(), 1U);
  const FactRow row = fact_row(1, company.facts()[0]);
  EXPECT_FALSE(row.start);
  EXPECT_EQ(row.days, 0) << "an instant";
  EXPECT_FALSE(row.fy);
  EXPECT_FALSE(row.fp);
  EXPECT_FALSE(row.frame);
  EXPECT_EQ(row.value.to_string(), "-0.1");
}

TEST(CompanyFacts, ValuesAreExactWhereADoubleIsNot) {
  const Company company(body_of(
      R"({"end":"2024-09-28","val":9007199254740993.01,"accn":"A","form":"10-K","filed":"2024-11-01"},)"
      R"({"end":"2024-09-28","val":1.23e+15,"accn":"B","form":"10-K","filed":"2024-11-01"})"));
  ASSERT_EQ(company.facts().size(), 2U);
  EXPECT_EQ(company.facts()[0].value.to_string(), "9007199254740993.01");
  EXPECT_EQ(company.facts()[1].value.to_string(), "1230000000000000");
}

TEST(CompanyFacts, CikAsNumberAndAsTextWithAndWithoutZeros) {
  for (const char* cik : {"1181412", R"("1181412")", R"("0001181412")"}) {
    const Company company(body_of(kRow, "USD", cik));
    ASSERT_TRUE(company.result()) << cik;
    EXPECT_EQ(company.decoded().cik, 1181412) << cik;
  }
  for (const char* cik : {"true", R"("12x")", "-5", "0", R"("")"}) {
    EXPECT_FALSE(Company(body_of(kRow, "USD", cik)).result()) << cik;
  }
}

TEST(CompanyFacts, UnitsAreFreeText) {
  const Company company(body_of(kRow, "AUD/EUR weird unit"));
  ASSERT_EQ(company.facts().size(), 1U);
  EXPECT_EQ(company.facts()[0].unit, "AUD/EUR weird unit");
}

TEST(CompanyFacts, ARowThatIsNoFactIsRefusedAloneWithItsText) {
  struct Case {
    const char* row;
    Fault fault;
    const char* field;
  };
  const Case cases[] = {
      {R"({"end":"2024-09-28","val":null,"accn":"A","form":"10-K","filed":"2024-11-01"})", Fault::null_value,
       "val"},
      {R"({"end":"2024-09-28","val":"12","accn":"A","form":"10-K","filed":"2024-11-01"})", Fault::wrong_type,
       "val"},
      {R"({"val":1,"accn":"A","form":"10-K","filed":"2024-11-01"})", Fault::missing, "end"},
      {R"({"end":"205-01-01","val":1,"accn":"A","form":"10-K","filed":"2024-11-01"})", Fault::malformed,
       "end"},
      {R"({"end":"6016-06-30","val":1,"accn":"A","form":"10-K","filed":"2024-11-01"})", Fault::out_of_range,
       ""},
      {R"({"start":"2025-01-01","end":"2024-06-30","val":1,"accn":"A","form":"10-K","filed":"2024-11-01"})",
       Fault::out_of_range, ""},
      {R"({"end":"2024-06-30","val":1,"accn":"","form":"10-K","filed":"2024-11-01"})", Fault::empty_text, ""},
  };
  for (const Case& one : cases) {
    const Company company(body_of(std::string(kRow) + "," + one.row + "," + kRow));
    ASSERT_TRUE(company.result()) << one.row;
    EXPECT_EQ(company.facts().size(), 2U) << one.row;
    ASSERT_EQ(company.decoded().refused.size(), 1U) << one.row;
    EXPECT_EQ(company.decoded().refused[0].fault, one.fault) << one.row;
    EXPECT_EQ(company.decoded().refused[0].field, one.field) << one.row;
    EXPECT_EQ(company.decoded().refused[0].raw, one.row);
    EXPECT_EQ(company.decoded().rows_seen, 3);
  }
}

TEST(CompanyFacts, BodiesThatAreNoCompanyfactsFailAsAWhole) {
  const std::string whole = body_of(kRow);
  for (const std::string& body :
       {std::string("true"), std::string("[]"), std::string("\"x\""), std::string("<html>"),
        std::string(R"({"cik":1,"facts":true})"), std::string(R"({"cik":1,"facts":{"us-gaap":true}})"),
        std::string(R"({"cik":1,"facts":{"ifrs-full":{"_stripped":true}}})"),
        std::string(R"({"cik":1,"facts":{"us-gaap":{"Assets":{"units":[]}}}})"),
        whole.substr(0, whole.size() - 1), whole.substr(0, whole.size() / 2), whole + "{}"}) {
    const Company company(body);
    ASSERT_FALSE(company.result()) << body;
    EXPECT_EQ(company.result().error().action, Action::retry) << body;
  }
}

TEST(CompanyFacts, ACompanyWithoutFactsIsNoError) {
  for (const char* body : {"{}", R"({"cik":1,"entityName":""})", R"({"cik":1,"entityName":"","facts":{}})",
                           R"({"cik":1,"facts":{"us-gaap":{"Assets":{"units":{"USD":[]}}}}})"}) {
    const Company company(body);
    ASSERT_TRUE(company.result()) << body;
    EXPECT_TRUE(company.facts().empty()) << body;
  }
}

TEST(CompanyFacts, EveryConceptIsFoundByItsName) {
  for (std::size_t id = 0; id < concepts().size(); ++id) {
    EXPECT_EQ(find_concept(concepts()[id].taxonomy, concepts()[id].name), static_cast<ConceptId>(id));
  }
  EXPECT_FALSE(find_concept("us-gaap", "NoSuchConcept"));
  EXPECT_FALSE(find_concept("ecd", "Assets"));
}

}  // namespace
}  // namespace icingest
