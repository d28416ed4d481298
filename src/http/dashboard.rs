//! The dashboard: a page and what it needs, as files of the program. They hold no data, so everybody
//! may have them; the page asks the API.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use actix_web::web::ServiceConfig;

use super::face::{look, only_look};

const PAGE: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

/// Path, media type and text of each file.
const FILES: [(&str, &str, &str); 21] = [
    ("/", PAGE, include_str!("dashboard/index.html")),
    (
        "/dashboard/actions.js",
        SCRIPT,
        include_str!("dashboard/actions.js"),
    ),
    (
        "/dashboard/bans.js",
        SCRIPT,
        include_str!("dashboard/bans.js"),
    ),
    (
        "/dashboard/chart.js",
        SCRIPT,
        include_str!("dashboard/chart.js"),
    ),
    (
        "/dashboard/dashboard.css",
        CSS,
        include_str!("dashboard/dashboard.css"),
    ),
    (
        "/dashboard/dashboard.js",
        SCRIPT,
        include_str!("dashboard/dashboard.js"),
    ),
    (
        "/dashboard/dom.js",
        SCRIPT,
        include_str!("dashboard/dom.js"),
    ),
    (
        "/dashboard/files.js",
        SCRIPT,
        include_str!("dashboard/files.js"),
    ),
    (
        "/dashboard/format.js",
        SCRIPT,
        include_str!("dashboard/format.js"),
    ),
    (
        "/dashboard/graph.js",
        SCRIPT,
        include_str!("dashboard/graph.js"),
    ),
    (
        "/dashboard/icon.svg",
        IMAGE,
        include_str!("dashboard/icon.svg"),
    ),
    (
        "/dashboard/log.js",
        SCRIPT,
        include_str!("dashboard/log.js"),
    ),
    (
        "/dashboard/node.js",
        SCRIPT,
        include_str!("dashboard/node.js"),
    ),
    (
        "/dashboard/parts.css",
        CSS,
        include_str!("dashboard/parts.css"),
    ),
    (
        "/dashboard/peers.js",
        SCRIPT,
        include_str!("dashboard/peers.js"),
    ),
    (
        "/dashboard/piecemap.js",
        SCRIPT,
        include_str!("dashboard/piecemap.js"),
    ),
    (
        "/dashboard/roster.js",
        SCRIPT,
        include_str!("dashboard/roster.js"),
    ),
    (
        "/dashboard/session.js",
        SCRIPT,
        include_str!("dashboard/session.js"),
    ),
    (
        "/dashboard/stream.js",
        SCRIPT,
        include_str!("dashboard/stream.js"),
    ),
    (
        "/dashboard/swarms.js",
        SCRIPT,
        include_str!("dashboard/swarms.js"),
    ),
    (
        "/dashboard/theme.js",
        SCRIPT,
        include_str!("dashboard/theme.js"),
    ),
];

/// Nothing from elsewhere, nothing inline, and in nobody's frame.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

/// The routes of the dashboard.
pub(super) fn routes(config: &mut ServiceConfig) {
    for (path, media, text) in FILES {
        let answer = move || {
            let mut response = HttpResponse::Ok();
            response
                .content_type(media)
                .insert_header((CONTENT_SECURITY_POLICY, POLICY))
                .insert_header((REFERRER_POLICY, "no-referrer"))
                // Of another version after an update of the program.
                .insert_header((CACHE_CONTROL, "no-cache"));
            std::future::ready(response.body(text))
        };
        config.service(only_look(path).route(look().to(answer)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_dashboard_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/dashboard");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = match name.as_str() {
                "index.html" => "/".to_owned(),
                _ => format!("/dashboard/{name}"),
            };
            assert!(FILES.iter().any(|(served, ..)| *served == path), "{name}");
        }
    }

    #[test]
    fn no_file_asks_anybody_else_and_none_has_anything_inline() {
        for (path, _, text) in FILES {
            let outside = text.match_indices("://").filter(|(at, _)| {
                // The name of a namespace is no address.
                !text[..*at].ends_with("http") || !text[*at..].starts_with("://www.w3.org/")
            });
            assert_eq!(outside.count(), 0, "{path}");
            for inline in [" style=", " onclick=", "<script>", "<style>", "innerHTML"] {
                assert!(!text.contains(inline), "{path}: {inline}");
            }
        }
    }
}
