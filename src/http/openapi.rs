//! The description of the API (OpenAPI), made from the code that answers it.

use actix_web::HttpResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::api::{hosts, log, status, swarms};
use super::events::stream;
use super::problem::Problem;
use super::{content, metrics, openapi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "swarmlet",
        description = "The HTTP face of a swarm node. Sizes are bytes, rates bytes per second, times seconds.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        contact(),
    ),
    paths(
        status::healthz,
        status::readyz,
        status::status,
        swarms::list,
        swarms::add,
        swarms::one,
        swarms::remove,
        swarms::pieces,
        swarms::pause,
        swarms::resume,
        swarms::verify,
        hosts::peers,
        hosts::add_peer,
        hosts::bans,
        hosts::ban,
        hosts::unban,
        log::read,
        log::set,
        stream::events,
        metrics::metrics,
        content::content,
        openapi::document,
    ),
    tags(
        (name = "health", description = "For whoever starts and stops nodes. Open to everybody."),
        (name = "node", description = "The node as a whole."),
        (name = "swarms", description = "Contents."),
        (name = "peers", description = "Links and hosts."),
        (name = "events", description = "What happens, as it happens."),
        (name = "metrics", description = "Figures over time."),
        (name = "content", description = "The files themselves."),
    ),
    modifiers(&Token),
)]
struct Document;

/// The token, as a scheme of security.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "The node's token: for every change, and for every look from another machine.",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The description of the API as JSON.
pub(crate) fn json() -> String {
    Document::openapi().to_json().unwrap_or_default()
}

/// This description
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "node",
    responses(
        (status = 200, description = "The description", content_type = "application/json", body = Object),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The host is not this machine", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn document() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(json())
}
