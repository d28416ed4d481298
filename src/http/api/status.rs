//! How the node is.

use std::time::Duration;

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use tokio::time::timeout;

use crate::http::face::Inner;
use crate::http::model::Status;
use crate::http::problem::Problem;
use crate::report::{NodeReport, SwarmReport};

/// 5 s: a node that takes longer to answer is stuck.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the node lives
///
/// Answered by its supervisor: one that is stuck does not answer.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "health",
    responses(
        (status = 200, description = "It lives", content_type = "text/plain", body = String),
        (status = 503, description = "It stops, or is stuck", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn healthz(inner: Data<Inner>) -> Result<HttpResponse, Problem> {
    match timeout(PATIENCE, inner.node.is_responsive()).await {
        Ok(true) => Ok(HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .body("ok\n")),
        Ok(false) => Err(Problem::shut_down()),
        Err(_) => Err(Problem::busy("this node does not answer")),
    }
}

/// Whether everything is here
///
/// 200 once every content is here and verified, and there is one; before, and while something is being
/// repaired, 503 with the contents that are not, a line each, and why.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    responses(
        (status = 200, description = "Everything is here and verified", content_type = "text/plain", body = String),
        (status = 503, description = "Something is not here: a line for each content", content_type = "text/plain", body = String),
    )
)]
pub(in crate::http) async fn readyz(inner: Data<Inner>) -> Result<HttpResponse, Problem> {
    let report = inner.report().await?;
    let mut response = match report.ready {
        true => HttpResponse::Ok(),
        false => HttpResponse::ServiceUnavailable(),
    };
    response.content_type("text/plain; charset=utf-8");
    Ok(match report.ready {
        true => response.body("ready\n"),
        false => response.body(unready(&report)),
    })
}

/// What is not here, a line for each. Names nothing but infohashes: everybody may ask.
fn unready(report: &NodeReport) -> String {
    if report.swarms.is_empty() {
        return match report.is_learning {
            true => "it is not known yet what is to be here\n".to_owned(),
            false => "this node has no content\n".to_owned(),
        };
    }
    let missing = report.swarms.iter().filter(|swarm| !swarm.complete);
    let line = |swarm: &SwarmReport| {
        let reasons: Vec<_> = swarm.waits.iter().map(|wait| wait.code.as_str()).collect();
        let why = match reasons.as_slice() {
            [] => "on its way".to_owned(),
            reasons => reasons.join(", "),
        };
        format!("{}: {why}\n", swarm.info_hash)
    };
    missing.map(line).collect()
}

/// How the node is
#[utoipa::path(
    get,
    path = "/api/v1/status",
    tag = "node",
    responses(
        (status = 200, description = "How it is", body = Status),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The host is not this machine", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The node stops", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn status(
    request: HttpRequest,
    inner: Data<Inner>,
) -> Result<Json<Status>, Problem> {
    let report = inner.report().await?;
    Ok(Json(inner.status(&report, inner.can_change(&request))))
}
