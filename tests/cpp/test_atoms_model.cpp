// Model files: the checksum by its published values, JSON, and files that are damaged in every way.
#include <string>

#include "atoms/json.hpp"
#include "check.hpp"
#include "leignn_file.hpp"

namespace {

using namespace nonideal::atoms::detail;
using nonideal::InvalidArgument;

std::string digest_of(const std::string& text) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  std::string written;
  for (const std::uint8_t byte : sha256({bytes, text.size()})) {
    written += "0123456789abcdef"[byte >> 4];
    written += "0123456789abcdef"[byte & 15];
  }
  return written;
}

void test_sha256() {  // FIPS 180-4's examples
  CHECK_EQUAL(digest_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK_EQUAL(digest_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK_EQUAL(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK_EQUAL(digest_of(std::string(1000000, 'a')),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

bool refuses_keys(const std::string& text) {
  try {
    parse_json(text);
    return false;
  } catch (const InvalidArgument& refusal) {
    return std::string_view(refusal.what()).ends_with(": key 7 stands twice in the object before");
  }
}

void test_json() {
  const Json value = parse_json(R"( {"a": [1, -2.5e1, true, null], "b": "x\n\u00e9\ud83d\ude00"} )");
  const Json& list = *value.find("a");
  CHECK_EQUAL(list.as<Json::Array>()->size(), 4U);
  CHECK((*list.as<Json::Array>())[0].whole() == 1);
  CHECK(!(*list.as<Json::Array>())[1].whole());
  CHECK_EQUAL(*(*list.as<Json::Array>())[1].as<double>(), -25.0);
  CHECK_EQUAL(*value.find("b")->as<std::string>(), "x\n\xc3\xa9\xf0\x9f\x98\x80");
  CHECK(value.find("c") == nullptr);
  CHECK(!parse_json("1.0").whole() && !parse_json("1e2").whole() &&
        !parse_json("10000000000000000000").whole());
  for (const char* const text : {"",
                                 "{",
                                 "[1,]",
                                 "[1 2]",
                                 "{\"a\"}",
                                 "{\"a\":1,}",
                                 "{\"a\":1,\"a\":2}",
                                 "{1:2}",
                                 "01",
                                 "1.",
                                 ".5",
                                 "-",
                                 "+1",
                                 "1e",
                                 "1e999",
                                 "NaN",
                                 "Infinity",
                                 "tru",
                                 "nullx",
                                 "\"\\x\"",
                                 "\"\\u12g4\"",
                                 "\"\\ud800\"",
                                 "\"\\ud800\\u0041\"",
                                 "\"\\udc00\"",
                                 "\"\x01\"",
                                 "\"\xc3\xa9\"",
                                 "\"abc",
                                 "1 1",
                                 "\v1"}) {
    bool refused = false;
    try {
      parse_json(text);
    } catch (const InvalidArgument&) {
      refused = true;
    }
    if (!CHECK(refused)) std::printf("  not refused: %s\n", text);
  }
  CHECK_REFUSED("byte 65: nested too deep", parse_json(std::string(100, '[')));
  CHECK_REFUSED("byte 5: expected ':'", parse_json("{\"a\" 1}"));
  CHECK_REFUSED("byte 19: key a stands twice in the object before", parse_json(R"({"a":1,"b":2,"a":3})"));
  std::string many = "{";  // held against each other they would take minutes
  for (int i = 0; i < 300000; ++i) many.append("\"").append(std::to_string(i)).append("\":0,");
  CHECK_EQUAL(parse_json(many + "\"x\":0}").as<Json::Object>()->size(), 300001U);
  CHECK(refuses_keys(many + "\"7\":0}"));
}

void fuzz_json() {
  static const std::string kSeed = R"({"a":[1,2.5e-3,{"b":null}],"c":"x\u0041\n","d":true})";
  int valid = 0;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    std::string text = kSeed;
    const auto dice = [&](std::uint64_t draw) { return nonideal::philox(5, i, draw).w[0]; };
    for (std::uint64_t change = 0; change <= dice(0) % 3; ++change) {
      const std::size_t at = dice(3 * change + 1) % text.size();
      if (dice(3 * change + 2) % 2 == 0) {
        text[at] = static_cast<char>(dice(3 * change + 3));
      } else {
        text.erase(at, 1 + dice(3 * change + 3) % 4);
      }
      if (text.empty()) break;
    }
    try {
      parse_json(text);
      ++valid;
    } catch (const InvalidArgument& refusal) {
      CHECK(std::string_view(refusal.what()).starts_with("byte "));
    }
  }
  CHECK(valid > 100 && valid < 19000);
}

bool refused(const leignn_file::Bytes& bytes) {
  try {
    parse_model(bytes, "file");
    return false;
  } catch (const InvalidArgument& refusal) {
    return CHECK(std::string_view(refusal.what()).starts_with("file: "));
  }
}

void fuzz_files() {
  const leignn_file::Bytes file = leignn_file::make(leignn_file::sizes(Variant::vn, GlobalMode::mean));
  CHECK(!refused(file));
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, file.data() + 16, 8);
  const auto dice = [](std::uint64_t i, std::uint64_t draw) { return nonideal::philox(7, i, draw).w[0]; };
  for (std::uint64_t i = 0; i < 300; ++i) {  // damage
    leignn_file::Bytes damaged = file;
    const std::size_t at = i < 64 ? i : dice(i, 0) % file.size();
    damaged[at] ^= static_cast<std::uint8_t>(1U << dice(i, 1) % 8);
    CHECK(refused(damaged));
    damaged = file;
    damaged.resize(dice(i, 2) % file.size());
    CHECK(refused(damaged));
    damaged = file;
    damaged.resize(file.size() + 1 + dice(i, 3) % 100);
    CHECK(refused(damaged));
  }
  // Headers that are wrong below a right checksum.
  const std::string header(reinterpret_cast<const char*>(file.data()) + 64, header_bytes);
  const leignn_file::Bytes payload(file.begin() + 64 + static_cast<std::ptrdiff_t>(header_bytes), file.end());
  int valid = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    std::string changed = header;
    const std::size_t at = dice(i, 4) % header.find_last_not_of(' ');
    switch (dice(i, 5) % 3) {
      case 0:
        changed[at] = static_cast<char>(dice(i, 6));
        break;
      case 1:
        changed.erase(at, 1 + dice(i, 6) % 5);
        break;
      default:
        changed[at] = "0123456789{}[],:\"-e."[dice(i, 6) % 20];
    }
    valid += !refused(leignn_file::framed(changed, payload));
  }
  std::printf("%d of 3000 changed headers are valid\n", valid);
  CHECK(valid < 900);
}

void test_refusals() {
  const auto file = leignn_file::make(leignn_file::sizes(Variant::v1, GlobalMode::sum));
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, file.data() + 16, 8);
  const std::string header(reinterpret_cast<const char*>(file.data()) + 64, header_bytes);
  const leignn_file::Bytes payload(file.begin() + 64 + static_cast<std::ptrdiff_t>(header_bytes), file.end());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = header;
    changed.replace(changed.find(from), from.size(), to);
    parse_model(leignn_file::framed(changed, payload), "file");
  };
  CHECK_REFUSED("file: channels = 11 is not even", with("\"channels\":12", "\"channels\":11"));
  CHECK_REFUSED("file: variant = v2 is not one of v1, vn, vanilla, vanilla-nmu", with("\"v1\"", "\"v2\""));
  CHECK_REFUSED("file: cutoff = -4 is not > 0", with("\"cutoff\":4.000000", "\"cutoff\":-4"));
  CHECK_REFUSED("file: layers = 0 is outside [1, 1023]", with("\"layers\":3", "\"layers\":0"));
  CHECK_REFUSED("file: species holds 29 twice", with("[1,29]", "[29,29]"));
  CHECK_REFUSED("file: energy_reference is not a number for each of 2 species", with("[-1.0,0.5]", "[-1.0]"));
  CHECK_REFUSED("file: energy = meV is not one of eV", with("\"energy\":\"eV\"", "\"energy\":\"meV\""));
  CHECK_REFUSED("file: the header: unknown key version2",
                with("\"metadata\":", "\"version2\":1,\"metadata\":"));
  CHECK_REFUSED("file: model: unknown key gate", with("\"layers\":3", "\"layers\":3,\"gate\":true"));
  CHECK_REFUSED("file: units: unknown key time",
                with("\"energy\":\"eV\"", "\"energy\":\"eV\",\"time\":\"fs\""));
  CHECK_REFUSED("file: tensor embedding.weight: unknown key scale",
                with("{\"dtype\":", "{\"scale\":2,\"dtype\":"));
  leignn_file::Bytes not_a_number = payload;
  for (std::size_t i = 0; i < 8; ++i) not_a_number[i] = 0xff;
  CHECK_REFUSED("file: tensor embedding.weight: number 0 is -nan",
                parse_model(leignn_file::framed(header, not_a_number), "file"));
  leignn_file::Bytes version = file;
  version[8] = 2;
  CHECK_REFUSED("file: version 2, this library reads version 1", parse_model(version, "file"));
  CHECK_REFUSED("/nowhere/x.leignn: cannot be read", read_model("/nowhere/x.leignn"));
}

}  // namespace

int main() {
  return check::run([] {
    test_sha256();
    test_json();
    fuzz_json();
    test_refusals();
    fuzz_files();
  });
}
