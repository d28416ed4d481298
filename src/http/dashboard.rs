//! The dashboard: a page and what it needs, as files of the program. They hold no data, so everybody
//! may have them; the page asks the API.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use actix_web::web::{self, ServiceConfig};

use super::face::only_get;

/// Path, media type and text of each file.
const FILES: [(&str, &str, &str); 1] = [("/", "text/html; charset=utf-8", "")];

/// Nothing from elsewhere, nothing inline, and in nobody's frame.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

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
        config.service(
            only_get(path)
                .route(web::get().to(answer))
                .route(web::head().to(answer)),
        );
    }
}
