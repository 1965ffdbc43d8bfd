#include <hubcache/error.hpp>
#include <hubcache/format/recipe.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using hubcache::errc;
using hubcache::parse_recipe;
using hubcache::recipe;
using hubcache::recipe_role;
using hubcache::repo;
using hubcache::repo_type;

namespace {

/// What is said about `call`'s input.
template <class Call>
std::string complaint(Call call) {
  try {
    call();
  } catch (const hubcache::error& e) {
    CHECK(e.reason() == errc::invalid_argument);
    return e.detail();
  }
  return {};
}

recipe_role one_file(std::string name, std::string file) {
  recipe_role role;
  role.name = std::move(name);
  role.repo = "acme/tiny";
  role.file = std::move(file);
  return role;
}

recipe of(std::vector<recipe_role> roles) {
  recipe result;
  result.roles = std::move(roles);
  return result;
}

constexpr std::string_view role = "[roles.vae]\nrepo = \"acme/vae\"\nfile = \"ae.safetensors\"\n";

}  // namespace

TEST_CASE("A recipe is read with its roles in the order of the file") {
  const auto got = parse_recipe(R"TOML(# For people.
name = "flüx"   # any text

[roles.vae]
repo = "acme/vae"
file = "sub/ae.safetensors"
revision = "refs/pr/1"

[roles."clip.l"]
file = 'text_encoder/'
repo = 'datasets/acme/words'

[ roles . model ]
repo = "legacy-name"
quant = "Q4_K_M"

[roles.any-model_2]
repo = "spaces/acme/show"
quant = ""
)TOML");
  CHECK(got.name == "fl\xC3\xBCx");
  REQUIRE(got.roles.size() == 4);
  CHECK(got.roles[0].name == "vae");
  CHECK(got.roles[0].repo == repo("acme/vae"));
  CHECK(got.roles[0].file == "sub/ae.safetensors");
  CHECK(got.roles[0].revision == "refs/pr/1");
  CHECK_FALSE(got.roles[0].quant);
  CHECK(got.roles[1].name == "clip.l");
  CHECK(got.roles[1].repo == repo("acme/words", repo_type::dataset));
  CHECK(got.roles[1].file == "text_encoder/");
  CHECK(got.roles[1].revision == "main");
  CHECK(got.roles[2].name == "model");
  CHECK(got.roles[2].repo == repo("legacy-name"));
  CHECK(got.roles[2].file.empty());
  CHECK(got.roles[2].quant == "Q4_K_M");
  CHECK(got.roles[3].repo == repo("acme/show", repo_type::space));
  CHECK(got.roles[3].quant == "");
}

