#pragma once
/// @file
/// The page of `hubcache cache report`, as it stands in report_page.{html,css,js}.

#include <string_view>

namespace command::report_page_parts {

extern const std::string_view html;  ///< With {{names}} for report_page() to fill in.
extern const std::string_view style;
extern const std::string_view script;

}  // namespace command::report_page_parts
