//! `/api/v1`: looks and words, as JSON.

#[allow(unused_qualifications, reason = "what the macro for parameters writes")]
pub(super) mod hosts;
pub(super) mod log;
pub(super) mod status;
pub(super) mod swarms;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{self, JsonConfig, QueryConfig, ServiceConfig};
use swarmlet_protocol::id::InfoHash;

use super::face::{look, only_look};
use super::openapi;
use super::problem::{Problem, no_such_method};
use crate::Refusal;

/// 46 MiB: the longest body: a `.torrent` of 32 MiB in base64, and the rest of it.
const MAX_BODY: usize = 46 * 1024 * 1024;

/// 64 KiB: the longest body of anything but a content to add.
const MAX_WORD: usize = 64 * 1024;

/// The routes of the API, but for the event stream.
pub(super) fn routes(config: &mut ServiceConfig) {
    let post = |path: &str| web::resource(path).default_service(web::to(no_such_method("POST")));
    config
        .service(only_look("/openapi.json").route(look().to(openapi::document)))
        .service(only_look("/status").route(look().to(status::status)))
        .service(
            web::resource("/swarms")
                .app_data(json_config().limit(MAX_BODY))
                .route(look().to(swarms::list))
                .route(web::post().to(swarms::add))
                .default_service(web::to(no_such_method("GET, HEAD, POST"))),
        )
        .service(only_look("/swarms/{infohash}/pieces").route(look().to(swarms::pieces)))
        .service(post("/swarms/{infohash}/pause").route(web::post().to(swarms::pause)))
        .service(post("/swarms/{infohash}/resume").route(web::post().to(swarms::resume)))
        .service(post("/swarms/{infohash}/verify").route(web::post().to(swarms::verify)))
        .service(
            web::resource("/swarms/{infohash}")
                .route(look().to(swarms::one))
                .route(web::delete().to(swarms::remove))
                .default_service(web::to(no_such_method("GET, HEAD, DELETE"))),
        )
        .service(
            web::resource("/peers")
                .route(look().to(hosts::peers))
                .route(web::post().to(hosts::add_peer))
                .default_service(web::to(no_such_method("GET, HEAD, POST"))),
        )
        .service(
            web::resource("/bans")
                .route(look().to(hosts::bans))
                .route(web::post().to(hosts::ban))
                .default_service(web::to(no_such_method("GET, HEAD, POST"))),
        )
        .service(
            web::resource("/bans/{ip}")
                .route(web::delete().to(hosts::unban))
                .default_service(web::to(no_such_method("DELETE"))),
        )
        .service(
            web::resource("/log")
                .route(look().to(log::read))
                .route(web::put().to(log::set))
                .default_service(web::to(no_such_method("GET, HEAD, PUT"))),
        );
}

/// Whether the node lives and is ready: for everybody, as they say nothing else.
pub(super) fn health(config: &mut ServiceConfig) {
    config
        .service(only_look("/healthz").route(look().to(status::healthz)))
        .service(only_look("/readyz").route(look().to(status::readyz)));
}

/// Bodies that are no JSON of ours are problems.
pub(super) fn json_config() -> JsonConfig {
    JsonConfig::default()
        .limit(MAX_WORD)
        .error_handler(|error, _: &HttpRequest| Problem::from(error).into())
}

/// Queries that are none of ours are problems.
pub(super) fn query_config() -> QueryConfig {
    QueryConfig::default().error_handler(|error, _: &HttpRequest| Problem::from(error).into())
}

/// The infohash that stands in a path.
pub(super) fn infohash(text: &str) -> Result<InfoHash, Problem> {
    text.parse()
        .map_err(|_| Problem::invalid("an infohash is 40 hex digits, as /api/v1/swarms lists them"))
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::Unknown(_) => {
                let title = "There is no such content";
                Self::new(StatusCode::NOT_FOUND, "unknown-swarm", title, detail)
            }
            Refusal::Place(_) => Self::unusable(detail),
            _ => Self::conflict(detail),
        }
    }
}