TEST_CASE("What makes no sense is refused with line, key and what was expected") {
  const auto says = [](std::string_view text, const std::string& where, const std::string& expected) {
    CAPTURE(text);
    const auto told = complaint([text] { (void)parse_recipe(text); });
    CAPTURE(told);
    CHECK(told.find(where) == 0);
    CHECK(told.find(expected) != told.npos);
  };
  const auto vae = std::string(role);
  says("", "expected at least one role", "[roles.NAME]");
  says("[roles]\n", "expected at least one role", "");
  says("\nnom = \"x\"", "line 2, column 1: ", "found 'nom'");
  says("name = true\n" + vae, "line 1, column 8: ", "a string for 'name'");
  says("roles = \"x\"", "line 1, column 9: ", "[roles.NAME]");
  says("[roles]\nvae = \"x\"", "line 2, column 7: ", "[roles.NAME]");
  says("[[roles]]\nrepo = \"x\"", "line 1, ", "[roles.NAME]");
  says(vae + "files = \"x\"", "line 4, column 1: ", "'repo', 'file', 'quant' or 'revision', found 'files'");
  says(vae + "revision = 7", "line 4, column 12: ", "a string for 'revision'");
  says(vae + "quant = \"Q8_0\"", "line 1, ", "role 'vae': expected either a 'file' or a 'quant', not both");
  says(vae + vae, "line 4, ", "");
  says("[roles.vae]\nrepo = \"acme/vae\"", "line 1, ", "role 'vae': expected either a 'file' or a 'quant'");
  says("[roles.vae]\nfile = \"x\"", "line 1, ", "role 'vae': expected a 'repo'");
  says("[roles.vae]\nrepo = \"a/b/c\"\nfile = \"x\"", "line 2, column 8: ", "repo id 'a/b/c'");
  says("[roles.vae]\nrepo = \"models/a/b\"\nfile = \"x\"", "line 2, ", "repo id");
  for (const char* path : {"", "/", "/x", "../x", "a//b", "x/..", ".git/config", "a\\u0000", "x//"}) {
    says("\n[roles.vae]\nrepo = \"a/b\"\nfile = \"" + std::string(path) + "\"", "line 2, ", "'file'");
  }
  says("[roles.m]\nrepo = \"a/b\"\nquant = \"Q4*\"", "line 1, ", "found 'Q4*'");
  says(vae + "revision = \"../main\"", "line 1, ", "role 'vae': revision '../main'");
  for (const char* line :
       {"roles.vae.repo = \"x\"", "[roles.a.b]", "[roles.\"a b\"]", "[roles.\"a]", "[roles.]", "[roles",
        "[[[roles]]]", "roles = {vae = {repo = \"x\"}}", "name = '''", "name = [\"x\"]", "name = ", "name",
        "name = \xE2\x80\x9Cx\xE2\x80\x9D", "name = \"x\" \"y\""}) {
    says("# \xC3\xA9\n" + std::string(line),
         "line 2: ", "expected [roles.NAME] (a name with a '.' in quotes), or KEY");
  }
}

TEST_CASE("Text that is no recipe is refused, however deep or long") {
  for (const auto& text :
       {std::string(100'000, '['), "name = " + std::string(100'000, '['), std::string(1000, '\0'),
        std::string("name = tru"), std::string("\xff\xfe"), std::string((1U << 20U) + 1, '\n')}) {
    CHECK_FALSE(complaint([&text] { (void)parse_recipe(text); }).empty());
  }
}

TEST_CASE("A role may not have the name that another one's projector gets") {
  auto model = one_file("model", "");
  model.quant = "";
  const auto told = complaint([&] { check_recipe(of({model, one_file("model.mmproj", "x")})); });
  CHECK(told.find("'model.mmproj'") != told.npos);
  check_recipe(of({one_file("model", "y"), one_file("model.mmproj", "x")}));
}

TEST_CASE("A recipe made by a program is checked as one that was read") {
  check_recipe(of({one_file("vae", "x"), one_file("vae.2", "sub/")}));
  const auto refuses = [](const recipe_role& wrong) {
    CAPTURE(wrong.name);
    CHECK_FALSE(complaint([&wrong] { check_recipe(of({wrong})); }).empty());
  };
  refuses(recipe_role());
  refuses(one_file("", "x"));
  refuses(one_file("a b", "x"));
  refuses(one_file("a\tb", "x"));
  refuses(one_file("a", "/x"));
  auto both = one_file("a", "x");
  both.quant = "Q8_0";
  refuses(both);
  CHECK_FALSE(complaint([] { check_recipe(of({one_file("a", "x"), one_file("a", "y")})); }).empty());
  CHECK_FALSE(complaint([] { check_recipe(recipe()); }).empty());
}

TEST_CASE("A recipe with a repo at two revisions cannot be locked") {
  auto old = one_file("old", "x");
  check_lockable(of({old, one_file("other", "y")}));
  old.revision = "v1.0";
  const auto told = complaint([&] { check_lockable(of({old, one_file("other", "y")})); });
  CHECK(told.find("role 'old' asks for revision 'v1.0', role 'other' for 'main'") != told.npos);
  old.repo = repo("acme/tiny", repo_type::dataset);
  check_lockable(of({old, one_file("other", "y")}));
}
